"""Shrinking: the smallest case that still fails, by leaving out faults and writes one by one."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.simulation.auditor import Untrue
from tests.simulation.faults import Kind
from tests.simulation.simulation import Case, Simulation

Failure = Exception | Untrue


def failure_of(case: Case) -> Failure | None:
    """What the case fails with, if it does."""
    try:
        Simulation(case).run()
    except (Exception, Untrue) as failure:
        return failure
    return None


def shrunk(
    case: Case, attempts: int = 200, failing: Callable[[Case], Failure | None] = failure_of
) -> Case:
    """A case from which nothing can be left out, as far as so many attempts tell."""
    if case.steps is None:
        case = replace(case, steps=tuple(range(len(Simulation(case).versions))))
        if failing(case) is None:
            return case
    progress = True
    while progress and attempts > 0:
        progress = False
        for smaller in _smaller(case):
            attempts -= 1
            if attempts < 0:
                break
            if failing(smaller) is not None:
                case, progress = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    steps = case.steps or ()
    size = len(steps)
    while size > 1:
        size //= 2
        for start in range(0, len(steps), size):
            yield replace(case, steps=steps[:start] + steps[start + size :])
    strengths = Simulation(replace(case, without=frozenset())).world.swarm.strengths
    for kind in Kind:
        if kind in strengths and kind not in case.without:
            yield replace(case, without=case.without | {kind})
