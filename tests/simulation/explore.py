"""Exploration: every schedule of a few actors, up to a number of deviations.

Without deviation the actors run one after the other. A *deviation* is anything else that can happen
at a call: another actor goes on, the process dies, a reading is late, an answer is lost. Schedules
are enumerated depth first, each from the choices that led to it, until none is left: what is found
is found always, and what is not found within the bound does not exist within the bound.
"""

from collections.abc import Callable
from random import Random

from tests.simulation.auditor import Untrue
from tests.simulation.scheduler import Actor, Killed, Scheduler


class Choices:
    """The choices of one schedule: replayed as far as they are given, then the first of each."""

    def __init__(self, given: list[int], deviations: int) -> None:
        self.made: list[int] = []
        self.widths: list[int] = []
        self._given = given
        self._left = deviations

    def deviate(self, ways: int) -> int:
        """0 for nothing special, else which of so many deviations happens."""
        if not self._left or ways <= 0:
            return 0
        chosen = self._given[len(self.made)] if len(self.made) < len(self._given) else 0
        self.made.append(chosen)
        self.widths.append(ways + 1)
        self._left -= chosen > 0
        return chosen


def explored(run: Callable[[Choices], None], deviations: int) -> int:
    """Run every schedule with at most so many deviations; how many there were."""
    given: list[int] = []
    schedules = 0
    while True:
        choices = Choices(given, deviations)
        try:
            run(choices)
        except (Exception, Untrue) as failure:
            failure.add_note(f"the schedule was {choices.made}")
            raise
        schedules += 1
        made, widths = choices.made, choices.widths
        while made and made[-1] + 1 >= widths[len(made) - 1]:
            made.pop()
        if not made:
            return schedules
        given = [*made[:-1], made[-1] + 1]


class ExploredScheduler(Scheduler):
    """Actors go on in the order they were added, but for deviations."""

    def __init__(self, start: float, choices: Choices) -> None:
        super().__init__(Random(0), start, 1.0)
        self.choices = choices

    def point(self) -> None:
        self.points += 1
        me = self.current
        if me is None:
            return
        others = [one for one in self._actors if one is not me and one.wakes_at <= self.now]
        if me.wakes_at > self.now:
            self._pass_to(me, self._next())
        elif chosen := self.choices.deviate(len(others)):
            self._pass_to(me, others[chosen - 1])
        if me.doomed:
            raise Killed

    def _next(self) -> Actor:
        return min(self._actors, key=lambda one: max(one.wakes_at, self.now))
