"""Every call that redrive makes to the outside is a point where something else may happen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from cosmos_views.worker import Worker


@dataclass
class Boundaries:
    """Runs `meanwhile` just before the call numbered `at`, counting from 0."""

    at: int
    meanwhile: Callable[[], None]
    calls: int = 0

    def crossed(self) -> None:
        self.calls += 1
        if self.calls == self.at + 1:
            self.meanwhile()

    @property
    def reached(self) -> bool:
        return self.calls > self.at


class _Watched:
    def __init__(self, port: Any, boundaries: Boundaries) -> None:
        self._port = port
        self._boundaries = boundaries

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._boundaries.crossed()
            return method(*arguments, **named)

        return call


@contextmanager
def watched(worker: Worker, boundaries: Boundaries) -> Iterator[Worker]:
    """The same worker, for so long with every port watched."""
    outsides = [(one, one.outside) for one in worker.processors.values()]
    letters = worker.redriver.letters
    for processor, outside in outsides:
        ports: Any = {
            name: _Watched(getattr(outside, name), boundaries)
            for name in ("state", "sources", "poison")
        }
        processor.outside = replace(outside, **ports)
    watched_letters: Any = _Watched(letters, boundaries)
    worker.redriver.letters = watched_letters
    try:
        yield worker
    finally:
        worker.redriver.letters = letters
        for processor, outside in outsides:
            processor.outside = outside
