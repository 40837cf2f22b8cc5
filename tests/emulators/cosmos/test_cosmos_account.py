"""Account, authentication, containers, charges and totals."""

from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey
from azure.cosmos.exceptions import (
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from emulators.cosmos import DEFAULT_KEY, Endpoint
from tests.emulators.cosmos.support import DATABASE, connect, fill, make_container, settle, things

BARE: dict[str, Any] = {"includedPaths": [], "excludedPaths": [{"path": "/*"}]}


def charge(answer: Any) -> float:
    return float(answer.get_response_headers()["x-ms-request-charge"])


def test_a_wrong_key_is_refused_with_a_sentence() -> None:
    with Endpoint() as endpoint, pytest.raises(CosmosHttpResponseError) as refused:
        CosmosClient(endpoint.url, "d3Jvbmc=")
    assert refused.value.status_code == 401
    assert "not signed with this endpoint's account key" in refused.value.message


def test_the_connection_string_connects(endpoint: Endpoint) -> None:
    with CosmosClient.from_connection_string(endpoint.connection_string) as client:
        assert list(client.list_databases()) == []
        settle(client)


def test_an_endpoint_can_have_a_key_of_its_own() -> None:
    with Endpoint(key="c2VjcmV0") as endpoint:
        assert endpoint.key != DEFAULT_KEY
        with connect(endpoint) as client:
            client.create_database("d")


def test_the_account_says_session_and_one_write_region(client: CosmosClient) -> None:
    account = client.get_database_account()
    assert account.ConsistencyPolicy == {"defaultConsistencyLevel": "Session"}
    assert not account._EnableMultipleWritableLocations


def test_an_account_can_claim_what_the_worker_refuses() -> None:
    with (
        Endpoint(consistency="Eventual", multi_region_writes=True) as endpoint,
        connect(endpoint) as client,
    ):
        account = client.get_database_account()
        assert account.ConsistencyPolicy == {"defaultConsistencyLevel": "Eventual"}
        assert account._EnableMultipleWritableLocations


def test_databases_and_containers_come_and_go(client: CosmosClient) -> None:
    database = client.create_database(DATABASE)
    with pytest.raises(CosmosResourceExistsError):
        client.create_database(DATABASE)
    database.create_container_if_not_exists("a", PartitionKey("/pk"))
    database.create_container_if_not_exists("a", PartitionKey("/pk"))
    database.create_container("b", PartitionKey("/deep/key"))
    assert [found["id"] for found in database.list_containers()] == ["a", "b"]
    database.delete_container("a")
    assert [found["id"] for found in database.list_containers()] == ["b"]
    client.delete_database(DATABASE)
    with pytest.raises(CosmosResourceNotFoundError):
        database.read()


def test_a_nested_partition_key_path_is_followed(client: CosmosClient) -> None:
    database = client.create_database(DATABASE)
    container = database.create_container("nested", PartitionKey("/deep/key"))
    container.create_item({"id": "a", "deep": {"key": "A"}})
    assert container.read_item("a", "A")["id"] == "a"


def test_a_container_created_again_is_empty_for_old_clients_too(
    client: CosmosClient, container: ContainerProxy
) -> None:
    container.create_item({"id": "a", "pk": "A"})
    client.get_database_client(DATABASE).delete_container("things")
    make_container(client, "things")
    with pytest.raises(CosmosResourceNotFoundError):
        container.read_item("a", "A")
    container.create_item({"id": "a", "pk": "A"})


@pytest.mark.parametrize(
    "options",
    [
        {"unique_key_policy": {"uniqueKeys": [{"paths": ["/a"]}]}},
        {"partition_key": PartitionKey(["/a", "/b"])},
        {"partition_key": PartitionKey("/a", version=1)},
    ],
    ids=["unique-keys", "hierarchical-key", "hash-v1"],
)
def test_an_unsupported_container_is_refused_when_created(
    client: CosmosClient, options: dict[str, Any]
) -> None:
    database = client.create_database(DATABASE)
    wanted: dict[str, Any] = {"partition_key": PartitionKey("/pk")} | options
    with pytest.raises(CosmosHttpResponseError) as refused:
        database.create_container("c", **wanted)
    assert refused.value.status_code == 501


def test_patch_and_all_versions_feeds_are_refused(container: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError) as patch:
        container.patch_item("a", "A", [{"op": "set", "path": "/v", "value": 1}])
    assert patch.value.status_code == 501
    with pytest.raises(CosmosHttpResponseError) as batch:
        container.execute_item_batch([("patch", ("a", [{"op": "incr", "path": "/v"}]))], "A")
    assert batch.value.status_code == 501


def test_charges_follow_the_model(client: CosmosClient) -> None:
    indexed = make_container(client, "indexed")
    bare = make_container(client, "bare", indexing_policy=BARE)
    small = {"id": "a", "pk": "A"}
    large = {"id": "b", "pk": "A", "text": "x" * (99 * 1024)}
    assert pytest.approx(5 + 2 * 0.2) == charge(indexed.create_item(small))
    assert charge(bare.create_item(small)) == 5
    assert charge(bare.upsert_item(small)) == 10
    assert charge(bare.read_item("a", "A")) == 1
    assert pytest.approx(5 + 0.455 * 99, abs=0.01) == charge(bare.create_item(large))
    assert pytest.approx(1 + 0.091 * 99, abs=0.01) == charge(bare.read_item("b", "A"))


def test_a_batch_costs_the_sum_of_its_operations(client: CosmosClient) -> None:
    bare = make_container(client, "bare", indexing_policy=BARE)
    batch = [("create", ({"id": f"i{n}", "pk": "A"},)) for n in range(4)]
    assert charge(bare.execute_item_batch(batch, "A")) == 20


def test_an_answer_names_its_range_and_its_lsn(container: ContainerProxy) -> None:
    first = container.create_item({"id": "a", "pk": "A"}).get_response_headers()
    second = container.upsert_item({"id": "a", "pk": "A"}).get_response_headers()
    range_id = first["x-ms-documentdb-partitionkeyrangeid"]
    assert f"{range_id}:-1#1" == first["x-ms-session-token"]
    assert f"{range_id}:-1#2" == second["x-ms-session-token"]


def test_totals_count_requests_charges_and_statuses(
    endpoint: Endpoint, container: ContainerProxy
) -> None:
    fill(container, things(keys=1, per_key=3))
    with pytest.raises(CosmosResourceExistsError):
        container.create_item({"id": "i000", "pk": "p0"})
    total = endpoint.stats.total("things", "create")
    assert (total.count, total.statuses) == (4, {"201": 3, "409": 1})
    assert pytest.approx(3 * (5 + 4 * 0.2) + 1) == total.request_charge
    endpoint.stats.reset()
    assert endpoint.stats.totals() == []


def test_routing_is_read_once_not_at_every_answer(
    endpoint: Endpoint, container: ContainerProxy
) -> None:
    def use_everything() -> None:
        container.upsert_item({"id": "a", "pk": "A"})
        list(container.query_items("SELECT * FROM c", partition_key="A"))
        list(container.query_items("SELECT * FROM c", enable_cross_partition_query=True))
        list(container.query_items_change_feed(start_time="Beginning"))

    use_everything()
    endpoint.stats.reset()
    for _ in range(5):
        use_everything()
    assert endpoint.stats.total("things", "metadata").count == 0
