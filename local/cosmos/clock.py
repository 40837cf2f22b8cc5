"""The endpoint's clock, which tests can move forward.

Guarantee: it never runs backwards, so TTL and `_ts` order stay true whatever a test advances.
"""

import time


class Clock:
    """Wall-clock time plus what was advanced, in seconds since 1970."""

    def __init__(self) -> None:
        self.advanced_seconds = 0.0
        self._latest = 0.0

    def now(self) -> float:
        self._latest = max(self._latest, time.time() + self.advanced_seconds)
        return self._latest

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("The clock only moves forward: give a number of seconds >= 0.")
        self.advanced_seconds += seconds
