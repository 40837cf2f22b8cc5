"""A store that is rebuilt while changes keep coming and readers keep reading.

Given live workers that count and publish all the time, of the old definition or of the new one;
when the store is rebuilt beneath them; then no reader sees a document go or grow older, and once
the audit has run, every change is counted once.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from cosmos_views import worker as wiring
from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.generations import Building
from cosmos_views.publish import heads
from cosmos_views.publish.publisher import GenerationChanged
from cosmos_views.store.failures import Refused
from cosmos_views.upkeep.rebuild.rebuilding import Rebuilding
from cosmos_views.upkeep.trailing import Allowance
from tests.emulators.functions.waiting import wait_until
from tests.rebuild.rebuilds import another_definition, in_force, rebuild
from tests.worker.ground import (
    INTERACTIONS,
    SOURCES,
    Ground,
    assert_views_are_true,
    deliver,
    deliver_all,
    publish_until_done,
)
from tests.worker.stories import interaction

CHANGES_BEFORE, CHANGES_MIN = 30, 40


@pytest.fixture
def counted(ground: Ground) -> Ground:
    ground.write(INTERACTIONS, *(_now(f"b{n}", n) for n in range(CHANGES_BEFORE)))
    worker = ground.worker()
    deliver_all(worker, {source: ground.feed(source) for source in SOURCES})
    publish_until_done(ground, worker)
    return ground


def test_a_head_that_is_full_holds_up_no_rebuild(
    counted: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was counted meanwhile cannot be folded then, and waits for the publisher."""
    await_triggers = Rebuilding._await_triggers

    def counting_meanwhile(rebuilding: Rebuilding, building: Building) -> float:
        late = counted.write(INTERACTIONS, _now("late", 0))
        deliver(rebuilding.worker, INTERACTIONS, late)
        patch.setattr(heads, "PENDING_KEYS_MAX", 0)
        return await_triggers(rebuilding, building)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rebuilding, "_await_triggers", counting_meanwhile)
        assert rebuild(counted, capsys).code == 0

    worker = counted.worker()
    publish_until_done(counted, worker)
    assert_views_are_true(counted, worker)


def test_live_workers_follow_the_switch(
    counted: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    """They read the layout again every 30 s, so here they count into the old one to the end."""
    with _live(counted, counted.worker()) as changes, _reading(counted) as gaps:
        wait_until(lambda: len(changes) > CHANGES_MIN // 2)
        assert rebuild(counted, capsys, "--buckets", "2").code == 0
        wait_until(lambda: len(changes) > CHANGES_MIN)

    assert gaps == []
    _assert_every_change_counts_once(counted)


def test_a_new_worker_counts_into_the_generation_that_is_built_for_it(
    counted: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    another_definition(monkeypatch)
    with _live(counted, counted.worker()) as changes, _reading(counted) as gaps:
        rebuild(counted, capsys, "--compare")
        wait_until(lambda: len(changes) > CHANGES_MIN // 2)
        assert {"1:0", "2:0"} <= {one["pk"] for one in counted.documents("state")}
        assert rebuild(counted, capsys).code == 0
        wait_until(lambda: len(changes) > CHANGES_MIN)

    assert gaps == []
    _assert_every_change_counts_once(counted)


def test_an_old_worker_counts_into_the_old_generation_until_the_switch_refuses_it(
    counted: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = counted.worker()
    another_definition(monkeypatch)
    rebuild(counted, capsys, "--compare")
    deliver(old, INTERACTIONS, counted.write(INTERACTIONS, _now("late", 1)))

    assert rebuild(counted, capsys).code == 0

    with pytest.raises(Refused, match="python -m cosmos_views rebuild"):
        old.publisher.run()
    _assert_every_change_counts_once(counted)


def _assert_every_change_counts_once(ground: Ground) -> None:
    worker = ground.worker()
    for reader in worker.audits:
        replace(reader, delay_seconds=0).run(allowance())
    assert in_force(ground).generation == 2
    assert_views_are_true(ground, worker)


def allowance() -> Allowance:
    return Allowance(1_000, 60, time.monotonic)


@contextmanager
def _live(ground: Ground, worker: wiring.Worker) -> Iterator[list[str]]:
    """Changes that are written, delivered and published all the time; what is refused is delivered
    again, as the platform does."""
    changes: list[str] = []

    def change() -> None:
        number = len(changes)
        written = ground.write(INTERACTIONS, _now(f"l{number}", number))
        with suppress(Refused, Transient, GenerationChanged):
            deliver(worker, INTERACTIONS, written)
            worker.publisher.run()
        changes.append(f"l{number}")

    with _again_and_again(change):
        yield changes


@contextmanager
def _reading(ground: Ground) -> Iterator[list[str]]:
    """A reader of all documents of a view; what it sees go or grow older is a gap."""
    newest: dict[str, list[int]] = {}
    gaps: list[str] = []

    def read() -> None:
        found = {one["id"]: one["stamp"] for one in ground.documents("user_analytics")}
        gaps.extend(f"{name} is gone" for name in newest.keys() - found.keys())
        gaps.extend(
            f"{name} went back" for name in newest.keys() & found if newest[name] > found[name]
        )
        newest.update(found)

    with _again_and_again(read):
        yield gaps


@contextmanager
def _again_and_again(work: Callable[[], None]) -> Iterator[None]:
    stop = threading.Event()
    failures: list[BaseException] = []

    def loop() -> None:
        try:
            while not stop.is_set():
                work()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert failures == []


def _now(document_id: str, number: int) -> dict[str, object]:
    return interaction(document_id, user_id=f"u{number % 7}", timestamp=...)
