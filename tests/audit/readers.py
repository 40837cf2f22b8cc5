"""Trailing readers at the endpoint's clock, and what can go wrong under them."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from cosmos_views.store.change_feed import ChangeFeedStore
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.cursors import Cursor
from cosmos_views.upkeep.trailing import Allowance, Reading, TrailingReader, run_all
from cosmos_views.worker import Worker
from tests.worker.ground import INTERACTIONS, Document, Ground

HOUR = 3_600
DAY = 24 * HOUR


class Killed(BaseException):
    """What `kill -9` is to the code that runs: nothing more of it does."""


def allowance(pages: int = 1_000) -> Allowance:
    return Allowance(pages, 60, time.monotonic)


def at_endpoint_time(ground: Ground, readers: Sequence[TrailingReader]) -> None:
    for reader in readers:
        reader.now_ms = lambda: int(ground.endpoint.clock.now() * 1_000)


def auditor(ground: Ground) -> Worker:
    """A worker whose audit lives at the endpoint's clock."""
    worker = ground.worker()
    at_endpoint_time(ground, worker.audits)
    return worker


def audit(worker: Worker) -> Counter[str]:
    """Run the audit of all sources once; what it did, in all."""
    done: Counter[str] = Counter()
    for reading in run_all(worker.audits, 1_000, 60, time.monotonic):
        assert reading.failures == []
        assert reading.caught_up
        done.update(reading.done)
    return done


@dataclass
class Met:
    """A reader that only notes which documents it met, and how often."""

    ground: Ground
    container: str = INTERACTIONS
    delay_seconds: int = HOUR
    ttl_seconds: int = 365 * DAY
    times: Counter[str] = field(default_factory=Counter)
    before: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        database = self.ground.connect().get_database_client(self.ground.database)
        self.reader = TrailingReader(
            name=lambda: "test",
            container=self.container,
            ttl_seconds=self.ttl_seconds,
            delay_seconds=self.delay_seconds,
            feed=ChangeFeedStore(database),
            state=StateStore(database.get_container_client("state")),
            handle=self._handle,
            now_ms=lambda: int(self.ground.endpoint.clock.now() * 1_000),
        )

    def run(self, pages: int = 1_000) -> Reading:
        reading = self.reader.run(allowance(pages))
        for failure in reading.failures:
            raise failure
        return reading

    def cursors(self) -> list[Cursor]:
        return [held.cursor for held in self.reader.cursors()]

    def _handle(self, documents: Sequence[Document]) -> Counter[str]:
        self.before()
        self.times.update(one["id"] for one in documents)
        return Counter({"met": len(documents)})


class Boundaries:
    """Counts the calls that cross an I/O boundary; the n-th one never comes back."""

    def __init__(self, fatal: int | None, *, takes_effect: bool) -> None:
        self._numbers = count(1)
        self._fatal = fatal
        self._takes_effect = takes_effect

    def around(self, port: Any) -> Any:
        return _Port(port, self)

    def called(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: self.cross(lambda: function(*args))

    def cross(self, call: Callable[[], Any]) -> Any:
        fatal = next(self._numbers) == self._fatal
        if fatal and not self._takes_effect:
            raise Killed
        try:
            return call()
        finally:
            if fatal:
                raise Killed


class _Port:
    def __init__(self, port: Any, boundaries: Boundaries) -> None:
        self._port = port
        self._boundaries = boundaries

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        return lambda *args, **kwargs: self._boundaries.cross(lambda: method(*args, **kwargs))
