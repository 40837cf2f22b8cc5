"""Databases and containers: what exists and how documents find their partition.

Guarantee: what is held in memory equals what is stored; every change goes through a transaction
first.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

import msgspec

from emulators.cosmos import definitions, partition_keys, rids
from emulators.cosmos.clock import Clock
from emulators.cosmos.definitions import Definition
from emulators.cosmos.errors import CONTAINER_RECREATED, OWNER_NOT_FOUND, Refused
from emulators.cosmos.partitions import Partition, Partitions
from emulators.cosmos.storage import NEVER, Storage

NAME_LENGTH_MAX = 255


@dataclass(slots=True)
class Container:
    """One container with its routing table."""

    number: int
    database_number: int
    database: str
    definition: Definition
    ts: int
    version: int
    partitions: Partitions
    rid: str
    item_prefix: bytes

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def link(self) -> str:
        return f"dbs/{self.database}/colls/{self.id}"

    @property
    def etag(self) -> str:
        return f'"{self.number:08x}-{self.version:04x}"'

    def properties(self) -> dict[str, Any]:
        link = f"dbs/{rids.database(self.database_number)}/colls/{self.rid}/"
        return self.definition.properties() | {
            "_rid": self.rid,
            "_self": link,
            "_etag": self.etag,
            "_ts": self.ts,
            "_docs": "docs/",
            "_sprocs": "sprocs/",
            "_triggers": "triggers/",
            "_udfs": "udfs/",
            "_conflicts": "conflicts/",
        }


@dataclass(slots=True)
class Database:
    """One database and its containers by id."""

    number: int
    id: str
    ts: int
    containers: dict[str, Container]

    def properties(self) -> dict[str, Any]:
        rid = rids.database(self.number)
        return {
            "id": self.id,
            "_rid": rid,
            "_self": f"dbs/{rid}/",
            "_etag": f'"{self.number:08x}-0000"',
            "_ts": self.ts,
            "_colls": "colls/",
            "_users": "users/",
        }


class Catalogue:
    """Everything that exists. `partition_count` is how many partitions a new container gets."""

    def __init__(self, storage: Storage, clock: Clock, partition_count: int) -> None:
        self._storage = storage
        self._clock = clock
        self._partition_count = partition_count
        self.databases: dict[str, Database] = {}
        self._load()

    def _load(self) -> None:
        run = self._storage.connection.execute
        for number, name, ts in run("SELECT number, id, ts FROM databases").fetchall():
            self.databases[name] = Database(number, name, ts, {})
        by_number = {database.number: database for database in self.databases.values()}
        for row in run(
            "SELECT number, database, definition, ts, version FROM containers"
        ).fetchall():
            number, owner, definition, ts, version = row
            parsed = definitions.parse(msgspec.json.decode(definition))
            database = by_number[owner]
            container = _container(database, number, parsed, ts, version, self._partitions(number))
            database.containers[parsed.id] = container

    def _partitions(self, container: int) -> Partitions:
        live: list[Partition] = []
        gone: set[int] = set()
        for (
            number,
            minimum,
            maximum,
            parents,
            version,
            lsn,
            is_live,
        ) in self._storage.connection.execute(
            "SELECT number, minimum, maximum, parents, version, lsn, live"
            " FROM partitions WHERE container = ?",
            (container,),
        ):
            if is_live:
                ancestry = tuple(msgspec.json.decode(parents, type=list[int]))
                live.append(Partition(number, minimum, maximum, ancestry, version, lsn))
            else:
                gone.add(number)
        return Partitions(live, gone)

    def database(self, name: str) -> Database:
        found = self.databases.get(name)
        if found is None:
            raise Refused(404, f"There is no database {name!r}.", substatus=OWNER_NOT_FOUND)
        return found

    def container(self, database: str, name: str, intended_rid: str | None = None) -> Container:
        """`intended_rid`: what the client believes it talks to; 400/1024 if recreated since."""
        found = self.database(database).containers.get(name)
        if found is None:
            raise Refused(
                404,
                f"There is no container {name!r} in the database {database!r}.",
                substatus=OWNER_NOT_FOUND,
            )
        if intended_rid and intended_rid != found.rid:
            raise Refused(
                400,
                f"The container {name!r} was deleted and created again.",
                substatus=CONTAINER_RECREATED,
            )
        return found

    def create_database(self, name: object) -> Database:
        checked = _name(name, "database")
        if checked in self.databases:
            raise Refused(409, f"The database {checked!r} exists already.")
        ts = int(self._clock.now())
        with self._storage.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO databases (id, ts) VALUES (?, ?)", (checked, ts)
            )
        database = Database(cursor.lastrowid or 0, checked, ts, {})
        self.databases[checked] = database
        return database

    def delete_database(self, name: str) -> None:
        database = self.database(name)
        with self._storage.transaction() as connection:
            for container in database.containers.values():
                _drop(connection, container)
            connection.execute("DELETE FROM databases WHERE number = ?", (database.number,))
        del self.databases[name]

    def create_container(self, database_name: str, body: object) -> Container:
        database = self.database(database_name)
        definition = definitions.parse(body)
        _name(definition.id, "container")
        if definition.id in database.containers:
            raise Refused(409, f"The container {definition.id!r} exists already.")
        ts = int(self._clock.now())
        live = [
            Partition(number, minimum, maximum, (), 1, 0)
            for number, (minimum, maximum) in enumerate(
                partition_keys.equal_ranges(self._partition_count)
            )
        ]
        with self._storage.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO containers (database, id, definition, ts, version)"
                " VALUES (?, ?, ?, ?, 1)",
                (database.number, definition.id, _stored(definition), ts),
            )
            number = cursor.lastrowid or 0
            for partition in live:
                _insert_partition(connection, number, partition)
        container = _container(database, number, definition, ts, 1, Partitions(live, set()))
        database.containers[definition.id] = container
        return container

    def replace_container(self, container: Container, body: object) -> None:
        """Changes time to live and indexing. Existing items follow the new default at once."""
        definition = definitions.parse(body)
        old = container.definition
        if definition.id != old.id or definition.key_text != old.key_text:
            raise Refused(400, "A container's id and partition key cannot be changed.")
        ts = int(self._clock.now())
        with self._storage.transaction() as connection:
            connection.execute(
                "UPDATE containers SET definition = ?, ts = ?, version = ? WHERE number = ?",
                (_stored(definition), ts, container.version + 1, container.number),
            )
            if definition.default_ttl != old.default_ttl:
                _reset_expiry(connection, container.number, definition.default_ttl)
        container.definition = definition
        container.ts = ts
        container.version += 1

    def delete_container(self, container: Container) -> None:
        with self._storage.transaction() as connection:
            _drop(connection, container)
        del self.databases[container.database].containers[container.id]

    def split(self, container: Container, range_id: str | None) -> list[str]:
        """Cuts one physical partition in two; None picks the widest. Returns the children's ids.

        The children continue the parent's LSN, so a feed continuation of the parent stays valid.
        """
        table = container.partitions
        parent = table.named(range_id) if range_id is not None else _widest(table.live)
        cut = partition_keys.middle(parent.minimum, parent.maximum)
        first = table.next_number
        ancestry = (*parent.parents, parent.number)
        version = table.version + 1
        children = [
            Partition(first, parent.minimum, cut, ancestry, version, parent.lsn),
            Partition(first + 1, cut, parent.maximum, ancestry, version, parent.lsn),
        ]
        with self._storage.transaction() as connection:
            connection.execute(
                "UPDATE partitions SET live = 0 WHERE container = ? AND number = ?",
                (container.number, parent.number),
            )
            for child in children:
                _insert_partition(connection, container.number, child)
                connection.execute(
                    "UPDATE items SET partition = ? WHERE container = ? AND partition = ?"
                    " AND epk >= ? AND epk < ?",
                    (child.number, container.number, parent.number, child.minimum, child.maximum),
                )
        container.partitions = self._partitions(container.number)
        return [child.id for child in children]


def _container(
    database: Database,
    number: int,
    definition: Definition,
    ts: int,
    version: int,
    partitions: Partitions,
) -> Container:
    rid = rids.container(database.number, number)
    return Container(
        number=number,
        database_number=database.number,
        database=database.id,
        definition=definition,
        ts=ts,
        version=version,
        partitions=partitions,
        rid=rid,
        item_prefix=f"dbs/{rids.database(database.number)}/colls/{rid}/docs/".encode(),
    )


def _stored(definition: Definition) -> bytes:
    return msgspec.json.encode(definition.properties())


def _widest(live: list[Partition]) -> Partition:
    return max(live, key=lambda p: partition_keys.width(p.minimum, p.maximum))


def _name(name: object, what: str) -> str:
    if not isinstance(name, str) or not name or len(name) > NAME_LENGTH_MAX:
        raise Refused(400, f"A {what} id is a string of 1 to {NAME_LENGTH_MAX} characters.")
    if any(character in name for character in "/\\?#"):
        raise Refused(400, f"A {what} id may not hold any of / \\ ? #.")
    return name


def _insert_partition(connection: sqlite3.Connection, container: int, partition: Partition) -> None:
    connection.execute(
        "INSERT INTO partitions"
        " (container, number, minimum, maximum, parents, version, lsn, live)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 1)",
        (
            container,
            partition.number,
            partition.minimum,
            partition.maximum,
            msgspec.json.encode(list(partition.parents)).decode(),
            partition.version,
            partition.lsn,
        ),
    )


def _drop(connection: sqlite3.Connection, container: Container) -> None:
    connection.execute("DELETE FROM items WHERE container = ?", (container.number,))
    connection.execute("DELETE FROM partitions WHERE container = ?", (container.number,))
    connection.execute("DELETE FROM containers WHERE number = ?", (container.number,))


def _reset_expiry(connection: sqlite3.Connection, container: int, default: int | None) -> None:
    """Expiry of every stored item under a new container default; see `documents.expiry`."""
    if default is None:
        connection.execute("UPDATE items SET expires = ? WHERE container = ?", (NEVER, container))
        return
    connection.execute(
        "UPDATE items SET expires = CASE WHEN coalesce(ttl, :default) < 0 THEN :never"
        " ELSE ts + coalesce(ttl, :default) END WHERE container = :container",
        {"default": default, "never": NEVER, "container": container},
    )
