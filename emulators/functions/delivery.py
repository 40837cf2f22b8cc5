"""One delivery: a function is tried until it succeeds or its retry policy gives up.

This is the platform's failure behaviour up to the checkpoint. Without a policy the first failure
ends it; a finite policy ends after its last try; an unlimited one never does. What the caller
makes of the verdict is in `lease_reader.py`.

Guarantee: the same argument every time, a fresh copy for each try; a stop request ends the pause
before a retry, never a running try.
"""

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from emulators.functions.context import Attempt
from emulators.functions.counters import Counters
from emulators.functions.indexing import IndexedFunction
from emulators.functions.invocation import Worker, without_host_frames

LOG = logging.getLogger("local.functions")


class Verdict(Enum):
    SUCCEEDED = "succeeded"
    GAVE_UP = "gave up"
    STOPPED = "stopped while waiting for a retry"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` is what the last try raised, None after a success."""

    verdict: Verdict
    error: Exception | None = None


class Delivery:
    """Delivers to one function; shared by all its leases."""

    def __init__(
        self,
        function: IndexedFunction,
        worker: Worker,
        counters: Counters,
        retry_delay_scale: float,
        rng: random.Random,
    ) -> None:
        self._function = function
        self._worker = worker
        self._counters = counters
        self._retry_delay_scale = retry_delay_scale
        self._rng = rng

    def deliver(
        self, argument: Callable[[], object], changes: int, stop: threading.Event
    ) -> Outcome:
        """Tries until the verdict is known; `argument` makes a fresh trigger argument per try."""
        self._counters.add(batches=1, changes=changes, in_flight=1)
        try:
            return self._try_until_decided(argument, stop)
        finally:
            self._counters.add(in_flight=-1)

    def _try_until_decided(self, argument: Callable[[], object], stop: threading.Event) -> Outcome:
        policy = self._function.retry_policy
        limit = policy.max_retry_count if policy else 0
        pauses = policy.pauses_seconds(self._rng) if policy else iter(())
        retry_count = 0
        while True:
            try:
                self._worker.invoke(self._function, argument(), Attempt(retry_count, limit))
            except Exception as error:
                failure = error
                self._counters.add(failures=1)
                LOG.warning(
                    "%s failed: %r", self._function.name, error, exc_info=without_host_frames(error)
                )
            else:
                return Outcome(Verdict.SUCCEEDED)
            if policy is None or not policy.allows(retry_count):
                return Outcome(Verdict.GAVE_UP, failure)
            pause = next(pauses) * self._retry_delay_scale
            LOG.info(
                "%s waits %.3g s before retry %d of %s",
                self._function.name,
                pause,
                retry_count + 1,
                "unlimited" if policy.unlimited else limit,
            )
            if stop.wait(pause):
                return Outcome(Verdict.STOPPED, failure)
            retry_count += 1
            self._counters.add(retries=1)
