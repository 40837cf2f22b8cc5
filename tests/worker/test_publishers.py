"""Publishers: several at once, crashing, late; a view never goes back, and none is forgotten."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from cosmos_views.ledger.commits import Transient
from cosmos_views.publish.publisher import GenerationChanged, Publisher
from cosmos_views.worker import Worker
from emulators.cosmos import Endpoint
from tests.oracle.batches import BATCHES, read_batch
from tests.worker.ground import (
    INTERACTIONS,
    SESSIONS,
    Ground,
    assert_views_are_true,
    deliver,
    deliver_all,
    due,
    publish_until_done,
)
from tests.worker.stories import interaction, on, session
from tests.worker.test_two_workers import at_once

DAY = "daily_metrics_20260310"


@dataclass
class Interrupted:
    """A port whose calls are preceded by `before(name of the call)`."""

    inner: Any
    before: Callable[[str], None]

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self.before(name)
            return method(*arguments, **named)

        return call


def interrupt(publisher: Publisher, before: Callable[[str], None]) -> None:
    publisher.state = Interrupted(publisher.state, lambda name: before(f"state.{name}"))
    publisher.views = Interrupted(publisher.views, lambda name: before(f"views.{name}"))


def total_interactions(ground: Ground) -> int:
    found: int = ground.views()["daily_metrics"][DAY]["usage_statistics"]["total_interactions"]
    return found


class Crash(BaseException):
    """The process is gone."""


def test_two_publishers_at_once_publish_what_one_would(ground: Ground) -> None:
    for name in ("10_worked_example", "20_shapes"):
        ground.write_all(read_batch(BATCHES / f"{name}.jsonl"))
    workers = [ground.worker(), ground.worker()]
    deliver_all(workers[0], ground.all_changes())

    def runs(worker: Worker) -> Callable[[], Any]:
        def run() -> Any:
            for _ in range(5):
                try:
                    worker.publisher.run()
                except Transient:
                    continue

        return run

    at_once(*(runs(worker) for worker in workers))

    assert_views_are_true(ground, ground.worker())


@pytest.mark.usefixtures("few_views")
def test_publishers_and_processors_all_at_once_end_in_the_truth(ground: Ground) -> None:
    worker = ground.worker()
    publishers = [ground.worker(), ground.worker()]

    def processing() -> Any:
        for number in range(12):
            body = interaction(f"a{number % 4}", timestamp=on(10 + number % 3), turn=number)
            deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, body))

    def publishing(publisher: Publisher) -> Callable[[], Any]:
        def run() -> Any:
            for _ in range(4):
                try:
                    publisher.run()
                except Transient:
                    continue

        return run

    at_once(processing, *(publishing(one.publisher) for one in publishers))

    assert_views_are_true(ground, ground.worker())


def _calls_of_a_run(ground: Ground) -> int:
    worker = ground.worker()
    calls = 0

    def count(_name: str) -> None:
        nonlocal calls
        calls += 1

    interrupt(worker.publisher, count)
    worker.publisher.run()
    return calls


@pytest.mark.usefixtures("few_views")
def test_a_publisher_that_another_overtakes_at_any_call_does_not_take_the_view_back(
    endpoint: Endpoint, ground: Ground
) -> None:
    first, second = ground.worker(), ground.worker()
    deliver(second, INTERACTIONS, ground.write(INTERACTIONS, interaction("a0")))
    calls_of_a_run = _calls_of_a_run(ground)
    for number in range(calls_of_a_run):
        deliver(second, INTERACTIONS, ground.write(INTERACTIONS, interaction(f"b{number}")))
        calls = 0

        def overtake(_name: str, at: int = number) -> None:
            nonlocal calls
            calls += 1
            if calls == at + 1:
                more = ground.write(INTERACTIONS, interaction(f"c{at}"))
                deliver(second, INTERACTIONS, more)
                publish_until_done(ground, second)

        inner_state, inner_views = first.publisher.state, first.publisher.views
        interrupt(first.publisher, overtake)
        first.publisher.run()
        first.publisher.state, first.publisher.views = inner_state, inner_views

        assert ground.expected() == ground.views() or due(ground, second), f"call {number}"
        publish_until_done(ground, second)
        assert ground.expected() == ground.views(), f"call {number}"
    assert_views_are_true(ground, second)


@pytest.mark.usefixtures("few_views")
def test_a_publisher_that_dies_at_any_write_leaves_the_rest_to_the_next(ground: Ground) -> None:
    deliver(ground.worker(), INTERACTIONS, ground.write(INTERACTIONS, interaction("a")))
    for number in range(60):
        worker = ground.worker(ground.client)
        deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a", turn=number)))
        deliver(worker, SESSIONS, ground.write(SESSIONS, session(f"s{number}")))
        writes = 0

        def die(name: str, at: int = number) -> None:
            nonlocal writes
            writes += name in ("state.commit", "views.write")
            if writes == at + 1:
                raise Crash

        interrupt(worker.publisher, die)
        try:
            worker.publisher.run()
        except Crash:
            publish_until_done(ground, ground.worker(ground.client))
            assert ground.expected() == ground.views(), f"write {number}"
            continue
        assert number > 2
        break
    assert_views_are_true(ground)


@pytest.mark.usefixtures("few_views")
def test_what_is_pending_survives_the_publisher(ground: Ground) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a")))

    def die(name: str) -> None:
        if name.startswith("views."):
            raise Crash

    interrupt(worker.publisher, die)
    with pytest.raises(Crash):
        worker.publisher.run()

    assert ground.state("j:") == []
    assert "daily_metrics:20260310" in due(ground, worker)
    assert_views_are_true(ground, ground.worker())


@pytest.mark.usefixtures("few_views")
def test_a_stale_publisher_cannot_overwrite_a_newer_document(ground: Ground) -> None:
    stale, fresh = ground.worker(), ground.worker()
    deliver(fresh, INTERACTIONS, ground.write(INTERACTIONS, interaction("a")))
    overtaken = False

    def overtake(name: str) -> None:
        nonlocal overtaken
        if name == "views.write" and not overtaken:
            overtaken = True
            deliver(fresh, INTERACTIONS, ground.write(INTERACTIONS, interaction("b")))
            publish_until_done(ground, fresh)
            assert total_interactions(ground) == 2

    interrupt(stale.publisher, overtake)
    published = stale.publisher.run()

    assert published.contended > 0
    assert total_interactions(ground) == 2


@pytest.mark.usefixtures("few_views")
def test_an_emptied_key_is_a_tombstone_for_an_hour_and_comes_back(ground: Ground) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a")))
    assert_views_are_true(ground, worker)
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a", deleted=True)))
    assert_views_are_true(ground, worker)
    [tombstone] = ground.documents("daily_metrics")
    assert {
        name: value for name, value in tombstone.items() if name[0] != "_" and name != "stamp"
    } == {
        "id": DAY,
        "date": "2026-03-10",
        "document_type": "daily_metrics",
        "empty": True,
        "ttl": 3600,
    }

    ground.later(3_601)
    assert ground.documents("daily_metrics") == []
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a", back=True)))

    assert_views_are_true(ground, worker)
    assert total_interactions(ground) == 1


def test_a_period_is_published_when_the_clock_reaches_it(ground: Ground) -> None:
    worker = ground.worker()
    [shown] = ground.write(INTERACTIONS, interaction("a"))
    written_at = int(shown["_ts"])
    midnight = (written_at // 86_400 + 1) * 86_400
    tomorrow = [interaction("b", timestamp=midnight), interaction("c", timestamp=written_at)]
    ground.write(INTERACTIONS, *tomorrow)
    deliver(worker, INTERACTIONS, ground.feed(INTERACTIONS))
    now_seconds = midnight - 1
    worker.publisher.now_ms = lambda: now_seconds * 1_000

    publish_until_done(ground, worker)
    assert ground.expected(now_seconds) == ground.views()
    days = set(ground.views()["daily_metrics"])
    for _ in range(2):  # the first finds nothing, the second notes where the feed stands
        worker.publisher.run()
    assert worker.publisher.run().idle

    now_seconds = midnight
    publish_until_done(ground, worker)
    assert ground.expected(now_seconds) == ground.views()
    assert len(set(ground.views()["daily_metrics"]) - days) == 1

    for now_seconds in (midnight + 300, midnight + 8 * 86_400, midnight + 40 * 86_400):
        publish_until_done(ground, worker)
        assert ground.expected(now_seconds) == ground.views()


def test_a_view_container_that_is_down_does_not_stop_the_other_views(ground: Ground) -> None:
    worker = ground.worker()
    for number in range(12):  # many keys of the view that is down
        at = f"{2023 + number // 12}-{number % 12 + 1:02}-01T12:00:00Z"
        ground.write(INTERACTIONS, interaction(f"a{number}", timestamp=at))
    ground.write(INTERACTIONS, interaction("a"))
    deliver(worker, INTERACTIONS, ground.feed(INTERACTIONS))
    ground.endpoint.faults.add(container="content_analytics", status=449)

    for _ in range(3):
        try:
            worker.publisher.run()
        except Transient:
            continue

    ground.endpoint.faults.clear()
    assert ground.documents("content_analytics") == []
    assert DAY in ground.views()["daily_metrics"]
    assert ground.views()["user_analytics"]
    assert_views_are_true(ground, worker)


def test_nothing_new_costs_one_look_at_the_feed(ground: Ground) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a")))
    publish_until_done(ground, worker)
    for _ in range(2):
        worker.publisher.run()
    ground.endpoint.stats.reset()

    assert worker.publisher.run().idle

    asked = {
        total.operation: total.count
        for total in ground.endpoint.stats.totals()
        if total.container == "state"
    }
    assert asked == {"change_feed": 1, "read": 1}


@pytest.mark.usefixtures("few_views")
def test_a_publisher_of_an_older_generation_leaves_a_newer_document_alone(ground: Ground) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a")))
    newer = {"id": DAY, "date": "2026-03-10", "document_type": "daily_metrics", "stamp": [9, 1]}
    ground.container("daily_metrics").upsert_item(newer)

    published = worker.publisher.run()

    assert published.contended > 0
    [document] = ground.documents("daily_metrics")
    assert document["stamp"] == [9, 1]


@pytest.mark.usefixtures("few_views")
def test_a_generation_that_changes_during_a_run_stops_it(ground: Ground) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a")))

    def flip(name: str) -> None:
        if name == "views.read" and ground.generation == 1:
            ground.next_generation()

    interrupt(worker.publisher, flip)

    with pytest.raises(GenerationChanged):
        worker.publisher.run()

    assert ground.views()["daily_metrics"] == {}


def test_more_pending_than_a_head_may_hold_is_published_in_turns(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cosmos_views.publish.heads.PENDING_KEYS_MAX", 20)
    monkeypatch.setattr("cosmos_views.publish.fold.KEYS_PER_COMMIT_MAX", 5)
    monkeypatch.setattr("cosmos_views.publish.publisher.KEYS_PER_CLEAR", 7)
    worker = ground.worker()
    for month in range(1, 7):
        body = interaction(f"a{month}", timestamp=f"2026-{month:02}-03T00:00:00Z")
        deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, body))

    assert worker.publisher.run().journal_left
    assert_views_are_true(ground, worker)


@pytest.mark.parametrize("journals_max", [1, 3])
def test_a_journal_longer_than_one_run_takes_is_folded_in_turns(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, journals_max: int
) -> None:
    monkeypatch.setattr("cosmos_views.publish.fold.JOURNALS_PER_RUN_MAX", journals_max)
    worker = ground.worker()
    for number in range(6):
        day = on(10 + number % 2)
        deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a", timestamp=day)))

    assert_views_are_true(ground, worker)


@pytest.mark.parametrize(("keys_max", "cells_max"), [(1, 10_000), (1, 1), (3, 2)])
@pytest.mark.usefixtures("few_views")
def test_a_journal_document_wider_than_one_commit_is_folded_in_parts(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, keys_max: int, cells_max: int
) -> None:
    monkeypatch.setattr("cosmos_views.publish.fold.KEYS_PER_COMMIT_MAX", keys_max)
    monkeypatch.setattr("cosmos_views.publish.fold.CELLS_PER_KEY_MAX", cells_max)
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a")))
    assert_views_are_true(ground, worker)
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a", timestamp=on(12))))

    assert_views_are_true(ground, worker)
