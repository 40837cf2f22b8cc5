"""A batch is applied whole or not at all."""

from copy import deepcopy
from typing import Any

import pytest
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceNotFoundError,
)

from tests.emulators.cosmos.support import ids


def create(name: str, **members: Any) -> tuple[str, tuple[dict[str, Any]]]:
    return "create", ({"id": name, "pk": "A", **members},)


def test_a_batch_applies_every_kind_of_operation(container: ContainerProxy) -> None:
    etag = container.create_item({"id": "old", "pk": "A", "v": 1})["_etag"]
    container.create_item({"id": "gone", "pk": "A"})
    results = container.execute_item_batch(
        [
            create("new"),
            ("upsert", ({"id": "up", "pk": "A"},)),
            ("replace", ("old", {"id": "old", "pk": "A", "v": 2}), {"if_match_etag": etag}),
            ("read", ("new",)),
            ("delete", ("gone",)),
        ],
        "A",
    )
    assert [result["statusCode"] for result in results] == [201, 201, 200, 200, 204]
    assert results[3]["resourceBody"]["id"] == "new"
    assert results[2]["eTag"] == container.read_item("old", "A")["_etag"]
    assert ids(container.query_items("SELECT * FROM c", partition_key="A")) == ["new", "old", "up"]


@pytest.mark.parametrize(
    ("failing", "status"),
    [
        (create("there"), 409),
        (("replace", ("there", {"id": "there", "pk": "A"}), {"if_match_etag": '"old"'}), 412),
        (("replace", ("absent", {"id": "absent", "pk": "A"})), 404),
        (("delete", ("absent",)), 404),
        (("read", ("absent",)), 404),
    ],
    ids=["conflict", "stale", "replace-absent", "delete-absent", "read-absent"],
)
def test_a_failed_batch_changes_nothing_and_names_its_operation(
    container: ContainerProxy, failing: Any, status: int
) -> None:
    before = container.create_item({"id": "there", "pk": "A"})
    # The SDK takes the ETag out of the operations it is given, so every test needs its own.
    with pytest.raises(CosmosBatchOperationError) as failed:
        container.execute_item_batch([create("x"), deepcopy(failing), create("y")], "A")
    assert [424, status, 424] == [r["statusCode"] for r in failed.value.operation_responses]
    assert (1, status) == (failed.value.error_index, failed.value.status_code)
    with pytest.raises(CosmosResourceNotFoundError):
        container.read_item("x", "A")
    assert before["_etag"] == container.read_item("there", "A")["_etag"]


def test_a_batch_has_one_lsn(container: ContainerProxy) -> None:
    container.execute_item_batch([create(f"b{n}") for n in range(5)], "A")
    container.execute_item_batch([create(f"c{n}") for n in range(5)], "A")
    changes = list(container.query_items_change_feed(start_time="Beginning"))
    lsns = [change["_lsn"] for change in changes]
    assert [lsns[0]] * 5 + [lsns[0] + 1] * 5 == lsns


def test_a_failed_batch_leaves_no_trace_in_the_feed(container: ContainerProxy) -> None:
    container.create_item({"id": "there", "pk": "A"})
    with pytest.raises(CosmosBatchOperationError):
        container.execute_item_batch([create("x"), create("there")], "A")
    container.create_item({"id": "after", "pk": "A"})
    changes = list(container.query_items_change_feed(start_time="Beginning"))
    assert [(change["id"], change["_lsn"]) for change in changes] == [("there", 1), ("after", 2)]


def test_100_operations_are_the_limit(container: ContainerProxy) -> None:
    container.execute_item_batch([create(f"b{n}") for n in range(100)], "A")
    with pytest.raises(CosmosHttpResponseError) as refused:
        container.execute_item_batch([create(f"c{n}") for n in range(101)], "A")
    assert refused.value.status_code == 400


def test_2_mb_are_the_limit_of_a_batch(container: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        container.execute_item_batch([create(f"b{n}", text="x" * 300_000) for n in range(7)], "A")
    assert refused.value.status_code == 413


def test_a_document_of_another_partition_key_fails_the_batch(container: ContainerProxy) -> None:
    with pytest.raises(CosmosBatchOperationError) as failed:
        container.execute_item_batch([create("a"), ("create", ({"id": "b", "pk": "B"},))], "A")
    assert failed.value.status_code == 400
