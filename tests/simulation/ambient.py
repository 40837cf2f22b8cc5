"""What workers and commands take from the process: clock, randomness, Blob client, definition. Here
a world provides them.

`wiring` binds them when it builds a worker, so they are replaced in the module while a world lives;
one world at a time in a process.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

import cosmos_views.store.archive
from cosmos_views import worker as wiring
from cosmos_views.pack import Pack
from cosmos_views.upkeep import attempts
from cosmos_views.upkeep.erase import erasing
from cosmos_views.upkeep.rebuild import phases, rebuilding
from pack import PACK
from tests.simulation.scheduler import Scheduler


class VirtualTime:
    """`time`, as the current actor's clock shows it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def time(self) -> float:
        return self._scheduler.now + self._scheduler.skew_seconds

    def time_ns(self) -> int:
        return int(self.time() * 1_000) * 1_000_000

    def monotonic(self) -> float:
        return self._scheduler.now

    perf_counter = monotonic

    def sleep(self, seconds: float) -> None:
        self._scheduler.sleep(seconds)


class VirtualSecrets:
    """`secrets`, from a seed."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def token_hex(self, count: int) -> str:
        return self._random.randbytes(count).hex()


class OneByOne:
    """A pool whose tasks run one after the other, because only one thread has the baton."""

    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> "OneByOne":
        return self

    def __exit__(self, *_: object) -> None: ...

    @staticmethod
    def map(do: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
        return [do(value) for value in values]


@contextmanager
def ambient(
    scheduler: Scheduler,
    random: Random,
    blobs: object,
    views: Collection[str],
    deployed: Callable[[], str],
) -> Iterator[None]:
    """Wire workers and commands to this world, which has only some of the views; a process that
    starts has the definition that is deployed by then."""
    clock: Any = VirtualTime(scheduler)
    secrets: Any = VirtualSecrets(random)
    kept = {name: view for name, view in PACK.views.items() if name in views}
    with (
        patch.dict(PACK.views, kept, clear=True),
        patch.object(wiring, "time", clock),
        patch.object(wiring, "random", random),
        patch.object(wiring, "secrets", secrets),
        patch.object(Pack, "definition", property(lambda _: deployed())),
        patch.object(erasing, "secrets", secrets),
        patch.object(attempts, "time", clock),
        patch.object(attempts, "random", random),
        patch.object(rebuilding, "time", clock),
        patch.object(phases, "time", clock),
        # Sources whose documents never expire: what a horizon leaves out is told in tests/rebuild.
        patch.object(phases, "horizon", lambda *_: None),
        patch.object(cosmos_views.store.archive, "ThreadPoolExecutor", OneByOne),
        patch.object(cosmos_views.store.archive, "connect", lambda _connection: blobs),
    ):
        yield


DEFINITION = PACK.definition
"""The definition version of the worker under test."""
