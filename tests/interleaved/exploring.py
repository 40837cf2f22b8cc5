"""Every interleaving of some programs over one store, with the moments that are alike merged.

A moment is the store and the place of every actor. From each moment every actor may go on, with
every answer the store may give: the latest, one write older, or, to a write, none at all. Depth
first until nothing new is found. What must hold is checked after every write; and in every world
that was ever reached everybody may die: then fresh processes, alone, must bring about the truth.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from tests.interleaved.answering import Answering
from tests.interleaved.laws import Untrue
from tests.interleaved.questions import (
    LOST,
    Ended,
    Pause,
    Question,
    ReadClock,
    ReadGeneration,
    Switch,
    WritePage,
)
from tests.interleaved.replay import Place, Program, Tree
from tests.interleaved.store import Page, Partition, World

RUNS_TO_REST_MAX = 8


class Bounds(NamedTuple):
    """What goes wrong at most; who goes on when is not bounded."""

    stale: int = 0
    """How many readings are one write old."""
    troubles: int = 0
    """How many processes die right after a write, or miss the answer to it."""


class Moment(NamedTuple):
    """What everything that can still happen depends on."""

    world: World
    publishers: tuple[Place, ...]
    """Sorted: they are all alike."""
    others: tuple[Place, ...]
    stale: int
    troubles: int


class Move(NamedTuple):
    """One way in which somebody goes on in a world."""

    how: str
    """Nothing special, `stale`, `lost` or `killed`."""
    place: Place
    world: World
    backwards: Untrue | None
    """What is shown goes back, which only readings that lag excuse."""


@dataclass
class Explored:
    """What was gone through."""

    moments: int = 0
    steps: int = 0
    worlds: int = 0
    """Distinct states of the store; each was also left to fresh processes alone."""
    schedules: int = 0
    """Different ways from the beginning to an end; alike moments are gone through once."""


class Laws(Protocol):
    """What must hold."""

    def check_commit(self, before: Partition, after: Partition) -> None:
        """After a commit to a bucket. Raises Untrue, as all others."""

    def check_page(self, before: Page, after: Page, world: World) -> Untrue | None:
        """After a write of the view's document; returns what only a reading that lags excuses."""

    def check_world(self, world: World) -> None:
        """After every write."""

    def check_at_rest(self, world: World) -> None:
        """When fresh processes have come to rest."""

    def check_at_end(self, world: World) -> None:
        """When every actor has ended."""


@dataclass
class Exploration:
    """One scenario."""

    world: World
    laws: Laws
    publisher: Program
    publishers: int
    """So many of them, all alike."""
    others: tuple[Program, ...]
    """Who else acts, once."""
    failing: tuple[Program, ...]
    """Who may read what is old, die, and miss an answer."""
    at_rest: tuple[Program, ...]
    """What fresh processes do when all others have died, one after the other."""
    waits: bool = True
    """A pause lasts until all others have ended; else it is over at any moment."""
    once: bool = False
    """They are done when they have ended, and not when they change nothing any more."""
    bounds: Bounds = field(default_factory=Bounds)
    runs: int = 1
    """How many times each publisher runs."""
    rest_seconds: int = 0
    """So much later everything is due."""
    switching: bool = False
    """The generation changes, so a reading of it is a step like any other."""
    explored: Explored = field(default_factory=Explored)

    def __post_init__(self) -> None:
        self._answering = Answering(self.laws.check_commit)
        self._tree = Tree()
        self._moves: dict[tuple[World, Place], list[Move]] = {}
        self._checked: set[World] = set()

    def run(self) -> Explored:
        """Explore all of it. Raises Untrue, with the steps that lead there as a note."""
        world = self._answering.known(self.world)
        publisher = self._settled(world, self._tree.place(self.publisher, self.runs))
        first = Moment(
            world,
            (publisher,) * self.publishers,
            tuple(self._settled(world, self._tree.place(one, 1)) for one in self.others),
            *self.bounds,
        )
        ways: dict[Moment, int] = {}
        path = [_Visit(first, self._following(first))]
        try:
            while path:
                visit = path[-1]
                for moment in visit.following:
                    self.explored.steps += 1
                    visit.leads_on = True
                    known = ways.get(moment)
                    if known is None:
                        path.append(_Visit(moment, self._following(moment)))
                        break
                    visit.ways += known
                else:
                    if not visit.leads_on:
                        self.laws.check_at_end(visit.moment.world)
                    path.pop()
                    ways[visit.moment] = found = visit.ways if visit.leads_on else 1
                    if path:
                        path[-1].ways += found
        except Untrue as untrue:
            untrue.add_note("\n".join(_told(path)))
            raise
        finally:
            self.explored.moments = len(ways)
            self.explored.worlds = len(self._answering)
        self.explored.schedules = ways[first]
        return self.explored

    def _following(self, moment: Moment) -> Iterator[Moment]:
        """Every moment that may be next."""
        world, publishers, others, stale, troubles = moment
        for place in dict.fromkeys((*publishers, *others)):
            if place.ended:
                continue
            if self._must_wait(place, (*publishers, *others)):
                continue
            for how, after, then, backwards in self._moves_of(world, place):
                is_stale, is_trouble = how == "stale", how in ("lost", "killed")
                if (is_stale and not stale) or (is_trouble and not troubles):
                    continue
                if backwards is not None and stale == self.bounds.stale:
                    raise backwards
                here = _changed(publishers, place, after)
                there = others if here is not publishers else _changed(others, place, after)
                yield Moment(
                    then,
                    here if here is publishers else tuple(sorted(here, key=_number)),
                    there,
                    stale - is_stale,
                    troubles - is_trouble,
                )

    def _must_wait(self, place: Place, all_places: tuple[Place, ...]) -> bool:
        """Some steps come so late that others are done by then."""
        if isinstance(place.question, Switch):
            # No write is under way any more for which the generation was read before it.
            return any(isinstance(one.question, WritePage) for one in all_places)
        if isinstance(place.question, Pause) and self.waits:
            return not all(one.ended for one in all_places if one is not place)
        return False

    def _moves_of(self, world: World, place: Place) -> list[Move]:
        known = self._moves.get((world, place))
        if known is None:
            known = self._moves[world, place] = list(self._made(world, place))
        return known

    def _made(self, world: World, place: Place) -> Iterator[Move]:
        question = place.question
        answer, after = self._answering.answer(world, question)
        backwards = None if after is world else self._check(world, question, after)
        yield Move("", self._settled(after, place.after(answer)), after, backwards)
        if place.program not in self.failing:
            return
        older, _ = self._answering.answer(world, question, age=1)
        if older is not None and older != answer:
            yield Move("stale", self._settled(world, place.after(older)), world, None)
        if after is not world:
            yield Move("lost", self._settled(after, place.after(LOST)), after, backwards)
            again = self._tree.place(place.program, place.runs)
            yield Move("killed", self._settled(after, again), after, backwards)

    def _check(self, before: World, question: Question, after: World) -> Untrue | None:
        if after not in self._checked:
            self.laws.check_world(after)
            self.laws.check_at_rest(self._rested(after))
            self._checked.add(after)
        if isinstance(question, WritePage):
            return self.laws.check_page(before.page, after.page, after)
        return None

    def _rested(self, world: World) -> World:
        """What becomes of a world in which everybody dies and fresh processes take over."""
        for program in self.at_rest:
            world = self._quiet(program, world)
        if not self.rest_seconds:
            return world
        # By then everything is due.
        return self._quiet(self.publisher, self._answering.later(world, self.rest_seconds))

    def _quiet(self, program: Program, world: World) -> World:
        """A program runs alone until it changes nothing any more."""
        for _ in range(RUNS_TO_REST_MAX):
            before, place = world, self._tree.place(program, 1)
            while not isinstance(place.question, Ended):
                answer, world = self._answering.answer(world, place.question)
                place = place.after(answer)
            if not place.question.failure and (world is before or self.once):
                return world
        raise Untrue("fresh processes do not come to rest")

    def _settled(self, world: World, place: Place) -> Place:
        """Past everything that nobody else can notice."""
        while True:
            question = place.question
            if isinstance(question, ReadClock) or (
                isinstance(question, ReadGeneration) and not self.switching
            ):
                answer, _ = self._answering.answer(world, question)
                place = place.after(answer)
            elif isinstance(question, Ended) and place.runs > 1:
                place = self._tree.place(place.program, place.runs - 1)
            else:
                return place


@dataclass
class _Visit:
    """A moment on the way from the beginning to here."""

    moment: Moment
    following: Iterator[Moment]
    ways: int = 0
    leads_on: bool = False


def _number(place: Place) -> int:
    return place.number


def _changed(places: tuple[Place, ...], one: Place, other: Place) -> tuple[Place, ...]:
    """With another place in the place of one; the very same where that is not among them."""
    if one not in places:
        return places
    at = places.index(one)
    return (*places[:at], other, *places[at + 1 :])


def _told(path: list[_Visit]) -> Iterator[str]:
    """The way to the last moment, and who stands where in it."""
    for visit, following in zip(path, [*path[1:], None], strict=True):
        places = (*visit.moment.publishers, *visit.moment.others)
        if following is None:
            for place in places:
                yield f"in the end {_name(place)}: {place.question}"
            return
        then = following.moment
        left = [one for one in places if one not in (*then.publishers, *then.others)]
        for place in left[:1]:
            deviates = " (one write old)" if then.stale < visit.moment.stale else ""
            deviates += " (and trouble)" if then.troubles < visit.moment.troubles else ""
            yield f"{_name(place)}: {place.question}{deviates}"


def _name(place: Place) -> str:
    return f"{place.program.__qualname__.partition('.')[0]} {place.number}"
