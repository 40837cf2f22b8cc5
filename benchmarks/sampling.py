"""Where the CPU time of stage 1 goes, by sampling: nothing is wrapped, nothing slowed down.

While it runs the kernel counts the time of the process in ticks; that of a thread stays exact, so
every benchmark uses the clock of its thread.

A sample belongs to the first module that the algorithm (`intake/batch.py`) had called; inside
the store, to the SDK where the SDK was running.
"""

import signal
from collections import Counter
from types import FrameType, TracebackType
from typing import Self

INTERVAL_SECONDS = 0.001
ALGORITHM = "/intake/batch.py"
SDK = "SDK and HTTP"
STATE = "state in memory"
PARTS = {
    "/intake/documents.py": "decode",
    "/intake/judging.py": "judge: facts and prices",
    "/intake/ownership.py": "plan",
    "/intake/packing.py": "plan",
    "/ledger/": "plan",
    "/publish/": "contributions and journal",
    "/materializers/": "contributions and journal",
    "/store/": "encode and check",
    "/benchmarks/memory.py": STATE,
}
OWN = "plan"
"""The algorithm itself, and what it calls that has no part of its own."""


class Sampler:
    """Counts samples while it is entered. Main thread only, and one at a time."""

    def __init__(self) -> None:
        self.samples: Counter[str] = Counter()

    def shares(self) -> dict[str, float]:
        """The share of each part, largest first."""
        total = self.samples.total()
        return {part: count / total for part, count in self.samples.most_common()}

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL_SECONDS, INTERVAL_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, self._before)

    def _sample(self, _signal: int, frame: FrameType | None) -> None:
        if part := part_of(frame):
            self.samples[part] += 1


def part_of(frame: FrameType | None) -> str | None:
    """The part that a stack belongs to; None outside stage 1."""
    in_sdk = False
    called = ""
    while frame is not None:
        file = frame.f_code.co_filename.replace("\\", "/")
        if file.endswith(ALGORITHM):
            if in_sdk:
                return SDK
            return next((part for room, part in PARTS.items() if room in called), OWN)
        in_sdk |= "/azure/" in file
        called = file
        frame = frame.f_back
    return None
