"""Whatever happens between any two calls of a redrive: nothing lost, doubled or half-done."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
import pytest

from cosmos_views.intake.dead_letters import DeadLetter
from cosmos_views.ledger.commits import Transient
from cosmos_views.worker import Worker
from emulators.cosmos.faults import Moment
from tests.redrive.boundaries import Boundaries, watched
from tests.redrive.conftest import (
    CORRELATION,
    dies_of_a_defect,
    fail,
    letters,
    redrive_all,
    standing,
)
from tests.worker.ground import (
    INTERACTIONS,
    Document,
    Ground,
    assert_views_are_true,
    deliver,
)
from tests.worker.stories import interaction, on

CALLS_MAX = 40
NEWER: dict[str, Document] = {
    "good": {"response_time_ms": 999, "timestamp": on(11)},
    "deleted": {"is_deleted": True},
    "dead": {"response_time_ms": "fast"},
}
Grounds = Callable[..., Ground]


def places(name: str) -> Iterator[str]:
    """Document ids, one for each place where something may happen."""
    return (f"{name}-{place}" for place in range(CALLS_MAX))


@pytest.mark.parametrize(
    ("newer", "delivered", "buckets"),
    [
        ("good", True, 1),
        ("good", False, 1),
        ("deleted", True, 1),
        ("dead", True, 1),
        ("dead", False, 1),
        ("good", True, 4),
    ],
)
def test_a_newer_version_at_any_point_of_a_redrive_is_what_counts(
    grounds: Grounds, newer: str, delivered: bool, buckets: int
) -> None:
    ground = grounds(buckets=buckets)
    live, worker = ground.worker(), ground.worker()
    reached = 0
    for place, document_id in enumerate(places(newer)):
        letter = dead_letter(ground, document_id)

        def overtakes(document_id: str = document_id, seconds: int = place % 2) -> None:
            ground.later(seconds)
            shown = ground.write(INTERACTIONS, interaction(document_id) | NEWER[newer])
            if delivered:
                deliver(live, INTERACTIONS, shown)

        boundaries = Boundaries(place, overtakes)
        with watched(worker, boundaries):
            _redrive(worker, letter)
        if not boundaries.reached:
            break
        reached += 1

    assert 4 <= reached < CALLS_MAX
    deliver(live, INTERACTIONS, ground.feed(INTERACTIONS))
    assert_views_are_true(ground, live)


def test_a_late_older_redrive_never_counts_over_a_newer_version(ground: Ground) -> None:
    """The redrive has read the source; then the newer version is written and decided."""
    (older,) = dies_of_a_defect(ground, interaction("a", response_time_ms=1))
    (letter,) = letters(ground)
    ground.later()
    newer = ground.write(INTERACTIONS, interaction("a", response_time_ms=2))
    live = ground.worker()
    deliver(live, INTERACTIONS, newer)
    worker = ground.worker()
    processor = worker.processors[INTERACTIONS]
    read = processor.outside.sources.read
    readings = iter([older])

    def stale(container: str, document_id: str, key: Sequence[Any]) -> bytes | None:
        first = next(readings, None)
        if first is not None:
            return msgspec.json.encode(first)
        return read(container, document_id, key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processor.outside.sources, "read", stale)
        redriven = worker.redriver.redrive(letter, CORRELATION)

    assert redriven.outcome == "superseded"
    assert_views_are_true(ground, live)


def test_two_redrives_of_one_letter_at_any_point_of_each_other_count_it_once(
    ground: Ground,
) -> None:
    one, other = ground.worker(), ground.worker()
    for place, document_id in enumerate(places("twice")):
        letter = dead_letter(ground, document_id)
        boundaries = Boundaries(place, partial(_redrive, other, letter))
        with watched(one, boundaries):
            _redrive(one, letter)
        if not boundaries.reached:
            break

    assert {"redriven"} == set(standing(ground).values())
    assert_views_are_true(ground)


def test_a_worker_not_yet_upgraded_cannot_take_back_what_the_newer_one_counted(
    ground: Ground,
) -> None:
    old, new = ground.worker(), ground.worker()
    processor = old.processors[INTERACTIONS]
    processor.source = replace(processor.source, to_fact=fail)
    for place, document_id in enumerate(places("rolling")):
        letter = dead_letter(ground, document_id)
        boundaries = Boundaries(place, partial(_redrive, new, letter))
        with watched(old, boundaries):
            _redrive(old, letter)
        if not boundaries.reached:
            break

    redrive_all(ground)
    assert {"redriven"} == set(standing(ground).values())
    assert_views_are_true(ground)


def letter_of(ground: Ground, document_id: str) -> DeadLetter:
    (letter,) = [one for one in letters(ground) if one.document_id == document_id]
    return letter


def dead_letter(ground: Ground, document_id: str) -> DeadLetter:
    """The letter of an interaction that only yesterday's worker could not apply."""
    dies_of_a_defect(ground, interaction(document_id))
    return letter_of(ground, document_id)


def _redrive(worker: Worker, letter: DeadLetter) -> None:
    worker.redriver.redrive(letter, CORRELATION)


def _prepare(ground: Ground, story: str, document_id: str) -> None:
    match story:
        case "redriven":
            dies_of_a_defect(ground, interaction(document_id))
        case "gone":
            dies_of_a_defect(ground, interaction(document_id))
            ground.container(INTERACTIONS).delete_item(document_id, "ada")
        case _:
            bad = interaction(document_id, response_time_ms=-1)
            deliver(ground.worker(), INTERACTIONS, ground.write(INTERACTIONS, bad))
    if story == "superseded":
        ground.later()
        ground.write(INTERACTIONS, interaction(document_id))


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("story", ["redriven", "superseded", "still failing", "gone"])
def test_a_crash_at_any_request_of_a_redrive_leaves_nothing_half_done(
    ground: Ground, story: str, moment: Moment
) -> None:
    """Request n fails for good, before or after it took effect, and the worker ends there."""
    crashes = 0
    worker = ground.worker()
    for place, document_id in enumerate(places("crash")):
        _prepare(ground, story, document_id)
        letter = letter_of(ground, document_id)
        rule = ground.endpoint.faults.add(skip=place, times=1, status=403, moment=moment)
        try:
            _redrive(worker, letter)
        except Transient:
            crashes += 1
        (report,) = ground.endpoint.faults.list()
        ground.endpoint.faults.remove(rule)
        if not report.fired:
            break
        redrive_all(ground, worker)

    assert 4 <= crashes < CALLS_MAX
    expected = {"redriven": "redriven", "superseded": "superseded", "still failing": "pending"}
    assert {expected.get(story, "redriven")} == set(standing(ground).values())
    if story != "gone":
        assert_views_are_true(ground)
    counted = [entry["outcome"] for entry in ground.state("e:")].count("counted")
    assert (0 if story == "still failing" else crashes + 1) == counted
