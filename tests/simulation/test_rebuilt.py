"""A rebuild that ended in something untrue once, in the smallest world that still shows it."""

from random import Random

import pytest

from tests.simulation import operator
from tests.simulation.auditor import Auditor
from tests.simulation.operator import Operator
from tests.simulation.test_explored import (
    INTERACTIONS,
    few_views,
    interaction,
    settle,
    text_of,
    until_done,
)
from tests.simulation.world import World

__all__ = ["few_views"]


@pytest.mark.usefixtures("few_views")
@pytest.mark.parametrize("seed", range(12))
def test_what_was_folded_just_before_the_switch_is_published_though_replicas_lag(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """The walk over a replica that did not have the last fold left its keys out."""
    monkeypatch.setattr(operator, "RUN_SECONDS_MAX", 0)
    with World(seed) as world:
        auditor = Auditor(world)
        shown = world.write(INTERACTIONS, interaction("ada", "a", 3))
        until_done(world, lambda worker: worker.process(INTERACTIONS, text_of(shown), {}))
        world.scheduler.sleep(2)
        late = Random(seed)
        world.containers["state"].oldest = lambda: late.random() < 0.3

        Operator(world, Random(seed)).rebuild(None, world.definition)

        assert world.generation().generation == 2
        settle(world, auditor)
