"""Every schedule, up to a number of deviations: two workers on one user, several publishers."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import pytest

from cosmos_views.ledger.commits import CommitError, Transient
from cosmos_views.ledger.owners import owner_key
from cosmos_views.worker import Worker
from pack import PACK
from tests.generators import pools
from tests.simulation.auditor import Auditor
from tests.simulation.cosmos import Document
from tests.simulation.explore import Choices, ExploredScheduler, explored
from tests.simulation.faults import Fault, Kind
from tests.simulation.scheduler import Killed
from tests.simulation.simulation import RUNS_MAX
from tests.simulation.world import World

INTERACTIONS, INCIDENTS = "user_interactions", "abuse_incidents"
EMPTIED: dict[str, Any] = {"deleted": True}
FILLED: dict[str, Any] = {"response_time_ms": 100}
DEVIATIONS = (
    None,
    Fault(Kind.LOST, 503, after=True),
    Fault(Kind.KILLED),
)


@contextmanager
def explored_world(choices: Choices, buckets: int = 1) -> Iterator[World]:
    """A world in which each call may deviate: a late reading, a lost answer, a dead process."""
    world = World(0, buckets=buckets, scheduler=ExploredScheduler(pools.FIRST_WRITE, choices))

    def plan(_number: int, container: str, operation: str, writes: bool) -> Fault | None:
        if world.scheduler.current is None or not writes:
            return None
        return DEVIATIONS[choices.deviate(len(DEVIATIONS) - 1)]

    world.gate.plan = plan
    for container in world.containers.values():
        container.oldest = lambda: world.scheduler.current is not None and choices.deviate(1) == 1
    with world:
        yield world


def interaction(user: str, name: str, day: int, **fields: Any) -> Document:
    return {
        "id": name,
        "user_id": user,
        "document_type": "user_interaction",
        "timestamp": f"2025-{1 + day // 28:02}-{1 + day % 28:02}T12:00:00Z",
        "foundational_texts_used": ["Dhammapada 1.5"],
        **fields,
    }


def incident(user: str, name: str, of: str) -> Document:
    return {
        "id": name,
        "user_id": user,
        "document_type": "abuse_incident",
        "detection_timestamp": "2025-01-05T12:00:00Z",
        "interaction_id": of,
    }


CHANGES: dict[str, Callable[[], tuple[str, Document]]] = {
    "interaction": lambda: (INTERACTIONS, interaction("ada", "a", 3)),
    "edit across months": lambda: (INTERACTIONS, interaction("ada", "b", 40)),
    "delete": lambda: (INTERACTIONS, interaction("ada", "b", 3, deleted=True)),
    "incident": lambda: (INCIDENTS, incident("ada", "i", "a")),
    "incident of an edited interaction": lambda: (INCIDENTS, incident("ada", "j", "b")),
}


def until_done(world: World, do: Callable[[Worker], Any]) -> None:
    """As the platform does: again after every failure, in a new process after a crash."""
    worker = world.worker()
    while True:
        try:
            do(worker)
        except Killed:
            worker = world.worker()
        except (Transient, CommitError):
            continue
        else:
            return


def settle(world: World, auditor: Auditor) -> None:
    world.calm()
    world.scheduler.sleep(5)
    worker = world.worker()
    for _ in range(RUNS_MAX):
        if worker.publisher.run().idle:
            break
    auditor.assert_true()


@pytest.fixture
def few_views(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in PACK.views if one != "daily_metrics"]:
        monkeypatch.delitem(PACK.views, name)


class ReadLongAgo:
    """The sources; behind the first reading much happens before it arrives."""

    def __init__(self, sources: Any, meanwhile: Callable[[], object]) -> None:
        self._sources = sources
        self._meanwhile: Callable[[], object] | None = meanwhile

    def read(self, *arguments: Any) -> Any:
        found = self._sources.read(*arguments)
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return found


@pytest.mark.usefixtures("few_views")
def test_a_reading_that_names_another_owner_is_in_doubt_where_it_belongs() -> None:
    """It had been read before what is decided there, and was taken for the newest."""
    with World(1) as world:
        auditor = Auditor(world, commits_per_proof=1)

        def delivered(shown: Document) -> None:
            until_done(world, lambda worker: worker.process(INTERACTIONS, text_of(shown), {}))

        def written(**fields: Any) -> Document:
            world.scheduler.sleep(2)
            return world.write(INTERACTIONS, interaction("", "a", 1, **fields))

        first = written(userId="ada")
        delivered(written(userId="ada"))
        written(userId=42)
        worker = world.worker()
        outside = worker.processors[INTERACTIONS].outside
        late: Any = ReadLongAgo(outside.sources, lambda: delivered(written(deleted=True)))
        worker.processors[INTERACTIONS].outside = replace(outside, sources=late)

        worker.process(INTERACTIONS, text_of(first), {})

        [entry] = world.state("e:")
        assert entry["outcome"] == "deleted"
        settle(world, auditor)


@pytest.mark.usefixtures("few_views")
def test_a_doubt_about_what_counts_for_somebody_else_ends() -> None:
    """The reading names another owner than the ledger holds to, and would always be put aside."""
    with World(1) as world:

        def written(user: str) -> Document:
            return world.write(INTERACTIONS, interaction("", "a", 1, userId=user))

        def process(shown: Document) -> None:
            world.worker().process(INTERACTIONS, text_of(shown), {})

        def bounded() -> None:
            assert world.gate.calls < 200, "it never ends"

        process(written("ada"))
        world.scheduler.sleep(2)
        older, newer, newest = (written("bob") for _ in range(3))
        assert older["_ts"] == newest["_ts"], "nothing but the source can tell which is newer"
        process(newer)
        world.gate.on_call = bounded

        process(older)

        [entry] = world.state("e:")
        assert (entry["etag"], entry["user"]) == (newest["_etag"], owner_key("ada"))


@pytest.mark.usefixtures("few_views")
@pytest.mark.parametrize(("one", "other"), list(combinations_with_replacement(CHANGES, 2)))
def test_two_workers_on_one_user_count_everything_once(one: str, other: str) -> None:
    def run(choices: Choices) -> None:
        with explored_world(choices) as world:
            auditor = Auditor(world, commits_per_proof=1)
            before = world.write(INTERACTIONS, interaction("ada", "b", 1))
            until_done(world, lambda worker: worker.process(INTERACTIONS, text_of(before), {}))
            world.scheduler.sleep(2)
            for name in (one, other):
                source, body = CHANGES[name]()
                shown = world.write(source, body)
                world.scheduler.add(name, delivering(world, source, shown))
            world.scheduler.run()
            settle(world, auditor)

    schedules = explored(run, deviations=2)
    assert schedules > 50


def delivering(world: World, source: str, shown: Document) -> Callable[[], None]:
    return lambda: until_done(world, lambda worker: worker.process(source, text_of(shown), {}))


def text_of(*documents: Document) -> str:
    return json.dumps(documents)


@pytest.mark.usefixtures("few_views")
@pytest.mark.parametrize(("publishers", "deviations"), [(2, 1), (3, 1)])
@pytest.mark.parametrize("turns", [(EMPTIED,), (EMPTIED, FILLED)], ids=["emptied", "filled again"])
def test_publishers_never_take_a_view_back_nor_forget_it(
    publishers: int, deviations: int, turns: tuple[dict[str, Any], ...]
) -> None:
    """Two buckets and one key, which is emptied and filled again while they run."""

    def run(choices: Choices) -> None:
        with explored_world(choices, buckets=2) as world:
            auditor = Auditor(world, commits_per_proof=5)
            counting = world.worker()
            for user in ("ada", "bob"):
                shown = world.write(INTERACTIONS, interaction(user, "a", 1))
                counting.process(INTERACTIONS, text_of(shown), {})
            world.scheduler.sleep(2)
            for number in range(publishers):
                world.scheduler.add(
                    f"publisher {number}",
                    lambda: until_done(world, lambda worker: worker.publisher.run()),
                )
                for fields in turns[number : number + 1]:
                    world.scheduler.add("writer", written_anew(world, fields))
            world.scheduler.run()
            settle(world, auditor)

    schedules = explored(run, deviations)
    assert schedules > 50


def written_anew(world: World, fields: dict[str, Any]) -> Callable[[], None]:
    def write() -> None:
        for user in ("ada", "bob"):
            shown = world.write(INTERACTIONS, interaction(user, "a", 1, **fields))
            delivering(world, INTERACTIONS, shown)()

    return write
