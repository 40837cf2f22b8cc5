"""Whatever happens to the worker's world, it ends in true views.

`SEEDS` says how many worlds are run, `SEED` where they begin; each failure names its command.
"""

import gc
import os
from collections.abc import Iterator

import pytest

from tests.simulation.__main__ import seldom_collect
from tests.simulation.auditor import Auditor, Untrue
from tests.simulation.shrink import shrunk
from tests.simulation.simulation import Case, Simulation

SEEDS = int(os.environ.get("SEEDS", "2000"))
SEED = int(os.environ.get("SEED", "0"))
SEEDS_PER_TEST = 50


@pytest.fixture(autouse=True)
def collected_seldom() -> Iterator[None]:
    before = gc.get_threshold()
    seldom_collect()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.parametrize("first", range(SEED, SEED + SEEDS, SEEDS_PER_TEST))
def test_every_world_ends_in_the_truth(first: int) -> None:
    failures: list[Exception | Untrue] = []
    for seed in range(first, min(first + SEEDS_PER_TEST, SEED + SEEDS)):
        case = Case(seed)
        try:
            Simulation(case).run()
        except (Exception, Untrue) as error:
            error.add_note(f"{case.command} repeats it; with --shrink, the smallest such case")
            failures.append(error)
    if failures:
        raise BaseExceptionGroup("worlds that ended in something untrue", failures)


def test_what_is_untrue_amidst_a_write_ends_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """The publisher parks a key whatever it fails with, and once parked what the auditor said."""

    def untrue(*_: object) -> None:
        raise Untrue("never so")

    monkeypatch.setattr(Auditor, "_view_written", untrue)
    with pytest.raises(Untrue, match="never so"):
        Simulation(Case(0)).run()


def test_a_seed_repeats_its_world_exactly() -> None:
    for seed in range(3):
        once, again = Simulation(Case(seed)).run(), Simulation(Case(seed)).run()
        assert once == again


def test_a_failing_case_shrinks_to_what_makes_it_fail() -> None:
    def failing(case: Case) -> Exception | None:
        assert case.steps is not None
        return AssertionError() if {2, 5} <= set(case.steps) else None

    seed = next(one for one in range(100) if len(Simulation(Case(one)).versions) > 15)

    assert shrunk(Case(seed), failing=failing).steps == (2, 5)
