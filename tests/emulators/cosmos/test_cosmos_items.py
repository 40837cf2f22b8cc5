"""Point operations behave as the service's do."""

import json
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

SYSTEM = {"_rid", "_self", "_etag", "_attachments", "_ts"}


def user_part(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in SYSTEM}


def test_what_is_created_is_read_back_with_system_properties(container: ContainerProxy) -> None:
    sent = {"id": "a", "pk": "A", "text": 'ünï "quoted" \n', "nested": {"list": [1, 2.5, None]}}
    container.create_item(sent)
    found = container.read_item("a", "A")
    assert sent == user_part(found)
    assert set(found) >= SYSTEM


def test_system_properties_a_client_echoes_are_replaced_not_stored(
    container: ContainerProxy,
) -> None:
    first = container.create_item({"id": "a", "pk": "A"})
    second = container.upsert_item(first | {"_lsn": 7, "v": 2})
    assert user_part(second) == {"id": "a", "pk": "A", "v": 2}
    assert first["_etag"] != second["_etag"]
    assert first["_rid"] == second["_rid"]


def test_an_id_is_unique_within_its_partition_key_only(container: ContainerProxy) -> None:
    container.create_item({"id": "a", "pk": "A", "v": 1})
    container.create_item({"id": "a", "pk": "B", "v": 2})
    with pytest.raises(CosmosResourceExistsError):
        container.create_item({"id": "a", "pk": "A"})
    assert (container.read_item("a", "A")["v"], container.read_item("a", "B")["v"]) == (1, 2)


@pytest.mark.parametrize("key", ["text", 7, 2.5, True, False, None], ids=repr)
def test_every_scalar_can_be_a_partition_key(container: ContainerProxy, key: Any) -> None:
    container.create_item({"id": "a", "pk": key})
    assert key == container.read_item("a", key)["pk"]


def test_an_absent_document_is_not_found(container: ContainerProxy) -> None:
    with pytest.raises(CosmosResourceNotFoundError):
        container.read_item("a", "A")
    with pytest.raises(CosmosResourceNotFoundError):
        container.replace_item("a", {"id": "a", "pk": "A"})
    with pytest.raises(CosmosResourceNotFoundError):
        container.delete_item("a", "A")


def test_a_stale_etag_stops_every_write(container: ContainerProxy) -> None:
    stale = container.create_item({"id": "a", "pk": "A", "v": 1})["_etag"]
    container.upsert_item({"id": "a", "pk": "A", "v": 2})
    condition: dict[str, Any] = {"etag": stale, "match_condition": MatchConditions.IfNotModified}
    changed = {"id": "a", "pk": "A", "v": 3}
    with pytest.raises(CosmosAccessConditionFailedError):
        container.replace_item("a", changed, **condition)
    with pytest.raises(CosmosAccessConditionFailedError):
        container.upsert_item(changed, **condition)
    with pytest.raises(CosmosAccessConditionFailedError):
        container.delete_item("a", "A", **condition)
    assert container.read_item("a", "A")["v"] == 2


def test_a_current_etag_lets_one_write_through(container: ContainerProxy) -> None:
    current = container.create_item({"id": "a", "pk": "A", "v": 1})["_etag"]
    replaced = container.replace_item(
        "a",
        {"id": "a", "pk": "A", "v": 2},
        etag=current,
        match_condition=MatchConditions.IfNotModified,
    )
    assert replaced["v"] == 2
    assert current != replaced["_etag"]


def test_an_upsert_of_an_absent_document_creates_it_whatever_the_etag(
    container: ContainerProxy,
) -> None:
    created = container.upsert_item(
        {"id": "a", "pk": "A"}, etag='"gone"', match_condition=MatchConditions.IfNotModified
    )
    assert created["id"] == "a"


def test_an_unchanged_document_is_not_sent_again(container: ContainerProxy) -> None:
    etag = container.create_item({"id": "a", "pk": "A"})["_etag"]
    again = container.read_item("a", "A", etag=etag, match_condition=MatchConditions.IfModified)
    assert not again


def test_a_minimal_answer_has_an_etag_and_no_document(container: ContainerProxy) -> None:
    answer = container.create_item({"id": "a", "pk": "A"}, no_response=True)
    assert dict(answer) == {}
    etag = container.read_item("a", "A")["_etag"]
    assert etag == answer.get_response_headers()["etag"]


@pytest.mark.parametrize("bad", ["a" * 1024, ""], ids=["too-long", "empty"])
def test_an_impossible_id_is_refused(container: ContainerProxy, bad: str) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        container.create_item({"id": bad, "pk": "A"})
    assert refused.value.status_code == 400


def test_an_id_of_1023_bytes_with_odd_characters_is_accepted(container: ContainerProxy) -> None:
    name = "e:% 20+&=é|" + "x" * 1011
    container.create_item({"id": name, "pk": "A"})
    assert name == container.read_item(name, "A")["id"]
    container.delete_item(name, "A")


@pytest.mark.parametrize(
    ("name", "status"),
    [("a%2Fb", 401), ("%41", 401), ("100%", 0), ("%zz", 0)]
    + [(name, 404) for name in ("a/b", "a\\b", "a?b", "a#b")],
)
def test_no_path_leads_to_some_ids_but_queries_and_batches_do(
    container: ContainerProxy, name: str, status: int
) -> None:
    document = {"id": name, "pk": "A"}
    # A batch: the SDK itself refuses to create some of them.
    container.execute_item_batch([("create", (document,))], "A")
    (found,) = container.query_items(
        "SELECT * FROM c WHERE c.id = @id",
        parameters=[{"name": "@id", "value": name}],
        partition_key="A",
    )
    assert name == found["id"]
    calls: list[Any] = [lambda: container.read_item(name, "A")]
    if status != 404:
        calls.append(lambda: container.replace_item(name, document))
    calls.append(lambda: container.delete_item(name, "A"))
    for call in calls:
        if not status:
            call()
            continue
        with pytest.raises(CosmosHttpResponseError) as refused:
            call()
        assert status == refused.value.status_code
    if status:
        container.execute_item_batch([("delete", (name,))], "A")


def test_a_document_over_2_mb_is_refused(container: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        container.create_item({"id": "a", "pk": "A", "text": "x" * (2 * 1024 * 1024)})
    assert refused.value.status_code == 413


@pytest.mark.parametrize("ttl", [0, -2, "7", 1.5])
def test_an_impossible_ttl_is_refused(container: ContainerProxy, ttl: Any) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        container.create_item({"id": "a", "pk": "A", "ttl": ttl})
    assert refused.value.status_code == 400


def test_a_document_nested_deeper_than_128_levels_is_refused(container: ContainerProxy) -> None:
    container.create_item({"id": "a", "pk": "A", "x": json.loads("[" * 127 + "]" * 127)})
    for levels in (128, 500):
        deeper = {"id": "b", "pk": "A", "x": json.loads("[" * levels + "]" * levels)}
        with pytest.raises(CosmosHttpResponseError) as refused:
            container.create_item(deeper)
        assert refused.value.status_code == 400
