"""A rebuild that ended in something untrue once, in the smallest world that still shows it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cosmos_views.ledger.generations import Phase
from cosmos_views.worker import FUNCTION_SECONDS_MAX, SETTLE_SECONDS
from tests.simulation import operator
from tests.simulation.auditor import Auditor
from tests.simulation.operator import Operator
from tests.simulation.scheduler import Killed
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


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator who waits for no function to end, and gives nothing up."""
    monkeypatch.setattr(operator, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(operator, "GIVES_UP", 0.0)


@pytest.mark.usefixtures("few_views", "at_once")
@pytest.mark.parametrize("seed", range(12))
def test_what_was_folded_just_before_the_switch_is_published_though_replicas_lag(seed: int) -> None:
    """The walk over a replica that did not have the last fold left its keys out."""
    with World(seed) as world:
        auditor = Auditor(world)
        shown = world.write(INTERACTIONS, interaction("ada", "a", 3))
        until_done(world, lambda worker: worker.process(INTERACTIONS, text_of(shown), {}))
        world.scheduler.sleep(2)

        rebuild_beside_late_replicas(world, seed, 0.3)

        settle(world, auditor)


@pytest.mark.usefixtures("few_views", "at_once")
@pytest.mark.parametrize("seed", range(12))
def test_who_was_erased_is_not_counted_anew_though_replicas_lag(seed: int) -> None:
    """The entry of a deleted document was written by who had not seen the tombstone yet."""
    with World(seed) as world:
        auditor = Auditor(world)
        shown = [
            world.write(INTERACTIONS, interaction("ada", "a", 3, deleted=True)),
            world.write(INTERACTIONS, interaction("bob", "b", 3)),
        ]
        until_done(world, lambda worker: worker.process(INTERACTIONS, text_of(*shown), {}))
        world.scheduler.sleep(2)
        Operator(world, Random(seed)).erase("ada")
        world.scheduler.sleep(2)

        rebuild_beside_late_replicas(world, seed, 0.5)

        settle(world, auditor)
        auditor.assert_forgotten()


def rebuild_beside_late_replicas(world: World, seed: int, share: float) -> None:
    """A rebuild to its end, while so many readings of the state are as old as they may be."""
    late = Random(seed)
    world.containers["state"].oldest = lambda: late.random() < share
    Operator(world, Random(seed)).rebuild(None, world.definition)
    assert world.generation().generation == 2


class Meanwhile(Operator):
    """An operator between whose first steps, of an erasure, something happens."""

    def __init__(self, world: World, happens: Callable[[], object]) -> None:
        super().__init__(world, Random(1))
        self._happens: Callable[[], object] | None = happens

    def _pace(self) -> None:
        happens, self._happens = self._happens, None
        if happens is not None:
            happens()


@pytest.mark.usefixtures("few_views", "at_once")
def test_a_rebuild_may_be_given_up_while_a_user_is_erased() -> None:
    """The erasure looked for its tombstone in the generation that was gone, and broke off."""
    with World(1) as world:
        auditor = Auditor(world)
        shown = [
            world.write(INTERACTIONS, interaction("ada", "a", 3)),
            world.write(INTERACTIONS, interaction("bob", "b", 3)),
        ]
        until_done(world, lambda worker: worker.process(INTERACTIONS, text_of(*shown), {}))
        given_up = Operator(world, Random(1))
        given_up.impatience = 1.0
        world.gate.plan = lambda *_: None
        with pytest.raises(Killed):
            given_up.proceed(None)
        assert world.generation().building is not None

        Meanwhile(world, lambda: Operator(world, Random(1)).proceed(None, abort=True)).erase("ada")

        assert world.generation().building is None
        assert world.state("e:")
        settle(world, auditor)
        auditor.assert_forgotten()


class Stalled:
    """A state store whose commits take almost as long as a function may."""

    def __init__(self, store: Any, world: World) -> None:
        self._world = world
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, *arguments: Any) -> Any:
        self._world.scheduler.sleep(FUNCTION_SECONDS_MAX - 10)
        return self._store.commit(*arguments)


@pytest.mark.usefixtures("few_views")
def test_a_batch_in_flight_leaves_nothing_in_a_generation_that_is_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it wrote after the removal stayed for ever, and no erasure found it."""
    monkeypatch.setattr(operator, "GIVES_UP", 0.0)
    with World(1) as world:
        auditor = Auditor(world)
        shown = world.write(INTERACTIONS, interaction("ada", "a", 3))

        def batch() -> None:
            """Begins just before the switch."""
            worker = world.worker()
            outside = worker.processors[INTERACTIONS].outside
            stalled: Any = Stalled(outside.state, world)
            worker.processors[INTERACTIONS].outside = replace(outside, state=stalled)
            while not about_to_switch(world):
                world.scheduler.sleep(1)
            worker.process(INTERACTIONS, text_of(shown), {})

        world.scheduler.add("batch", batch)
        rebuild = Operator(world, Random(1)).rebuild
        world.scheduler.add("rebuild", lambda: rebuild(None, world.definition))
        world.scheduler.run()

        assert world.generation().generation == 2
        assert {one["pk"] for one in world.state("e:")} == {"2:0"}
        settle(world, auditor)


def about_to_switch(world: World) -> bool:
    building = world.generation().building
    if building is None or building.phase is not Phase.SETTLING:
        return False
    return world.now_seconds() > building.since + SETTLE_SECONDS - 10


def test_what_runs_is_over_when_the_host_says_so() -> None:
    host = json.loads(Path("host.json").read_text("utf-8"))
    hours, minutes, seconds = map(int, host["functionTimeout"].split(":"))
    assert hours * 3_600 + minutes * 60 + seconds == FUNCTION_SECONDS_MAX
