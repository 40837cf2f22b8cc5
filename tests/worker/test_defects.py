"""Defects of ours: one is a dead letter, many stop the worker before it retracts the world."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cosmos_views.intake.judging import TooManyDefects
from cosmos_views.worker import Worker
from tests.worker.ground import (
    INTERACTIONS,
    Document,
    Ground,
    assert_views_are_true,
    deliver,
)
from tests.worker.stories import interaction


def broken(worker: Worker, fails: Callable[[Any], bool]) -> None:
    """From now on the worker's own code fails on some interactions."""
    processor = worker.processors[INTERACTIONS]
    to_fact = processor.source.to_fact

    def failing(document: Any) -> Any:
        if fails(document):
            raise ZeroDivisionError("secret words of a user")
        return to_fact(document)

    processor.source = replace(processor.source, to_fact=failing)


def documents(count: int) -> list[Document]:
    return [interaction(f"a{number}", user_id=f"u{number % 9}") for number in range(count)]


@pytest.mark.parametrize("count", [2, 5, 100])
def test_a_deployment_that_fails_on_everything_decides_nothing(ground: Ground, count: int) -> None:
    good = ground.worker()
    deliver(good, INTERACTIONS, ground.write(INTERACTIONS, *documents(count)))
    assert_views_are_true(ground, good)
    before = ground.etags()
    bad = ground.worker()
    broken(bad, lambda _document: True)
    again = ground.write(INTERACTIONS, *(one | {"again": True} for one in documents(count)))

    for _ in range(3):
        with pytest.raises(TooManyDefects):
            deliver(bad, INTERACTIONS, again)

    assert before == ground.etags()
    assert ground.letters() == []
    deliver(ground.worker(), INTERACTIONS, again)
    assert_views_are_true(ground)


def test_one_defect_among_many_changes_is_a_dead_letter(ground: Ground) -> None:
    worker = ground.worker()
    broken(worker, lambda document: document.id == "a7")

    report = deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, *documents(40)))

    assert (report.counted, dict(report.dead)) == (39, {"defect": 1})
    [letter] = ground.letters()
    assert (
        letter["category"],
        letter["error"],
        letter["document_id"],
    ) == ("defect", "ZeroDivisionError", "a7")
    assert "secret words" not in str(letter)


@pytest.mark.parametrize(("defects", "raises"), [(5, False), (6, True)])
def test_more_than_five_per_cent_of_a_batch_stop_it(
    ground: Ground, defects: int, raises: bool
) -> None:
    worker = ground.worker()
    broken(
        worker,
        lambda document: int(document.id[1:]) % 17 == 1 and int(document.id[1:]) < 17 * defects,
    )
    changes = ground.write(INTERACTIONS, *documents(110))

    if raises:
        with pytest.raises(TooManyDefects):
            deliver(worker, INTERACTIONS, changes)
        assert ground.state("e:") == []
    else:
        assert {"defect": defects} == dict(deliver(worker, INTERACTIONS, changes).dead)


def test_small_batches_that_all_fail_stop_after_twenty_in_a_row(ground: Ground) -> None:
    worker = ground.worker()
    broken(worker, lambda _document: True)
    changes = ground.write(INTERACTIONS, *documents(25))

    for change in changes[:19]:
        deliver(worker, INTERACTIONS, [change])
    for change in changes[19:]:
        with pytest.raises(TooManyDefects):
            deliver(worker, INTERACTIONS, [change])

    assert len(ground.letters()) == 19


def test_a_worker_that_works_again_after_a_defect_is_not_stopped_by_it(ground: Ground) -> None:
    worker = ground.worker()
    broken(worker, lambda document: document.id == "a0")
    changes = ground.write(INTERACTIONS, *documents(60))

    for change in changes:
        deliver(worker, INTERACTIONS, [change])
        deliver(worker, INTERACTIONS, changes[:1])

    assert len(ground.letters()) == 1
