"""Documents expire by the endpoint's clock, which tests move."""

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from emulators.cosmos import Endpoint
from tests.emulators.cosmos.support import DATABASE, ids, make_container


def test_an_expired_document_is_gone_from_every_view(
    container: ContainerProxy, endpoint: Endpoint
) -> None:
    container.create_item({"id": "short", "pk": "A", "ttl": 60})
    container.create_item({"id": "long", "pk": "A"})
    endpoint.clock.advance(61)
    with pytest.raises(CosmosResourceNotFoundError):
        container.read_item("short", "A")
    assert ids(container.query_items("SELECT * FROM c", partition_key="A")) == ["long"]
    assert ids(container.query_items_change_feed(start_time="Beginning")) == ["long"]
    assert ids(container.read_all_items()) == ["long"]
    container.create_item({"id": "short", "pk": "A"})


def test_time_to_live_counts_from_the_last_write(
    container: ContainerProxy, endpoint: Endpoint
) -> None:
    container.create_item({"id": "a", "pk": "A", "ttl": 60})
    endpoint.clock.advance(40)
    container.upsert_item({"id": "a", "pk": "A", "ttl": 60, "again": True})
    endpoint.clock.advance(40)
    assert container.read_item("a", "A")["again"]


def test_the_container_default_applies_unless_the_document_says_otherwise(
    client: CosmosClient, endpoint: Endpoint
) -> None:
    container = make_container(client, "aging", default_ttl=100)
    container.create_item({"id": "default", "pk": "A"})
    container.create_item({"id": "longer", "pk": "A", "ttl": 1000})
    container.create_item({"id": "for-ever", "pk": "A", "ttl": -1})
    endpoint.clock.advance(101)
    assert ids(container.query_items("SELECT * FROM c", partition_key="A")) == [
        "for-ever",
        "longer",
    ]


def test_without_a_container_default_nothing_expires(
    client: CosmosClient, endpoint: Endpoint
) -> None:
    container = make_container(client, "keeping")
    container.create_item({"id": "a", "pk": "A", "ttl": 1})
    endpoint.clock.advance(1000)
    assert container.read_item("a", "A")["id"] == "a"


def test_a_new_container_default_holds_for_what_is_stored(
    client: CosmosClient, endpoint: Endpoint
) -> None:
    container = make_container(client, "changing")
    container.create_item({"id": "a", "pk": "A"})
    container.create_item({"id": "b", "pk": "A", "ttl": 500})
    database = client.get_database_client(DATABASE)
    database.replace_container(container, PartitionKey("/pk"), default_ttl=100)
    endpoint.clock.advance(101)
    assert ids(container.query_items("SELECT * FROM c", partition_key="A")) == ["b"]
    assert container.read()["defaultTtl"] == 100


def test_the_clock_moves_forward_only(endpoint: Endpoint) -> None:
    before = endpoint.clock.now()
    assert before + 100 <= endpoint.clock.advance(100)
    with pytest.raises(ValueError, match="forward"):
        endpoint.clock.advance(-1)
