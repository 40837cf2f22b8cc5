"""One seed: a world full of actors under faults, then calm, then the truth."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from cosmos_views.ledger.commits import CommitError, Transient
from cosmos_views.store.failures import Refused
from cosmos_views.worker import FUNCTION_SECONDS_MAX, Worker
from pack import PACK
from tests.generators import Version, history
from tests.oracle.documents import read_user
from tests.oracle.values import Fields, Invalid
from tests.simulation.auditor import Auditor, Untrue
from tests.simulation.faults import Kind, Swarm
from tests.simulation.host import Host
from tests.simulation.notes import leave
from tests.simulation.operator import Operator
from tests.simulation.scheduler import Actor, Killed
from tests.simulation.world import (
    AUDIT_DELAY_SECONDS,
    SKEW_SECONDS_MAX,
    SOURCES,
    World,
    without_busy_months,
)

NOTES_SHARE = 0.2
"""Of all worlds, how many have somebody who leaves notes."""
PACE_SECONDS_MAX = max(view.pace_seconds for view in PACK.views.values())
CONVERGED_SECONDS = AUDIT_DELAY_SECONDS + 2 * SKEW_SECONDS_MAX + 3 * PACE_SECONDS_MAX
"""So long after faults stop, in virtual time, everything is true."""
RUNS_MAX = 60
CALLS_MAX = 4_000
"""Faults stop after so many calls at the latest."""
IDLE_SECONDS_MAX = {
    "lease loop": 60.0,
    "publisher": 120.0,
    "auditor": 600.0,
    "redriver": 600.0,
    "archiver": 600.0,
}
"""How long each may sleep that finds nothing to do."""
ERRAND_ROUNDS_MAX = 60
"""So long the rest of the world waits for an operator who is not done."""
WAKING = frozenset({"lease loop", "publisher"})
"""Who goes on at once when something is written; the other timers seldom do."""
WOKEN = 0.3
"""How often they do all the same."""


@dataclass(frozen=True)
class Case:
    """What repeats a run: a seed, and what was left out of it."""

    seed: int
    without: frozenset[Kind] = frozenset()
    steps: tuple[int, ...] | None = None
    """The writes that are made, by their place in the seed's history; None for all."""

    @property
    def command(self) -> str:
        """What repeats this run."""
        command = f"python -m tests.simulation --seed {self.seed}"
        if self.without:
            command += f" --without {','.join(sorted(self.without))}"
        if self.steps is not None:
            command += f" --steps {','.join(map(str, self.steps))}"
        return command


@dataclass
class Outcome:
    """What a run came to."""

    injected: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    commits: int = 0
    proofs: int = 0
    versions: int = 0

    def __iadd__(self, other: "Outcome") -> "Outcome":
        self.injected += other.injected
        self.calls += other.calls
        self.commits += other.commits
        self.proofs += other.proofs
        self.versions += other.versions
        return self


class Simulation:
    """One run of one case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        random = self.random = Random(f"simulation:{case.seed}")
        swarm = Swarm.drawn(random, case.without)
        steps = random.choice((3, 8, 20, 40, 60))
        written = without_busy_months(history(case.seed, steps))
        kept = range(len(written)) if case.steps is None else case.steps
        self.versions: Sequence[Version] = [written[one] for one in kept if one < len(written)]
        self.rewriting = random.choice((0.0, 0.3, 0.6))
        """How often a document is written again at once."""
        self.nameless = random.choice((0.0, 0.0, 0.3))
        """How often its user can then not be read any more."""
        self.pouncing = random.choice((0.1, 0.5, 1.0))
        self.world = World(
            case.seed,
            buckets=random.choice((1, 1, 2, 4)),
            swarm=swarm,
            staying=random.choice((0.5, 0.8, 0.95)),
            pace_seconds=random.choice((0, 0, None)),
            views=random.sample(sorted(PACK.views), random.choice((1, 2, 3, len(PACK.views)))),
        )
        self.host = Host(self.world, Random(f"host:{case.seed}"))
        self.auditor = Auditor(self.world)
        self.writing = True
        self.actors = {
            "lease loop": random.randint(1, 4),
            "publisher": random.choice((0, 1, 1, 2)),
            "auditor": random.choice((0, 0, 1, 2)),
            "redriver": random.choice((0, 0, 1)),
            "archiver": random.choice((0, 0, 1)),
        }
        self.errands: Sequence[str] = random.choice(
            (
                *[()] * 10,
                *[("erase",)] * 2,
                *[("rebuild",), ("rebuild",) * 2],
                *[("erase", "rebuild"), ("erase", "erase", "rebuild")],
            )
        )
        self.next_generation = (
            random.choice((None, 1, 2, 3)),
            random.choice((self.world.definition, "newer")),
        )
        """Buckets and definition that a rebuild is for."""
        if "rebuild" in self.errands:
            # A rebuild takes the audit's cursors up to now; only an hour behind, what a fail-over
            # takes back cannot reach them.
            swarm.strengths.pop(Kind.FAILED_OVER, None)
        self.noting = Random(f"notes:{case.seed}")
        """Of somebody who leaves documents of their own in the worker's containers."""
        self.written = 0
        """Versions, so far."""
        self.doing = 0
        """Errands that are not yet done."""

    def run(self) -> Outcome:
        """Raises whatever does not hold."""
        with self.world:
            self.world.gate.on_call = self._watch_budget
            self._add_actors()
            self.world.scheduler.run()
            self.world.calm()
            self._settle()
            self.auditor.assert_true()
            self.auditor.assert_letters()
            self.auditor.assert_forgotten()
            if self.random.random() < 0.25:
                self._assert_replay_writes_nothing()
        return Outcome(
            self.world.gate.injected,
            self.world.gate.calls,
            self.auditor.commits,
            self.auditor.proofs,
            len(self.versions),
        )

    # Actors.

    def _add_actors(self) -> None:
        scheduler = self.world.scheduler
        scheduler.add("writer", self._write)
        if any(self.world.swarm.of(kind) for kind in (Kind.SPLIT, Kind.MERGED, Kind.FAILED_OVER)):
            scheduler.add("platform", self._platform)
        turns: dict[str, Callable[[Worker], bool]] = {
            "lease loop": self.host.turn,
            "publisher": lambda worker: _tried(worker.publish),
            "auditor": lambda worker: _tried(worker.audit),
            "redriver": lambda worker: _tried(lambda: worker.redrive({})),
            "archiver": lambda worker: _tried(worker.archive),
        }
        skew = self.world.swarm.of(Kind.SKEWED) * SKEW_SECONDS_MAX
        for name, count in self.actors.items():
            for _ in range(count):
                self._add(name, turns[name], self.random.uniform(-skew, skew))
        if self.noting.random() < NOTES_SHARE:
            scheduler.add("somebody", self._leave_notes)
        for place, errand in enumerate(self.errands):
            act = self._errand(errand, Random(f"{errand} {place}:{self.case.seed}"))
            scheduler.add(errand, act, self.random.uniform(-skew, skew))

    def _leave_notes(self) -> None:
        while self.writing:
            self.world.scheduler.sleep(self.noting.random() * 300)
            self.world.gate.injected["note"] += leave(self.world, self.noting)

    def _errand(self, errand: str, random: Random) -> Callable[[], None]:
        """What an operator does once, somewhere in the story."""
        operator = Operator(self.world, random)
        begins = random.randint(0, len(self.versions))
        users = sorted({one for one in map(user_of, self.versions) if one is not None})
        self.doing += 1

        def act() -> None:
            while self.writing and self.written < begins:
                self.world.scheduler.sleep(random.random() * 10, idle=True)
            if errand == "rebuild":
                operator.rebuild(*self.next_generation)
            elif users:
                operator.erase(random.choice(users))
            self.doing -= 1

        return act

    def _add(self, name: str, turn: Callable[[Worker], bool], skew: float) -> None:
        world = self.world
        actor: Actor

        def live() -> None:
            definition, worker = world.definition, world.worker()
            idle = 1.0
            while self.writing:
                world.scheduler.begin_function(FUNCTION_SECONDS_MAX)
                try:
                    busy = turn(worker)
                    ends = definition != world.definition and self.random.random() < 0.2
                except Killed:
                    if actor.doomed:
                        raise
                    definition, worker = world.definition, world.worker()
                    continue
                except Refused:
                    busy, ends = False, True
                if ends:
                    definition, worker = world.definition, world.worker()
                idle = 0.5 if busy else min(IDLE_SECONDS_MAX[name], idle * 2)
                wakes = name in WAKING or self.random.random() < WOKEN
                world.scheduler.sleep(self.random.random() * idle, idle=wakes)

        actor = world.scheduler.add(name, live, skew)

    def _write(self) -> None:
        """The writers of the platform; when they are done and all was delivered, faults stop."""
        world, random = self.world, self.random
        for version in self.versions:
            body = dict(version.body)
            if random.random() < 0.2 * world.swarm.of(Kind.EXPIRING):
                world.gate.injected[Kind.EXPIRING] += 1
                body["ttl"] = random.choice((1, 5, 30))
            world.write(version.source, body)
            self.written += 1
            if random.random() < self.rewriting:
                world.scheduler.sleep(random.choice((0, 0, 0.1, 1.1)))
                body = dict(random.choice(self._alike(version)).body)
                if random.random() < self.nameless:
                    body["userId"] = 42
                world.write(version.source, body)
            if random.random() < self.pouncing:
                # Everybody at once, rather than each at its own pace.
                world.scheduler.wake_idle()
            pause = random.choice((0, 0, 0, 0.05, 1.1, 20.0))
            leaping = max(world.swarm.of(Kind.LEAPT), 0.5 * bool(self.actors["archiver"]))
            if random.random() < 0.1 * leaping:
                world.gate.injected[Kind.LEAPT] += 1
                pause = random.choice((1_800, 4_000))
            world.scheduler.sleep(pause)
        for _ in range(random.choice((2, 5, 10))):
            world.scheduler.sleep(30)
        for _ in range(ERRAND_ROUNDS_MAX):
            if self.doing:
                world.scheduler.sleep(30)
        self._stop()

    def _alike(self, version: Version) -> list[Version]:
        """What is ever written of the same document."""
        return [
            one
            for one in self.versions
            if one.source == version.source
            and one.body["id"] == version.body["id"]
            and one.body.get("user_id", ...) == version.body.get("user_id", ...)
        ]

    def _platform(self) -> None:
        """Partitions split, merge and fail over."""
        world, random = self.world, self.random
        while self.writing:
            world.scheduler.sleep(random.random() * 60, idle=True)
            source = random.choice((*SOURCES, "state"))
            container = world.containers[source]
            if random.random() < 0.2 * world.swarm.of(Kind.SPLIT):
                container.split(random.choice(container.physicals))
                world.gate.injected[Kind.SPLIT] += 1
            if random.random() < 0.3 * world.swarm.of(Kind.MERGED) and len(container.physicals) > 1:
                container.merge(random.randrange(len(container.physicals) - 1))
                world.gate.injected[Kind.MERGED] += 1
            if source not in SOURCES:
                continue
            self.host.relayout(source)
            fails_over = random.random() < 0.1 * world.swarm.of(Kind.FAILED_OVER)
            if fails_over and world.fail_over(source, random.randint(1, 4)):
                world.gate.injected[Kind.FAILED_OVER] += 1

    def _watch_budget(self) -> None:
        if self.writing and self.world.gate.calls > CALLS_MAX:
            self._stop()

    def _stop(self) -> None:
        self.writing = False
        self.world.calm()
        self.world.scheduler.wake_idle()

    # Rest.

    def _settle(self) -> None:
        """What every deployment does by itself, until a stated time has passed."""
        world = self.world
        worker = world.worker()
        world.scheduler.sleep(1)
        ends_at = world.scheduler.now + CONVERGED_SECONDS
        self.host.drain(worker)
        world.scheduler.sleep(2 * SKEW_SECONDS_MAX)
        self._publish(worker)
        injected = world.gate.injected
        if not injected[Kind.DROPPED] and not injected[Kind.FAILED_OVER] and not self.errands:
            # The feeds alone must have done it, before the audit repairs anything.
            self.auditor.assert_true()
        world.scheduler.sleep(AUDIT_DELAY_SECONDS)
        worker.audit()
        if self.actors["archiver"]:
            worker.archive()
            if not injected[Kind.FAILED_OVER]:
                self.auditor.assert_archived()
        for _ in range(2):  # a run that was killed has left its place: one begins behind it
            worker.redrive({})
        self._publish(worker)
        if world.scheduler.now > ends_at:
            raise Untrue("it took too long")

    def _publish(self, worker: Worker) -> None:
        """Until nothing is due, and once more when everything has become due."""
        for pause in (0, PACE_SECONDS_MAX):
            self.world.scheduler.sleep(pause)
            for _ in range(RUNS_MAX):
                published = worker.publisher.run()
                if published.failed:
                    raise Untrue(f"cannot be published: {published.failed[:3]}")
                if published.idle:
                    break
            else:
                raise Untrue("the publisher never rests")

    def _assert_replay_writes_nothing(self) -> None:
        before = self.auditor.commits
        self.host.replay(self.world.worker())
        if self.auditor.commits != before:
            raise Untrue("a replay of what is decided wrote to the state")


def user_of(version: Version) -> str | None:
    """Whose document it is; None also where that cannot be read."""
    with suppress(Invalid):
        return read_user(Fields(version.body))
    return None


def _tried(do: Callable[[], None]) -> bool:
    """One run of a timer; whatever it may raise, the next run tries again. False: none is due."""
    with suppress(Transient, CommitError):
        do()
    return False
