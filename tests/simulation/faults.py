"""Faults: what may happen to a call, and how often, as a seed or a script says.

Every seed draws its own few kinds and their strengths (a swarm), because a world in which
everything fails always never gets far enough to fail in interesting ways.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any, NamedTuple, TypeVar

from azure.core.exceptions import ServiceRequestError, ServiceResponseError

from tests.simulation.scheduler import Killed, Scheduler
from tests.simulation.sdk import failed

T = TypeVar("T")


class Kind(StrEnum):
    """Everything that can be switched off by name (`--without`)."""

    REFUSED = "refused"
    """A call is refused and not applied."""
    LOST = "lost"
    """A write is applied and its answer is lost."""
    KILLED = "killed"
    """The process dies at a call, before or after it was applied."""
    DOWN = "down"
    """A container answers nothing for minutes: dead letters cannot be written, views not read."""
    STALLED = "stalled"
    """A call takes minutes, before it is applied or after; a function that runs for too long is
    ended by the host."""
    LAGGING = "lagging"
    """Readings come from replicas that lag, within their session."""
    STOLEN = "stolen"
    """A lease is taken over while its batch is in flight: two owners at once."""
    DROPPED = "dropped"
    """A batch that failed is checkpointed away."""
    FORGOTTEN = "forgotten"
    """A batch that succeeded is not checkpointed."""
    REWOUND = "rewound"
    """A lease goes back to an earlier position."""
    REPEATED = "repeated"
    """A batch, or some of it, is delivered up to five times, documents in another order."""
    LATE = "late"
    """A batch delivered before comes again, with versions that are old by now."""
    SPLIT = "split"
    MERGED = "merged"
    FAILED_OVER = "failed_over"
    """A source partition loses its last writes and gives their LSNs again."""
    SKEWED = "skewed"
    """Clocks are up to 15 minutes off."""
    LEAPT = "leapt"
    """Hours pass at once."""
    EXPIRING = "expiring"
    """Documents live for seconds only."""
    WITHOUT_LSN = "without_lsn"
    REWRITTEN = "rewritten"
    """The host rewrites date-like text."""


class Fault(NamedTuple):
    """What happens to one call."""

    kind: Kind
    code: int | None = None
    """The status that is answered; None for a lost connection."""
    sub_status: int | None = None
    after: bool = False
    """Once it has been applied."""


REFUSALS: tuple[tuple[int | None, int | None], ...] = (
    *((408, None), (410, None), (429, 3200), (449, None), (500, None), (503, None)),
    (None, None),
)
READ_REFUSALS = (*REFUSALS, (404, 1002))
WRITE_REFUSALS = (*REFUSALS, (400, None))
VIEW_REFUSALS = (*REFUSALS, (413, None), (400, None))
STALLS_SECONDS = (2, 20, 90, 250, 500, 700)
LOSSES: tuple[int | None, ...] = (408, 410, 449, 500, 503, None)


@dataclass
class Swarm:
    """One seed's trouble: kind → strength from 0 to 1; what is absent is off."""

    strengths: dict[Kind, float]

    @classmethod
    def drawn(cls, random: Random, without: Collection[Kind] = ()) -> "Swarm":
        strengths = {}
        for kind in Kind:
            strength = random.choice((0.0, 0.0, 0.25, 0.5, 1.0))
            if strength and kind not in without:
                strengths[kind] = strength
        return cls(strengths)

    def of(self, kind: Kind) -> float:
        return self.strengths.get(kind, 0.0)


Plan = Callable[[int, str, str, bool], Fault | None]
"""What happens to the call numbered so, on a container, of an operation, which writes or not."""


@dataclass
class Gate:
    """Where calls pass: others may run, the clock moves, and a fault may strike."""

    scheduler: Scheduler
    random: Random
    plan: Plan | None = None
    """None once faults have stopped."""
    stalling: float = 0.0
    """How often a call takes minutes."""
    calls: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    on_call: Callable[[], None] = lambda: None

    def __call__(self, container: str, operation: str, do: Callable[[], T], *, writes: bool) -> T:
        number, self.calls = self.calls, self.calls + 1
        self.on_call()
        self.scheduler.point()
        self.scheduler.now += self.random.random() * 0.01
        stalls = self.stalling > 0 and self.random.random() < self.stalling
        if stalls and (late := self.random.random() < 0.5):
            self._stall()
        fault = None if self.plan is None else self.plan(number, container, operation, writes)
        if fault is None:
            answer = do()
            if stalls and not late:
                self._stall()
            return answer
        self.note(fault)
        if fault.after:
            do()
            self.scheduler.point()
        if fault.kind is Kind.KILLED:
            raise Killed
        raise exception_of(fault)

    def _stall(self) -> None:
        self.injected[Kind.STALLED] += 1
        self.scheduler.sleep(self.random.choice(STALLS_SECONDS))
        if self.scheduler.timed_out:
            self.injected["timed out"] += 1
            raise Killed

    def note(self, fault: Fault) -> None:
        if fault.kind is Kind.KILLED:
            self.injected[f"killed {'after' if fault.after else 'before'}"] += 1
        else:
            shown = "connection" if fault.code is None else str(fault.code)
            shown += f"/{fault.sub_status}" if fault.sub_status else ""
            self.injected[f"{fault.kind} {shown}"] += 1


def exception_of(fault: Fault) -> Exception:
    """What the SDK raises."""
    if fault.code is not None:
        return failed(fault.code, fault.sub_status)
    if fault.after:
        return ServiceResponseError("simulated: the answer was lost")
    return ServiceRequestError("simulated: no connection")


DOWN_SECONDS_MAX = 180


def random_plan(swarm: Swarm, random: Random, scheduler: Scheduler) -> Plan:
    """Faults by chance."""
    down = 0.01 * swarm.of(Kind.DOWN)
    down_until: dict[str, float] = {}
    refused = 0.12 * swarm.of(Kind.REFUSED)
    lost = 0.2 * swarm.of(Kind.LOST)
    killed = 0.04 * swarm.of(Kind.KILLED)

    def plan(_number: int, container: str, operation: str, writes: bool) -> Fault | None:
        # Reads are many and harmless: most of the trouble goes where something is written.
        drawn = random.random() if writes else 3 * random.random()
        if down and writes and random.random() < down:
            down_until[container] = scheduler.now + random.random() * DOWN_SECONDS_MAX
        if down_until.get(container, 0.0) > scheduler.now:
            return Fault(Kind.DOWN, 503)
        if drawn < killed:
            return Fault(Kind.KILLED, after=random.random() < 0.5)
        if drawn < killed + refused:
            codes: Any = WRITE_REFUSALS if writes else READ_REFUSALS
            if container == "blobs":
                codes = REFUSALS
            elif writes and container not in ("state", "poison_messages"):
                codes = VIEW_REFUSALS
            return Fault(Kind.REFUSED, *random.choice(codes))
        if writes and drawn < killed + refused + lost:
            return Fault(Kind.LOST, random.choice(LOSSES), after=True)
        return None

    return plan
