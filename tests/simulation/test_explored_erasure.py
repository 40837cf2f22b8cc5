"""Every schedule, up to a number of deviations, of an erasure beside a batch of the same user."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest

import cosmos_views.upkeep.erase.erasing
import tests.simulation.world
from cosmos_views.intake.ownership import Layout
from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.owners import owner_key
from cosmos_views.store.erased import Erased
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.erase.erasure import tombstone
from pack import PACK
from tests.simulation.ambient import VirtualSecrets
from tests.simulation.cosmos import Document
from tests.simulation.erasing import ErasingClient, ErasureAuditor, erasure
from tests.simulation.explore import Choices, explored
from tests.simulation.faults import Fault, Kind
from tests.simulation.scheduler import Killed
from tests.simulation.test_explored import (
    CHANGES,
    INTERACTIONS,
    delivering,
    explored_world,
    interaction,
    settle,
    text_of,
    until_done,
)
from tests.simulation.world import World

DEVIATIONS = 1 + int(os.environ.get("DEVIATIONS", "0"))
MEETS: dict[str, Callable[[], tuple[str, Document]]] = {
    **CHANGES,
    "broken": lambda: (INTERACTIONS, interaction("ada", "a", 3, response_time_ms="soon")),
}


@pytest.fixture(autouse=True)
def _as_an_erasure_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in PACK.views if one not in ("daily_metrics", "user_analytics")]:
        monkeypatch.delitem(PACK.views, name)
    monkeypatch.setattr(tests.simulation.world, "Client", ErasingClient)


@pytest.mark.parametrize("name", MEETS)
def test_an_erasure_beside_a_batch_forgets_the_user_and_nobody_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(choices: Choices) -> None:
        monkeypatch.setattr(
            cosmos_views.upkeep.erase.erasing, "secrets", VirtualSecrets(Random("erasing"))
        )
        with explored_world(choices) as world:
            auditor = ErasureAuditor(world, "ada")
            before = [
                world.write(INTERACTIONS, interaction("ada", "b", 1)),
                world.write(INTERACTIONS, interaction("ada", "broken", 1, response_time_ms="x")),
                world.write(INTERACTIONS, interaction("bob", "b", 1)),
            ]
            until_done(world, lambda worker: worker.process(INTERACTIONS, text_of(*before), {}))
            until_done(world, lambda worker: worker.publisher.run())
            world.scheduler.sleep(2)
            source, body = MEETS[name]()
            shown = world.write(source, body)
            world.scheduler.add("erase", lambda: until_done(world, lambda _: erased(world, "ada")))
            world.scheduler.add(name, delivering(world, source, shown))
            world.scheduler.run()
            settle(world, auditor)
            auditor.assert_forgotten()

    schedules = explored(run, DEVIATIONS)
    assert schedules > 100


def erased(world: World, user: str) -> None:
    """As whoever runs the command does: what it could not delete is left to the next run."""
    if not erasure(world, user).run().finished_at:
        raise Transient("something is left")


def test_nothing_is_published_of_a_user_whose_erasure_has_begun() -> None:
    """Not even when the erasure breaks off behind the tombstone."""
    with explored_world(Choices([], 0)) as world:
        shown = world.write(INTERACTIONS, interaction("ada", "a", 1))
        worker = world.worker()
        worker.process(INTERACTIONS, text_of(shown), {})
        state: Any = world.client().get_container_client("state")
        generation = world.generation()
        layout = Layout(generation.generation, generation.buckets)
        tombstone(PACK.owners, StateStore(state), layout, owner_key("ada"))
        world.scheduler.sleep(5)
        while not worker.publisher.run().idle:
            pass
        [(_, shown)] = world.containers["user_analytics"].latest()
        assert shown.get("empty")


def test_a_letter_that_names_nobody_outlives_the_erasure_of_who_was_named_before() -> None:
    """A rebuild had written it; the generation in force, where the document still counted for the
    erased user, took it away, and the next generation never wrote it again."""
    with explored_world(Choices([], 0)) as world:
        named = world.write(INTERACTIONS, interaction("", "a", 1, userId="ada"))
        worker = world.worker()
        worker.process(INTERACTIONS, text_of(named), {})
        state: Any = world.client().get_container_client("state")
        tombstone(PACK.owners, StateStore(state), Layout(1, 1), owner_key("ada"))
        world.scheduler.sleep(2)
        nameless = world.write(INTERACTIONS, interaction("", "a", 1, userId=42))
        rebuilding = world.worker()
        outside = rebuilding.processors[INTERACTIONS].outside
        rebuilding.processors[INTERACTIONS].outside = replace(outside, layout=lambda: Layout(2, 1))
        rebuilding.process(INTERACTIONS, text_of(nameless), {})

        report = worker.processors[INTERACTIONS].process(text_of(nameless), {})

        assert report.erased == 1
        [(_, letter)] = world.containers["poison_messages"].latest()
        assert letter["version"]["etag"] == nameless["_etag"]


def test_an_erasure_waits_for_the_letter_of_a_worker_that_dies_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It looked just before the tombstone, is slow to write, dies before it looks again, and the
    platform never delivers the batch again."""
    receipt = erased_beside_a_letter(monkeypatch, 300, Fault(Kind.KILLED, after=True))
    assert receipt.removed["dead_letters"] == 1


def test_a_process_that_nobody_ends_takes_its_letter_back_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A command is under no time-out: it may write after the last pass of the erasure."""
    receipt = erased_beside_a_letter(monkeypatch, 3_000, None)
    assert "dead_letters" not in receipt.removed


def erased_beside_a_letter(
    monkeypatch: pytest.MonkeyPatch, slow_seconds: float, fault: Fault | None
) -> Erased:
    """Erase a user while a worker takes so long to write a letter, which it survives or not."""
    monkeypatch.setattr(
        cosmos_views.upkeep.erase.erasing, "secrets", VirtualSecrets(Random("erasing"))
    )
    receipts = []
    with explored_world(Choices([], 0)) as world:
        auditor = ErasureAuditor(world, "ada")
        broken = world.write(INTERACTIONS, interaction("ada", "a", 1, response_time_ms="x"))

        def is_slow(_: int, container: str, __: str, writes: bool) -> Fault | None:
            if container != "poison_messages" or not writes:
                return None
            world.gate.plan = None
            world.scheduler.sleep(slow_seconds)
            return fault

        def process() -> None:
            world.gate.plan = is_slow
            with suppress(Killed):
                world.worker().process(INTERACTIONS, text_of(broken), {})

        world.scheduler.add("worker", process)
        world.scheduler.add("erase", lambda: receipts.append(erasure(world, "ada").run()))
        world.scheduler.run()
        assert world.gate.plan is None, "a letter was written"
        auditor.assert_forgotten()
    [receipt] = receipts
    return receipt
