"""Lagging reads show an earlier state, never one older than their session token."""

from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from emulators.cosmos import Endpoint
from tests.emulators.cosmos.support import DATABASE, connect, ids


def other_session(client: CosmosClient, container: ContainerProxy) -> ContainerProxy:
    """The same container as a client sees it that has written nothing."""
    return client.get_database_client(DATABASE).get_container_client(container.id)


def test_another_session_reads_the_state_of_n_writes_ago(
    endpoint: Endpoint, container: ContainerProxy
) -> None:
    container.create_item({"id": "a", "pk": "A", "v": 1})
    endpoint.lag.set(2)
    container.upsert_item({"id": "a", "pk": "A", "v": 2})
    container.upsert_item({"id": "a", "pk": "A", "v": 3})
    with connect(endpoint) as client:
        other = other_session(client, container)
        assert other.read_item("a", "A")["v"] == 1
        values: list[Any] = list(other.query_items("SELECT VALUE c.v FROM c", partition_key="A"))
        assert values == [1]
        found = other.query_items("SELECT * FROM c WHERE c.id IN ('a', 'b')", partition_key="A")
        assert ids(found) == ["a"]
    assert container.read_item("a", "A")["v"] == 3
    endpoint.lag.set(0)
    with connect(endpoint) as client:
        assert other_session(client, container).read_item("a", "A")["v"] == 3


def test_creations_and_deletions_lag_too(endpoint: Endpoint, container: ContainerProxy) -> None:
    container.create_item({"id": "old", "pk": "A"})
    endpoint.lag.set(2)
    container.delete_item("old", "A")
    container.create_item({"id": "new", "pk": "A"})
    with connect(endpoint) as client:
        other = other_session(client, container)
        assert ids(other.query_items("SELECT * FROM c", partition_key="A")) == ["old"]
        counts: list[Any] = list(
            other.query_items("SELECT VALUE COUNT(1) FROM c", partition_key="A")
        )
        assert counts == [1]
        with pytest.raises(CosmosResourceNotFoundError):
            other.read_item("new", "A")


def test_a_session_token_brings_a_read_up_to_date(
    endpoint: Endpoint, container: ContainerProxy
) -> None:
    endpoint.lag.set(5)
    container.create_item({"id": "a", "pk": "A", "v": 1})
    changed = {"id": "a", "pk": "A", "v": 2}
    batch = container.execute_item_batch([("upsert", (changed,))], "A")
    # A batch does not update the SDK's own session.
    assert container.read_item("a", "A")["v"] == 1
    token = batch.get_response_headers()["x-ms-session-token"]
    assert container.read_item("a", "A", session_token=token)["v"] == 2
    query = "SELECT VALUE c.v FROM c"
    seen: list[Any] = list(container.query_items(query, partition_key="A", session_token=token))
    assert seen == [2]


def test_a_batch_shows_whole_or_not_at_all(endpoint: Endpoint, container: ContainerProxy) -> None:
    endpoint.lag.set(1)
    for version in range(4):
        items = [{"id": name, "pk": "A", "v": version} for name in ("a", "b", "c")]
        container.execute_item_batch([("upsert", (item,)) for item in items], "A")
        with connect(endpoint) as client:
            other = other_session(client, container)
            values: list[Any] = list(
                other.query_items("SELECT VALUE c.v FROM c", partition_key="A")
            )
        assert values == ([version - 1] * 3 if version else [])


def test_a_lag_survives_a_split(endpoint: Endpoint, container: ContainerProxy) -> None:
    endpoint.lag.set(3)
    container.create_item({"id": "a", "pk": "A", "v": 1})
    endpoint.split(DATABASE, container.id)
    container.upsert_item({"id": "a", "pk": "A", "v": 2})
    with connect(endpoint) as client:
        assert other_session(client, container).read_item("a", "A")["v"] in (1, 2)
    assert container.read_item("a", "A")["v"] == 2
