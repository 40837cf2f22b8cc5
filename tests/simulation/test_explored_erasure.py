"""Every schedule, up to a number of deviations, of an erasure beside a batch of the same user."""

import os
from collections.abc import Callable
from random import Random

import pytest

import ops.erasing
import tests.simulation.world
from materializers.registry import VIEWS
from tests.simulation.ambient import VirtualSecrets
from tests.simulation.cosmos import Document
from tests.simulation.erasing import ErasingClient, ErasureAuditor, erasure
from tests.simulation.explore import Choices, explored
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

DEVIATIONS = 1 + int(os.environ.get("DEVIATIONS", "0"))
MEETS: dict[str, Callable[[], tuple[str, Document]]] = {
    **CHANGES,
    "broken": lambda: (INTERACTIONS, interaction("ada", "a", 3, response_time_ms="soon")),
}


@pytest.fixture(autouse=True)
def _as_an_erasure_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in VIEWS if one not in ("daily_metrics", "user_analytics")]:
        monkeypatch.delitem(VIEWS, name)
    monkeypatch.setattr(tests.simulation.world, "Client", ErasingClient)


@pytest.mark.parametrize("name", MEETS)
def test_an_erasure_beside_a_batch_forgets_the_user_and_nobody_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(choices: Choices) -> None:
        monkeypatch.setattr(ops.erasing, "secrets", VirtualSecrets(Random("erasing")))
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
            world.scheduler.add(
                "erase", lambda: until_done(world, lambda _: erasure(world, "ada").run())
            )
            world.scheduler.add(name, delivering(world, source, shown))
            world.scheduler.run()
            settle(world, auditor)
            auditor.assert_forgotten()

    schedules = explored(run, DEVIATIONS)
    assert schedules > 100
