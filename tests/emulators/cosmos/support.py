"""Helpers of the tests of the local Cosmos DB endpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey

from emulators.cosmos import Endpoint

DATABASE = "platform"


@contextmanager
def connect(endpoint: Endpoint, **options: Any) -> Iterator[CosmosClient]:
    with CosmosClient(endpoint.url, endpoint.key, **options) as client:
        yield client
        settle(client)


def settle(client: CosmosClient) -> None:
    """Waits for the SDK's background health check: closing under it leaks its socket."""
    thread = client.client_connection._global_endpoint_manager._refresh_thread
    if thread is not None:
        thread.join()


def make_container(client: CosmosClient, name: str, **options: Any) -> ContainerProxy:
    database = client.create_database_if_not_exists(DATABASE)
    container: ContainerProxy = database.create_container(name, PartitionKey("/pk"), **options)
    return container


def things(keys: int = 6, per_key: int = 10) -> list[dict[str, Any]]:
    """Documents spread over `keys` partition keys, ids in mixed order."""
    return [
        {"id": f"i{n:03}", "pk": f"p{n % keys}", "n": n * 37 % (keys * per_key), "group": n % 3}
        for n in range(keys * per_key)
    ]


def fill(container: ContainerProxy, documents: list[dict[str, Any]]) -> None:
    for document in documents:
        container.create_item(document)


def ids(documents: Any) -> list[str]:
    return [document["id"] for document in documents]
