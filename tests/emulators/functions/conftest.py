"""An endpoint with a source and a lease container, and the settings that lead an app to them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey

from emulators.cosmos import Endpoint


@dataclass
class Ground:
    """`settings` are those of an app written by `write_app`."""

    endpoint: Endpoint
    source: ContainerProxy
    leases: ContainerProxy
    settings: dict[str, str]

    def write(self, *ids: str, **properties: Any) -> None:
        """Documents of one user, so of one range and in this order."""
        for one in ids:
            self.source.upsert_item({"id": one, "user": "ada", **properties})

    def write_for(self, user: str, *ids: str) -> None:
        for one in ids:
            self.source.upsert_item({"id": one, "user": user})

    def lease_documents(self) -> list[dict[str, Any]]:
        return list(self.leases.query_items("SELECT * FROM c", enable_cross_partition_query=True))


@pytest.fixture
def grounds() -> Iterator[Callable[[int], Ground]]:
    """Makes a ground with that many physical partitions."""
    opened: list[tuple[Endpoint, CosmosClient]] = []

    def make(partitions: int) -> Ground:
        endpoint = Endpoint(partitions=partitions)
        endpoint.__enter__()
        client = CosmosClient(endpoint.url, endpoint.key)
        opened.append((endpoint, client))
        database = client.create_database("db")
        return Ground(
            endpoint,
            database.create_container("source", PartitionKey("/user")),
            database.create_container("leases", PartitionKey("/id")),
            {"COSMOS": endpoint.connection_string, "MAX_ITEMS": "100"},
        )

    yield make
    for endpoint, client in opened:
        client.close()
        endpoint.__exit__(None, None, None)


@pytest.fixture
def ground(grounds: Callable[[int], Ground]) -> Ground:
    return grounds(1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "app"
