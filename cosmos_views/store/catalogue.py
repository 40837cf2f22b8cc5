"""The container catalogue: what exists, with which key, TTL and index.

The engine's own containers stand in `containers.json` here, a platform's in the file that its pack
names. Both are the single description read by the emulators, by `python -m cosmos_views provision`
and by the infrastructure templates, so that all three create the same containers.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from azure.cosmos import CosmosClient, PartitionKey, ThroughputProperties
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from cosmos_views.pack import HEALTH_CONTAINER, Pack

ENGINE_PATH = Path(__file__).with_name("containers.json")


class Role(StrEnum):
    """What a container is to the worker."""

    SOURCE = "source"
    STATE = "state"
    POISON = "poison"
    LEASE = "lease"
    VIEW = "view"


class Container(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One container.

    `default_ttl` is in seconds (-1: no expiry unless a document says so); `max_throughput` in
    request units per second (autoscale ceiling); `index` lists the only indexed paths, or is absent
    for Cosmos DB's default of indexing everything.
    """

    name: str
    role: Role
    partition_key: str
    default_ttl: int
    max_throughput: int
    index: list[str] | None = None

    @property
    def indexing_policy(self) -> dict[str, Any] | None:
        """The policy as Cosmos DB wants it; `id` and `_ts` stay queryable under it."""
        if self.index is None:
            return None
        return {
            "indexingMode": "consistent",
            "automatic": True,
            "includedPaths": [{"path": path} for path in self.index],
            "excludedPaths": [{"path": "/*"}],
        }


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All containers of one deployment and the name its database has by default."""

    database: str
    containers: list[Container]

    def named(self, name: str) -> Container:
        """The container of that name; KeyError when the catalogue has none."""
        for container in self.containers:
            if container.name == name:
                return container
        raise KeyError(name)

    def with_role(self, role: Role) -> list[Container]:
        """All containers of one role, in catalogue order."""
        return [container for container in self.containers if container.role is role]


@cache
def of(pack: Pack) -> Catalogue:
    """The containers of a pack and of the engine."""
    own = msgspec.json.decode(pack.containers.read_bytes(), type=Catalogue)
    engine = msgspec.json.decode(ENGINE_PATH.read_bytes(), type=list[Container])
    unused = {HEALTH_CONTAINER} - {pack.health.container}
    return Catalogue(
        own.database, [*own.containers, *(one for one in engine if one.name not in unused)]
    )


def provision(
    pack: Pack,
    client: CosmosClient,
    database_name: str | None = None,
    *,
    throughput: bool = True,
    on_container: Callable[[Container, bool], None] = lambda *_: None,
) -> None:
    """Create the database and every container that is missing; never change one that exists.

    `throughput=False` creates containers without a throughput of their own (serverless accounts).
    `on_container` is told each container, and whether it was created. Where nothing is missing,
    only containers are read: an identity whose roles end at them may do no more. Raises ValueError,
    naming the container, when an existing one has another partition key.
    """
    catalogue = of(pack)
    database = client.get_database_client(database_name or catalogue.database)
    for container in catalogue.containers:
        try:
            found = database.get_container_client(container.name).read()
            created = False
        except CosmosResourceNotFoundError:
            client.create_database_if_not_exists(database.id)
            found = database.create_container_if_not_exists(
                id=container.name,
                partition_key=PartitionKey(container.partition_key),
                indexing_policy=container.indexing_policy,
                default_ttl=container.default_ttl,
                offer_throughput=(
                    ThroughputProperties(auto_scale_max_throughput=container.max_throughput)
                    if throughput
                    else None
                ),
            ).read()
            created = True
        paths = found["partitionKey"]["paths"]
        if paths != [container.partition_key]:
            raise ValueError(
                f"container {container.name!r} exists with partition key {paths[0]!r}, but the "
                f"worker needs {container.partition_key!r}: use another database or remove it"
            )
        on_container(container, created)
