"""Attempts: what is read, changed and committed again when somebody else was faster."""

import random
import time

from cosmos_views.ledger.commits import Transient

ATTEMPTS_MAX = 50
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.02, 1.0


class Attempts:
    """Counts tries that failed in a row, and pauses before the next one.

    Whatever gets something done begins anew, so work of any length is never taken for contention.
    """

    def __init__(self, what_fails: str) -> None:
        self._what_fails = what_fails
        self._failed = 0

    def failed(self, why: Exception) -> None:
        """Pause, longer each time, by a random part of it. Raises Transient after so many."""
        self._failed += 1
        if self._failed >= ATTEMPTS_MAX:
            raise Transient(f"{self._what_fails}: {why}") from why
        pause = min(PAUSE_SECONDS * 2**self._failed, PAUSE_SECONDS_MAX)
        time.sleep(pause * random.random())  # noqa: S311 - jitter, not a secret

    def succeeded(self) -> None:
        """Something was done."""
        self._failed = 0
