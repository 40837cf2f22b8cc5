"""The endpoint's clock, which tests can move forward.

Guarantee: it never runs backwards, so TTL and `_ts` order stay true whatever a test advances.
"""

import time

# Far beyond any time to live, and still a number of seconds that dates can hold.
ADVANCE_SECONDS_MAX = 100 * 366 * 86_400


class Clock:
    """Wall-clock time plus what was advanced, in seconds since 1970."""

    def __init__(self) -> None:
        self.advanced_seconds = 0.0
        self._latest = 0.0

    def now(self) -> float:
        self._latest = max(self._latest, time.time() + self.advanced_seconds)
        return self._latest

    def advance(self, seconds: float) -> None:
        if not 0 <= seconds <= ADVANCE_SECONDS_MAX:
            raise ValueError("The clock only moves forward, by at most a century at a time.")
        self.advanced_seconds += seconds
