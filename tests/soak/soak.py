"""Rounds of trouble, each followed by quiet and an account: views must equal the oracle.

During a round two kinds of writers write (generated histories with corrections, deletions and
broken documents; a believable day), requests fail in every way, reads lag, and hosts are killed.
Then the trouble stops; within `DRAIN_SECONDS_MAX` the views must be what the oracle says of the
source containers, and the state sound. A round lasts for so many kills, and a kill waits for so
many faults that met the hosts: so on a busy machine a round lasts longer, and no less happens in
it. A seed repeats what is written and when hosts are killed as far as clocks allow.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from azure.core.exceptions import AzureError

from cosmos_views.settings import CosmosConnection
from cosmos_views.store import account
from demo.synthetic import traffic
from emulators.cosmos import Endpoint, FaultRule
from tests.generators import history
from tests.soak.hosts import Hosts
from tests.worker.ground import SOURCES, Ground, Views, assert_state_is_sound

DRAIN_SECONDS_MAX = 600
TROUBLE_SECONDS_MAX = 1_800
"""Far longer than any round takes: hosts that meet no faults for so long do nothing at all."""
WRITES_PER_LOOK = 20
"""Faults are counted after so many writes."""
HOSTS = 2
HISTORY_STEPS = 60
INTERACTIONS_PER_ROUND = 400
LAG_WRITES = 2
OURS = ("state", "leases", "poison_messages", "daily_metrics", "content_popularity")
"""Containers of which every operation fails now and then; of sources only what the worker asks."""


def rules(strength: float) -> Iterator[FaultRule]:
    """Every way to fail that the SDK can be told of."""
    asked = [("*", container) for container in OURS]
    asked += [(operation, one) for one in SOURCES for operation in ("read", "change_feed")]
    for operation, container in asked:

        def rule(
            probability: float, operation: str = operation, container: str = container, **how: Any
        ) -> FaultRule:
            return FaultRule(
                operation=operation,
                container=container,
                probability=probability * strength,
                **how,
            )

        yield rule(0.02, status=429, retry_after_ms=10)
        yield rule(0.01, status=503)
        yield rule(0.005, status=500)
        yield rule(0.005, status=408)
        yield rule(0.005, drop=True)
        yield rule(0.005, drop=True, moment="after")
        yield rule(0.05, delay_ms=20)
    for status, moment in ((449, "before"), (408, "after"), (503, "after"), (424, "before")):
        yield FaultRule(
            operation="batch",
            container="state",
            probability=0.01 * strength,
            status=status,
            moment="after" if moment == "after" else "before",
        )


@dataclass
class Account:
    """What a soak has come to."""

    rounds: int = 0
    versions: int = 0
    kills: int = 0
    splits: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    drain_seconds_max: float = 0.0
    differences: list[str] = field(default_factory=list)

    @property
    def injected(self) -> int:
        """Requests that failed on purpose."""
        return self.faults.total()


@dataclass
class Soak:
    """One soak over one endpoint."""

    seed: int
    ranges: int
    logs: Path
    kills_per_round: int = 10
    faults_per_kill: tuple[int, int] = (10, 80)
    note: Callable[[str], None] = lambda _text: None
    account: Account = field(default_factory=Account)

    def run(self, seconds: float) -> Account:
        """Round after round until the time is over, one at least; ends early at a difference."""
        with Endpoint.subprocess(partitions=self.ranges, seed=self.seed) as endpoint:
            client = account.connect(CosmosConnection(endpoint.url, endpoint.key))
            ground = Ground(endpoint, client, "soak", buckets=min(self.ranges, 4))
            hosts = Hosts(HOSTS, self._settings(ground), self.logs)
            ends_at = time.monotonic() + seconds
            try:
                while not self.account.differences:
                    self._trouble(ground, hosts)
                    self._settle(ground, hosts)
                    self.account.rounds += 1
                    self.note(f"round {self.account.rounds}: {self._so_far()}")
                    if time.monotonic() >= ends_at:
                        break
            finally:
                hosts.close()
                ground.close()
        return self.account

    def _settings(self, ground: Ground) -> dict[str, str]:
        return {
            **ground.app_settings(),
            "AUDIT_DELAY_SECONDS": "5",
            "AUDIT_SCHEDULE": "*/10 * * * * *",
            "REDRIVE_SCHEDULE": "*/15 * * * * *",
            "LAG_SCHEDULE": "*/10 * * * * *",
        }

    def _trouble(self, ground: Ground, hosts: Hosts) -> None:
        random = Random(f"{self.seed} {self.account.rounds}")
        for one in rules(strength=random.choice((0.5, 1.0, 2.0))):
            ground.endpoint.faults.add(
                **{name: getattr(one, name) for name in one.__struct_fields__}
            )
        ground.endpoint.lag.set(LAG_WRITES, 0.2)
        if self.account.rounds % 2:
            self._split(ground, random)
        written = self._written(random)
        for _ in range(self.kills_per_round):
            wanted = self._met(ground).total() + random.randint(*self.faults_per_kill)
            ends_at = time.monotonic() + TROUBLE_SECONDS_MAX
            while self._met(ground).total() < wanted and time.monotonic() < ends_at:
                for source, body in islice(written, WRITES_PER_LOOK):
                    self._write(ground, source, body)
                    time.sleep(random.expovariate(40))
            hosts.kill(random.randrange(HOSTS))
            self.account.kills += 1
        self.account.faults += self._met(ground)
        ground.endpoint.faults.clear()
        ground.endpoint.lag.set(0)

    def _met(self, ground: Ground) -> Counter[str]:
        """The requests that failed on purpose in this round; the writers' own never do."""
        met: Counter[str] = Counter()
        for report in ground.endpoint.faults.list():
            how = report.rule.status or ("drop" if report.rule.drop else "")
            if how:
                met[f"{how} {report.rule.moment}"] += report.fired
        return met

    def _split(self, ground: Ground, random: Random) -> None:
        with suppress(ValueError):  # a container has so many ranges at most
            ground.endpoint.split(ground.database, random.choice(SOURCES))
            self.account.splits += 1

    def _written(self, random: Random) -> Iterator[tuple[str, dict[str, Any]]]:
        """For ever: a generated history and a believable day, in turns as chance has it."""
        day = datetime.now(UTC).date() - timedelta(days=1 + random.randrange(40))
        days = iter(traffic(random.randrange(1_000), day, INTERACTIONS_PER_ROUND))
        while True:
            for version in history(random.randrange(2**32), HISTORY_STEPS):
                yield version.source, version.body
                if random.random() < 0.5:
                    yield from [one for one in (next(days, None),) if one is not None]

    def _write(self, ground: Ground, source: str, body: dict[str, Any]) -> None:
        while True:
            try:
                ground.container(source).upsert_item(body)
            except ValueError:  # an id that this client refuses; others get such in
                return
            except AzureError:  # the writer, not what is tested; the same again is harmless
                continue
            self.account.versions += 1
            return

    def _settle(self, ground: Ground, hosts: Hosts) -> None:
        """After the trouble: true views within a bounded time."""
        started = time.monotonic()
        found: list[str] = ["nothing was compared"]
        while found and time.monotonic() - started < DRAIN_SECONDS_MAX:
            time.sleep(1)
            found = differences(ground.expected(), ground.views())
        self.account.drain_seconds_max = max(
            self.account.drain_seconds_max, time.monotonic() - started
        )
        found += [f"a host ended with exit code {code}" for code in hosts.ended()]
        self.account.differences = found or _unsound(ground)

    def _so_far(self) -> str:
        return (
            f"{self.account.versions} versions, {self.account.kills} kills, "
            f"{self.account.injected} faults, {len(self.account.differences)} differences"
        )


def differences(expected: Views, found: Views) -> list[str]:
    """Views and documents that are not as they must be."""
    return [
        f"{view} {name}"
        for view in sorted(expected.keys() | found.keys())
        for name in sorted(expected.get(view, {}).keys() | found.get(view, {}).keys())
        if expected.get(view, {}).get(name) != found.get(view, {}).get(name)
    ]


def _unsound(ground: Ground) -> list[str]:
    try:
        assert_state_is_sound(ground)
    except AssertionError as error:
        return [str(error)[:500]]
    return []
