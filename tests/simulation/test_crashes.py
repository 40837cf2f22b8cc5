"""A crash before and after every single call, and every pair of them in the short story.

The same story is told once without trouble to count its calls, then once for each call (or pair):
the process dies there, another starts with nothing in its memory, the platform delivers again.
"""

from collections.abc import Callable, Iterable
from itertools import combinations, product

import pytest

from tests.simulation.auditor import Auditor
from tests.simulation.faults import Fault, Kind
from tests.simulation.test_explored import (
    INCIDENTS,
    INTERACTIONS,
    few_views,
    incident,
    interaction,
    settle,
    text_of,
    until_done,
)
from tests.simulation.world import AUDIT_DELAY_SECONDS, World

__all__ = ["few_views"]
SESSIONS = "user_sessions"
DEVIATIONS = (
    Fault(Kind.KILLED),
    Fault(Kind.KILLED, after=True),
    Fault(Kind.LOST, 503, after=True),
)
Story = Callable[[World], None]

pytestmark = pytest.mark.usefixtures("few_views")


def a_user_asks_and_reports(world: World) -> None:
    """The short story."""
    asked = world.write(INTERACTIONS, interaction("ada", "a", 3))
    reported = world.write(INCIDENTS, incident("ada", "i", "a"))
    until_done(world, lambda worker: worker.process(INTERACTIONS, text_of(asked), {}))
    until_done(world, lambda worker: worker.process(INCIDENTS, text_of(reported), {}))
    until_done(world, lambda worker: worker.publish())


def a_month_of_everything(world: World) -> None:
    """Corrections over months, a deletion, a document first broken and then mended, one that
    stage 1 never sees, publishing in between."""
    first = [
        world.write(INTERACTIONS, interaction("ada", "a", 3)),
        world.write(INTERACTIONS, interaction("bob", "b", 3, timestamp="never")),
        world.write(INTERACTIONS, interaction("bob", "c", 4)),
    ]
    until_done(world, lambda worker: worker.process(INTERACTIONS, text_of(*first), {}))
    until_done(world, lambda worker: worker.publish())
    world.write(SESSIONS, {"id": "s", "user_id": "bob", "start_time": "2025-01-04T08:00:00Z"})
    reported = world.write(INCIDENTS, incident("ada", "i", "a"))
    until_done(world, lambda worker: worker.process(INCIDENTS, text_of(reported), {}))
    world.scheduler.sleep(2)
    later = [
        world.write(INTERACTIONS, interaction("ada", "a", 40)),
        world.write(INTERACTIONS, interaction("bob", "c", 4, deleted=True)),
    ]
    until_done(world, lambda worker: worker.process(INTERACTIONS, text_of(*later), {}))
    world.write(INTERACTIONS, interaction("bob", "b", 5))
    until_done(world, lambda worker: worker.redrive({}))
    until_done(world, lambda worker: worker.publish())
    world.scheduler.sleep(AUDIT_DELAY_SECONDS + 10)
    until_done(world, lambda worker: worker.audit())
    until_done(world, lambda worker: worker.publish())


def told(story: Story, struck: dict[int, Fault]) -> tuple[int, int]:
    """(calls, faults that struck) of the story with these faults, which must end in the truth."""
    with World(0, buckets=2) as world:
        auditor = Auditor(world, commits_per_proof=1)
        world.gate.plan = lambda number, _container, _operation, _writes: struck.get(number)
        story(world)
        calls = world.gate.calls
        world.calm()
        # A run that broke off goes on behind the letter it broke off at; the next finds it.
        world.worker().redrive({})
        settle(world, auditor)
        auditor.assert_letters()
        return calls, world.gate.injected.total()


def tell_all(story: Story, cases: Iterable[dict[int, Fault]]) -> int:
    """How many cases there were, all of them true, in which every fault struck."""
    told_so_far = 0
    for struck in cases:
        try:
            _, injected = told(story, struck)
        except Exception as failure:
            failure.add_note(f"struck: {struck}")
            raise
        # What the first fault made shorter may not come to the second one's call.
        assert injected >= 1
        told_so_far += injected == len(struck)
    return told_so_far


@pytest.mark.parametrize("story", [a_user_asks_and_reports, a_month_of_everything])
def test_a_fault_at_any_call_changes_nothing_in_the_end(story: Story) -> None:
    calls, _ = told(story, {})
    cases = ({place: fault} for place in range(calls) for fault in DEVIATIONS)

    assert tell_all(story, cases) == calls * len(DEVIATIONS)


@pytest.mark.parametrize("first", DEVIATIONS, ids=["before", "after", "lost"])
def test_faults_at_any_two_calls_change_nothing_in_the_end(first: Fault) -> None:
    calls, _ = told(a_user_asks_and_reports, {})
    pairs = product(combinations(range(calls), 2), DEVIATIONS)
    cases = ({one: first, other: second} for (one, other), second in pairs)

    assert tell_all(a_user_asks_and_reports, cases) > calls
