"""Who may use which generation, phase by phase."""

import pytest

from cosmos_views.ledger.generations import (
    BEFORE_SWITCH,
    OPEN,
    Generation,
    Phase,
    advanced,
    begun,
    ended,
    horizon,
    keeps,
)
from cosmos_views.ledger.instants import DAY_SECONDS

FIRST = Generation("generation", "generation", 1, 2, "1-old")
BEGUN = begun(FIRST, "2-new", 4, None, 1_000)


@pytest.mark.parametrize("phase", sorted(BEFORE_SWITCH))
def test_until_the_switch_the_old_definition_counts_into_the_old_generation(phase: Phase) -> None:
    assert advanced(BEGUN, phase, 1).counted("1-old") == (1, 2)


@pytest.mark.parametrize("phase", sorted(BEFORE_SWITCH))
def test_the_new_definition_counts_into_the_new_generation_once_it_is_laid_out(
    phase: Phase,
) -> None:
    expected = (2, 4) if phase in OPEN else None
    assert expected == advanced(BEGUN, phase, 1).counted("2-new")


def test_after_the_switch_the_old_definition_fits_nothing() -> None:
    switched = advanced(BEGUN, Phase.PUBLISHING, 1)

    assert switched.counted("1-old") is None
    assert switched.counted("2-new") == (2, 4)
    assert (switched.generation, switched.buckets, switched.definition_version) == (2, 4, "2-new")


def test_a_rebuild_of_the_same_definition_counts_into_the_old_generation_until_the_switch() -> None:
    same = begun(FIRST, "1-old", 4, None, 1_000)

    assert advanced(same, Phase.SETTLING, 1).counted("1-old") == (1, 2)
    assert advanced(same, Phase.PUBLISHING, 1).counted("1-old") == (2, 4)


def test_a_number_is_never_given_twice() -> None:
    aborted = ended(advanced(BEGUN, Phase.ABORTING, 1))

    assert (aborted.generation, aborted.successor) == (1, 3)
    assert begun(aborted, "2-new", 4, None, 1_000).used == 3


@pytest.mark.parametrize("phase", sorted(BEFORE_SWITCH))
def test_the_successor_is_the_same_before_and_while_it_is_built(phase: Phase) -> None:
    assert FIRST.successor == advanced(BEGUN, phase, 1).successor == 2


def test_an_abort_or_a_switch_makes_another_one_the_successor() -> None:
    assert advanced(BEGUN, Phase.ABORTING, 1).successor == 3
    assert advanced(BEGUN, Phase.PUBLISHING, 1).successor == 3


def test_the_horizon_follows_from_the_shortest_ttl() -> None:
    now = 100 * DAY_SECONDS + 5

    assert horizon(now, [365 * DAY_SECONDS, 30 * DAY_SECONDS, -1]) == 72 * DAY_SECONDS
    assert horizon(now, [-1, -1]) is None


def test_periods_that_began_before_the_horizon_keep_their_documents() -> None:
    assert [keeps(10, 9), keeps(10, 10), keeps(None, 0)] == [True, False, False]
