"""The same changes again, in other batches, on reset leases: the same views, and no writes."""

from collections.abc import Iterator
from itertools import zip_longest
from random import Random

import pytest

from tests.oracle.batches import BATCHES, read_batch
from tests.worker.ground import (
    SOURCES,
    Document,
    Ground,
    assert_views_are_true,
    deliver,
    deliver_all,
)

SEED = 4


@pytest.fixture
def changes(ground: Ground) -> dict[str, list[Document]]:
    for name in ("10_worked_example", "20_shapes", "40_poison"):
        ground.write_all(read_batch(BATCHES / f"{name}.jsonl"))
    return ground.all_changes()


def by_user(documents: list[Document]) -> list[list[Document]]:
    users: dict[str, list[Document]] = {}
    for one in documents:
        users.setdefault(str(one.get("user_id", one.get("userId"))), []).append(one)
    return list(users.values())


def chunks(documents: list[Document], size: int) -> Iterator[list[Document]]:
    for start in range(0, len(documents), size):
        yield documents[start : start + size]


def test_batches_delivered_twice_count_once(
    ground: Ground, changes: dict[str, list[Document]]
) -> None:
    worker = ground.worker()
    for source, documents in changes.items():
        deliver(worker, source, documents)
        before = ground.etags(), ground.etags("poison_messages")

        report = deliver(worker, source, documents)

        assert len(documents) == report.duplicates
        assert before == (ground.etags(), ground.etags("poison_messages"))
    assert_views_are_true(ground, worker)


def test_a_batch_that_holds_every_change_twice_counts_once(
    ground: Ground, changes: dict[str, list[Document]]
) -> None:
    worker = ground.worker()

    for source, documents in changes.items():
        assert len(documents) == deliver(worker, source, documents * 2).duplicates

    assert_views_are_true(ground, worker)


@pytest.mark.parametrize("size", [1, 7])
def test_batches_cut_into_smaller_ones_count_the_same(
    ground: Ground, changes: dict[str, list[Document]], size: int
) -> None:
    worker = ground.worker()

    for source, documents in changes.items():
        for chunk in chunks(documents, size):
            deliver(worker, source, chunk)

    assert_views_are_true(ground, worker)


def test_users_in_another_order_count_the_same(
    ground: Ground, changes: dict[str, list[Document]]
) -> None:
    worker = ground.worker()

    for source, documents in reversed(changes.items()):
        deliver(worker, source, [one for user in reversed(by_user(documents)) for one in user])

    assert_views_are_true(ground, worker)


def test_users_and_sources_interleaved_count_the_same(
    ground: Ground, changes: dict[str, list[Document]]
) -> None:
    worker = ground.worker()
    random = Random(SEED)
    streams = []
    for source in SOURCES:
        interleaved = [
            one
            for together in zip_longest(*by_user(changes[source]))
            for one in together
            if one is not None
        ]
        streams += [(source, chunk) for chunk in chunks(interleaved, random.randint(3, 9))]
    random.shuffle(streams)

    for source, chunk in streams:
        deliver(worker, source, chunk)

    assert_views_are_true(ground, worker)


def test_a_publisher_between_any_two_batches_changes_nothing(
    ground: Ground, changes: dict[str, list[Document]]
) -> None:
    worker = ground.worker()

    for source, documents in changes.items():
        for chunk in chunks(documents, 30):
            deliver(worker, source, chunk)
            worker.publisher.run()

    assert_views_are_true(ground, worker)


def test_reset_leases_write_no_state_no_letter_and_no_view(
    ground: Ground, changes: dict[str, list[Document]]
) -> None:
    assert changes
    with ground.host() as host:
        host.run_until_idle()
        host.fire("publish")
        host.fire("publish")
    watched = ("state", "poison_messages", "daily_metrics", "user_analytics")
    before = [ground.etags(container) for container in watched]
    for lease in ground.documents("leases"):
        ground.container("leases").delete_item(lease["id"], lease["id"])

    with ground.host() as host:
        host.run_until_idle()
        host.fire("publish")
        delivered = sum(counts.changes for counts in host.counts().values())

    assert sum(len(documents) for documents in changes.values()) == delivered
    assert before == [ground.etags(container) for container in watched]


def test_the_same_content_as_new_versions_appends_no_journal_and_changes_no_view(
    ground: Ground,
) -> None:
    """Given documents with a time of their own: where `_ts` is the time, a new version moves."""
    ground.write_all(read_batch(BATCHES / "10_worked_example.jsonl"))
    ground.write_all(read_batch(BATCHES / "50_synthetic_day.jsonl")[:60])
    changes = ground.all_changes()
    worker = ground.worker()
    deliver_all(worker, changes)
    assert_views_are_true(ground, worker)
    before = {view: ground.etags(view) for view in ("daily_metrics", "user_analytics")}
    ground.write_all(ground.written())
    again = ground.all_changes()

    for source, documents in again.items():
        report = deliver(worker, source, documents)
        assert report.duplicates == 0
        assert report.counted == report.unchanged

    assert {source: len(documents) for source, documents in changes.items()} == {
        source: len(documents) for source, documents in again.items()
    }
    assert ground.state("j:") == []
    assert_views_are_true(ground, worker)
    assert before == {view: ground.etags(view) for view in before}
