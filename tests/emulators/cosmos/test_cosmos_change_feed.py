"""The change feed misses nothing and keeps transactions together."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient

from emulators.cosmos import Endpoint
from tests.emulators.cosmos.support import DATABASE, fill, ids, make_container, things


def pages(feed: Any) -> Iterable[list[dict[str, Any]]]:
    return [list(page) for page in feed.by_page()]


def token(container: ContainerProxy) -> str:
    """The continuation of the feed that was read last."""
    return str(container.client_connection.last_response_headers["etag"])


def test_from_the_beginning_every_document_comes_once_in_its_latest_version(
    container: ContainerProxy,
) -> None:
    fill(container, things())
    for version in range(3):
        container.upsert_item({"id": "i000", "pk": "p0", "version": version})
    changes = list(container.query_items_change_feed(start_time="Beginning"))
    assert sorted(ids(things())) == sorted(ids(changes))
    assert [change["version"] for change in changes if change["id"] == "i000"] == [2]


def test_a_deleted_document_leaves_the_feed(container: ContainerProxy) -> None:
    fill(container, things(keys=1, per_key=3))
    container.delete_item("i001", "p0")
    assert ids(container.query_items_change_feed(start_time="Beginning")) == ["i000", "i002"]


def test_a_range_is_ordered_by_lsn(container: ContainerProxy) -> None:
    fill(container, things())
    for feed_range in container.read_feed_ranges():
        changes = container.query_items_change_feed(feed_range=feed_range, start_time="Beginning")
        lsns = [change["_lsn"] for change in changes]
        assert sorted(set(lsns)) == lsns


def test_feed_ranges_share_the_documents_out(container: ContainerProxy, endpoint: Endpoint) -> None:
    fill(container, things())
    found: list[str] = []
    for feed_range in container.read_feed_ranges():
        found += ids(
            container.query_items_change_feed(feed_range=feed_range, start_time="Beginning")
        )
    assert sorted(ids(things())) == sorted(found)


def test_one_partition_key_can_be_read_alone(container: ContainerProxy) -> None:
    fill(container, things())
    changes = container.query_items_change_feed(partition_key="p1", start_time="Beginning")
    assert sorted(d["id"] for d in things() if d["pk"] == "p1") == sorted(ids(changes))


def test_a_continuation_gives_what_came_since(container: ContainerProxy) -> None:
    fill(container, things())
    list(container.query_items_change_feed(start_time="Beginning"))
    continuation = token(container)
    container.upsert_item({"id": "late", "pk": "p1"})
    assert ids(container.query_items_change_feed(continuation=continuation)) == ["late"]


def test_now_skips_what_is_there(container: ContainerProxy) -> None:
    fill(container, things())
    assert list(container.query_items_change_feed(start_time="Now")) == []
    continuation = token(container)
    container.upsert_item({"id": "late", "pk": "p1"})
    assert ids(container.query_items_change_feed(continuation=continuation)) == ["late"]


def test_a_start_time_skips_what_was_last_written_before(
    container: ContainerProxy, endpoint: Endpoint
) -> None:
    fill(container, things())
    now = endpoint.clock.advance(3600)
    container.upsert_item({"id": "i007", "pk": "p1", "again": True})
    start = datetime.fromtimestamp(now - 60, UTC)
    assert ids(container.query_items_change_feed(start_time=start)) == ["i007"]


def test_a_batch_is_never_split_over_two_pages(container: ContainerProxy) -> None:
    container.create_item({"id": "first", "pk": "A"})
    batch = [("create", ({"id": f"b{n}", "pk": "A"},)) for n in range(7)]
    container.execute_item_batch(batch, "A")
    container.create_item({"id": "last", "pk": "A"})
    feed = container.query_items_change_feed(
        partition_key="A", start_time="Beginning", max_item_count=3
    )
    assert [len(page) for page in pages(feed)] == [8, 1]


def test_a_page_holds_at_most_4_mb(container: ContainerProxy) -> None:
    for n in range(6):
        container.create_item({"id": f"i{n}", "pk": "A", "text": "x" * 1_000_000})
    feed = container.query_items_change_feed(
        partition_key="A", start_time="Beginning", max_item_count=1000
    )
    assert [len(page) for page in pages(feed)] == [4, 2]


def test_pages_resume_from_a_range_continuation(container: ContainerProxy) -> None:
    fill(container, things())
    found: list[str] = []
    for feed_range in container.read_feed_ranges():
        first = container.query_items_change_feed(
            feed_range=feed_range, start_time="Beginning", max_item_count=5
        ).by_page()
        found += ids(next(first, []))
        continuation = token(container)
        found += ids(container.query_items_change_feed(continuation=continuation))
    assert sorted(ids(things())) == sorted(found)


@pytest.mark.parametrize("resplit", [False, True], ids=["split", "split-again"])
def test_a_split_loses_and_repeats_nothing_for_a_reader_in_the_middle(
    client: CosmosClient, endpoint: Endpoint, resplit: bool
) -> None:
    container = make_container(client, "splitting")
    fill(container, things())
    continuations = []
    found: list[str] = []
    for feed_range in container.read_feed_ranges():
        feed = container.query_items_change_feed(
            feed_range=feed_range, start_time="Beginning", max_item_count=4
        ).by_page()
        found += ids(next(feed, []))
        continuations.append(token(container))
    ranges = len(continuations)
    children = endpoint.split(DATABASE, "splitting", "0")
    assert [str(ranges), str(ranges + 1)] == children
    if resplit:
        endpoint.split(DATABASE, "splitting", children[0])
    fill(container, [d | {"id": f"new-{d['id']}"} for d in things()])
    for continuation in continuations:
        # An empty page of one child does not end the feed of the others.
        for _ in range(4):
            changes = list(container.query_items_change_feed(continuation=continuation))
            found += ids(changes)
            continuation = token(container)
    expected = ids(things()) + [f"new-{name}" for name in ids(things())]
    assert sorted(expected) == sorted(found)
