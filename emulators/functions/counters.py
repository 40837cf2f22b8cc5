"""What each function has done so far, for a progress display.

Guarantee: `snapshot` is consistent in itself; counting is safe from any thread.
"""

import threading
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class LeaseProgress:
    """`lag` is in changes, as last seen by a poll; None before the first one."""

    continuation: str | None
    lag: int | None


@dataclass(frozen=True, slots=True)
class FunctionCounts:
    """`batches` counts deliveries, each once, however often it was retried; runs without a feed
    (timers, HTTP) are batches without changes. `failures` counts failed tries."""

    batches: int = 0
    changes: int = 0
    failures: int = 0
    retries: int = 0
    checkpointed_away: int = 0
    in_flight: int = 0
    leases: dict[str, LeaseProgress] = field(default_factory=dict)


class Counters:
    """The running counts of one function."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = FunctionCounts()

    def add(
        self,
        *,
        batches: int = 0,
        changes: int = 0,
        failures: int = 0,
        retries: int = 0,
        checkpointed_away: int = 0,
        in_flight: int = 0,
    ) -> None:
        with self._lock:
            counts = self._counts
            self._counts = replace(
                counts,
                batches=counts.batches + batches,
                changes=counts.changes + changes,
                failures=counts.failures + failures,
                retries=counts.retries + retries,
                checkpointed_away=counts.checkpointed_away + checkpointed_away,
                in_flight=counts.in_flight + in_flight,
            )

    def set_lease(self, token: str, progress: LeaseProgress | None) -> None:
        """None forgets a lease that is no longer ours."""
        with self._lock:
            leases = dict(self._counts.leases)
            if progress is None:
                leases.pop(token, None)
            else:
                leases[token] = progress
            self._counts = replace(self._counts, leases=leases)

    def snapshot(self) -> FunctionCounts:
        with self._lock:
            return self._counts
