"""Requests about the account, databases, containers and partition key ranges.

Guarantee: after a split the routing answer changes its etag and lists the children with their
parents, which is how clients find them.
"""

from dataclasses import dataclass

import msgspec

from emulators.cosmos import charges
from emulators.cosmos.catalogue import Catalogue, Container
from emulators.cosmos.errors import unsupported
from emulators.cosmos.partitions import Partition
from emulators.cosmos.protocol import Call, Reply


@dataclass(frozen=True, slots=True)
class Account:
    """What `GET /` tells about the account."""

    consistency: str
    multi_region_writes: bool

    def properties(self, url: str) -> dict[str, object]:
        location = [{"name": "local", "databaseAccountEndpoint": url}]
        return {
            "_self": "",
            "id": "local",
            "_rid": "local",
            "media": "//media/",
            "addresses": "//addresses/",
            "_dbs": "//dbs/",
            "writableLocations": location,
            "readableLocations": location,
            "enableMultipleWriteLocations": self.multi_region_writes,
            "userConsistencyPolicy": {"defaultConsistencyLevel": self.consistency},
        }


@dataclass(frozen=True, slots=True)
class CatalogueRoutes:
    """Serves everything that is not about documents."""

    catalogue: Catalogue
    account: Account

    def serve(self, call: Call) -> Reply:
        match call.verb, call.segments:
            case "GET", ():
                url = f"http://{call.headers.get('host', 'localhost')}/"
                return _reply(200, self.account.properties(url))
            case "GET", ("dbs",):
                listed = [database.properties() for database in self.catalogue.databases.values()]
                return _reply(200, {"_rid": "", "Databases": listed, "_count": len(listed)})
            case "POST", ("dbs",):
                _no_query(call, "databases")
                database = self.catalogue.create_database(_id(call))
                return _reply(201, database.properties())
            case "GET", ("dbs", name):
                return _reply(200, self.catalogue.database(name).properties())
            case "DELETE", ("dbs", name):
                self.catalogue.delete_database(name)
                return Reply(204, charge=charges.METADATA)
            case verb, ("dbs", database_name, "colls", *rest):
                return self._containers(verb, database_name, tuple(rest), call)
            case _:
                raise unsupported(f"{call.verb} /{'/'.join(call.segments)}")

    def _containers(
        self, verb: str, database_name: str, rest: tuple[str, ...], call: Call
    ) -> Reply:
        match verb, rest:
            case "GET", ():
                database = self.catalogue.database(database_name)
                listed = [container.properties() for container in database.containers.values()]
                body = {"_rid": "", "DocumentCollections": listed, "_count": len(listed)}
                return _reply(200, body)
            case "POST", ():
                _no_query(call, "containers")
                created = self.catalogue.create_container(database_name, call.json())
                return _container_reply(201, created)
            case "GET", (name,):
                return _container_reply(200, self.catalogue.container(database_name, name))
            case "PUT", (name,):
                container = self.catalogue.container(database_name, name)
                self.catalogue.replace_container(container, call.json())
                return _container_reply(200, container)
            case "DELETE", (name,):
                self.catalogue.delete_container(self.catalogue.container(database_name, name))
                return Reply(204, charge=charges.METADATA)
            case "GET", (name, "pkranges"):
                return _ranges_reply(self.catalogue.container(database_name, name), call)
            case _:
                raise unsupported(f"{call.verb} on {'/'.join(rest[1:]) or 'containers'}")


def _reply(status: int, body: object) -> Reply:
    return Reply(status, msgspec.json.encode(body), charges.METADATA)


def _container_reply(status: int, container: Container) -> Reply:
    reply = _reply(status, container.properties())
    reply.headers["etag"] = container.etag
    reply.headers["x-ms-alt-content-path"] = f"dbs/{container.database}"
    return reply


def _id(call: Call) -> object:
    body = call.json()
    return body.get("id") if isinstance(body, dict) else None


def _no_query(call: Call, what: str) -> None:
    if call.flag("x-ms-documentdb-isquery") or "query" in call.headers.get("content-type", ""):
        raise unsupported(f"queries over {what}; list them instead")


def _ranges_reply(container: Container, call: Call) -> Reply:
    """All ranges, or those that came after the version in If-None-Match; 304 if none did."""
    table = container.partitions
    known = call.headers.get("if-none-match", "").strip('"')
    version = int(known) if known.isdigit() else 0
    listed = [partition for partition in table.live if partition.version > version]
    headers = {"etag": f'"{table.version}"', "x-ms-item-count": str(len(listed))}
    if not listed:
        return Reply(304, charge=charges.NOT_MODIFIED, headers=headers)
    body = {
        "_rid": container.rid,
        "PartitionKeyRanges": [_range(container, partition) for partition in listed],
        "_count": len(listed),
    }
    return Reply(200, msgspec.json.encode(body), charges.METADATA, headers)


def _range(container: Container, partition: Partition) -> dict[str, object]:
    return {
        "_rid": f"{container.rid}{partition.id}",
        "id": partition.id,
        "_etag": f'"{partition.version}"',
        "minInclusive": partition.minimum,
        "maxExclusive": partition.maximum,
        "ridPrefix": partition.number,
        "throughputFraction": 1,
        "status": "online",
        "parents": [str(number) for number in partition.parents],
        "_ts": container.ts,
        "lsn": partition.lsn,
    }
