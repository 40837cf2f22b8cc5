"""The seven rules of fold and publish: with all of them nothing goes wrong, in whatever order.

Every interleaving there is, within the deviations that a scenario allows (readings one write old,
processes that die or miss an answer). `DEVIATIONS=1` allows one more of each kind that it has.
"""

import os
from dataclasses import replace
from math import comb

import pytest

from tests.interleaved.exploring import Bounds
from tests.interleaved.laws import Untrue
from tests.interleaved.loading import Change, changes
from tests.interleaved.programs import writing
from tests.interleaved.scenarios import SCENARIOS, Scenario, deeper, exploration, put

MORE = int(os.environ.get("DEVIATIONS", "0"))
LEFT_OUT = [one for one in changes() if not one.covered_by]
COVERED = [one for one in changes() if one.covered_by]
SCHEDULES_MIN = 100_000_000


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda one: one.name)
def test_a_document_never_goes_back_and_ends_as_the_sum(scenario: Scenario) -> None:
    explored = exploration(deeper(scenario, MORE)).run()

    assert explored.schedules > SCHEDULES_MIN


@pytest.mark.parametrize("change", LEFT_OUT, ids=str)
def test_a_rule_that_is_left_out_is_missed(change: Change) -> None:
    with pytest.raises(Untrue):
        exploration(SCENARIOS[change.scenario], change).run()


@pytest.mark.parametrize("change", COVERED, ids=str)
def test_a_guard_that_stands_behind_another_is_not(change: Change) -> None:
    explored = exploration(SCENARIOS[change.scenario], change).run()

    assert explored.schedules > SCHEDULES_MIN


def test_each_rule_is_left_out_somewhere() -> None:
    assert {change.rule for change in LEFT_OUT} == set(range(1, 9))


def test_schedules_are_counted_as_if_none_were_alike() -> None:
    scenario = SCENARIOS["emptied in both buckets"]
    alone = exploration(scenario)
    writers = (
        writing(put(0, 2, x=1), put(0, 3, x=1), put(0, 4, x=1)),
        writing(put(1, 2, x=1), put(1, 3, x=1)),
    )
    explored = replace(alone, publishers=0, others=writers).run()

    assert explored.schedules == comb(5, 2)


def test_what_a_program_has_left_behind_makes_no_difference() -> None:
    """A fold is remembered by the bucket it returned: the schedules are the same, and fewer moments
    tell them apart."""
    scenario = SCENARIOS["emptied before it is published"]._replace(bounds=Bounds(stale=1))
    whole, parts = (exploration(scenario, forgets=forgets).run() for forgets in (False, True))

    assert whole.schedules == parts.schedules
    assert whole.moments > parts.moments


def test_a_failure_tells_the_way_to_it() -> None:
    change = next(one for one in LEFT_OUT if one.rule == 4)
    with pytest.raises(Untrue) as failed:
        exploration(SCENARIOS[change.scenario], change).run()

    [told] = failed.value.__notes__
    assert "Commit" in told
    assert told.splitlines()[-1].startswith("in the end")
