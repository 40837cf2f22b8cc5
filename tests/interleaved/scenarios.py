"""What is explored: one key of two buckets, which is filled, emptied and filled again."""

from collections.abc import Mapping
from typing import NamedTuple

from tests.interleaved.answering import Answering
from tests.interleaved.exploring import Bounds, Exploration
from tests.interleaved.laws import PublishLaws
from tests.interleaved.loading import Change, load
from tests.interleaved.programs import Put, publishing, rebuilding, writing
from tests.interleaved.questions import Ended, Tick, WritePage
from tests.interleaved.replay import Program, Tree
from tests.interleaved.store import Page, Partition, World
from tests.interleaved.view import CELL, ILL, PACE_SECONDS

NOWHERE: Mapping[str, int] = {}


class Scenario(NamedTuple):
    """Who acts, from where, and how far it is explored."""

    name: str
    publishers: int
    bounds: Bounds
    written: tuple[Put | Tick, ...]
    """While the publishers run."""
    published: tuple[Put, ...] = ()
    """Folded and published before they begin."""
    folded: tuple[Put, ...] = ()
    """Folded before they begin, by a publisher that died of it."""
    beforehand: tuple[Put, ...] = ()
    """Not folded yet when they begin."""
    runs: int = 1
    limits: Mapping[str, int] = NOWHERE
    """Of the code, made small."""
    pace_seconds: int | None = 0
    waits: bool = False
    """Something is due only later."""
    switches_to: tuple[Put, ...] | None = None
    """What the next generation counts, to which a rebuild switches meanwhile."""


def put(bucket: int, at: int, x: int = 0, y: int = 0, *, generation: int = 1) -> Put:
    """A journal document, whose id sorts by `at`."""
    delta = {f"n:{name}": {CELL: [value]} for name, value in (("x", x), ("y", y)) if value}
    return Put(f"{generation}:{bucket}", str(at), delta)


SCENARIOS = {
    one.name: one
    for one in (
        Scenario(
            "filled, emptied and filled again",
            publishers=2,
            bounds=Bounds(stale=1, troubles=1),
            written=(put(0, 2, x=-1), put(0, 3, x=1)),
            published=(put(0, 1, x=1),),
        ),
        Scenario(
            "emptied in both buckets",
            publishers=2,
            bounds=Bounds(stale=1),
            written=(put(0, 2, x=-1), put(1, 2, y=-4)),
            published=(put(0, 1, x=1), put(1, 1, y=4)),
        ),
        Scenario(
            "emptied before it is published",
            publishers=2,
            bounds=Bounds(troubles=1),
            written=(put(0, 2, x=-1),),
            beforehand=(put(0, 1, x=1),),
        ),
        Scenario(
            "three publishers",
            publishers=3,
            bounds=Bounds(),
            written=(put(1, 1, x=4), put(0, 2, x=-1)),
            folded=(put(0, 1, x=1),),
        ),
        Scenario(
            "two crashes",
            publishers=3,
            bounds=Bounds(stale=1, troubles=2),
            written=(put(0, 2, x=-1),),
            published=(put(0, 1, x=1),),
        ),
        Scenario(
            "a journal that does not fit",
            publishers=2,
            bounds=Bounds(stale=1, troubles=1),
            written=(put(0, 1, x=1, y=2),),
            limits={"KEYS_PER_COMMIT_MAX": 1},
        ),
        Scenario(
            "half of a move",
            publishers=2,
            bounds=Bounds(stale=1),
            written=(put(0, 2, x=1), put(0, 1, x=-1, y=2)),
            limits={"KEYS_PER_COMMIT_MAX": 1, "JOURNALS_PER_RUN_MAX": 1},
        ),
        Scenario(
            "pending is full",
            publishers=2,
            bounds=Bounds(),
            written=(put(0, 1, x=1), put(0, 2, y=2)),
            limits={"PENDING_KEYS_MAX": 0},
            runs=2,
        ),
        Scenario(
            "not due yet",
            publishers=2,
            bounds=Bounds(troubles=1),
            written=(Tick(PACE_SECONDS), put(0, 2, x=2)),
            beforehand=(put(0, 1, x=1),),
            runs=2,
            pace_seconds=None,
        ),
        Scenario(
            "a key that cannot be rendered",
            publishers=2,
            bounds=Bounds(troubles=1),
            written=(put(0, 2, x=1 - ILL),),
            beforehand=(put(0, 1, x=ILL),),
            limits={"RETRY_SECONDS_MIN": PACE_SECONDS, "RETRY_SECONDS_MAX": PACE_SECONDS},
            waits=True,
        ),
        Scenario(
            "another generation",
            publishers=2,
            bounds=Bounds(stale=1),
            written=(),
            beforehand=(put(0, 1, x=1),),
            switches_to=(),
        ),
        Scenario(
            "another generation, which counts as well",
            publishers=2,
            bounds=Bounds(),
            written=(),
            beforehand=(put(0, 1, x=1),),
            switches_to=(put(1, 1, x=2, generation=2),),
        ),
    )
}


def deeper(scenario: Scenario, more: int) -> Scenario:
    """With so many more deviations, of each kind that it has."""
    stale, troubles = (many + more if many else 0 for many in scenario.bounds)
    return scenario._replace(bounds=Bounds(stale, troubles))


def exploration(
    scenario: Scenario, change: Change | None = None, *, forgets: bool = True
) -> Exploration:
    """The scenario over the production code, with perhaps one change of it."""
    # What a race has parked is tried again at once.
    limits = {"RETRY_SECONDS_MIN": 0, **scenario.limits}
    code = load(limits, change, forgets=forgets)
    publisher = publishing(code, scenario.pace_seconds)
    world = _first_world(publisher, scenario)
    others: list[Program] = [writing(*scenario.written)] if scenario.written else []
    at_rest = [publisher]
    if scenario.switches_to is not None:
        rebuild = rebuilding(code, 1, 2)
        others.append(rebuild)
        at_rest = [rebuild, publisher]
    return Exploration(
        world,
        PublishLaws(),
        publisher,
        scenario.publishers,
        tuple(others),
        (publisher,),
        tuple(at_rest),
        bounds=scenario.bounds,
        runs=scenario.runs,
        rest_seconds=PACE_SECONDS if scenario.waits or scenario.pace_seconds != 0 else 0,
        switching=scenario.switches_to is not None,
    )


def _first_world(publisher: Program, scenario: Scenario) -> World:
    pks = [f"1:{bucket}" for bucket in range(2)]
    if scenario.switches_to is not None:
        pks += [f"2:{bucket}" for bucket in range(2)]
    world = World(tuple(Partition(pk) for pk in pks), Page(0, None, (0, None)), 1, 1)
    answering = Answering()

    def done(world: World, program: Program, *until: type) -> World:
        place = Tree().place(program, 1)
        while not isinstance(place.question, (Ended, *until)):
            answer, world = answering.answer(world, place.question)
            place = place.after(answer)
        return world

    for one in scenario.published:
        world = done(done(world, writing(one)), publisher)
    for one in scenario.folded:
        world = done(done(world, writing(one)), publisher, WritePage)
    return done(world, writing(*scenario.beforehand, *(scenario.switches_to or ())))
