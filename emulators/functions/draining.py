"""Drives Cosmos DB triggers in-process, without their periodic loops, until nothing is left to do.

Guarantee: `drain` returns once every lease is held here, a whole round over all of them found
every feed answering 304, and nothing is in flight. Leases run in parallel within a round. Leases
are not renewed meanwhile except by checkpoints.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from azure.core.exceptions import AzureError

from emulators.functions.cosmos_listener import CosmosListener
from emulators.functions.lease_reader import LeaseReader, Step
from emulators.functions.leases import Lease

LOG = logging.getLogger("local.functions")

# Between two looks at leases that another host holds, or after a failed read.
_PAUSE_SECONDS = 0.05
# What a running function gets to end in once the time is over.
_GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Drained:
    """Batches that were delivered and checkpointed, whether their function succeeded or not."""

    batches: int


class Drain:
    """One call of `Host.run_until_idle`."""

    def __init__(
        self,
        listeners: Sequence[CosmosListener],
        timeout_seconds: float,
        max_batches: int | None,
        steal: bool,
        ends: threading.Event,
    ) -> None:
        self._listeners = listeners
        self._deadline = time.monotonic() + timeout_seconds
        self._timeout_seconds = timeout_seconds
        self._steal = steal
        self._stop = ends
        self._timed_out = False
        self._lock = threading.Lock()
        self._batches_left = max_batches
        self._refused = False
        self._batches = 0
        self._busy = False

    def run(self) -> Drained:
        clock = threading.Timer(self._timeout_seconds, self._time_out)
        clock.daemon = True
        clock.start()
        try:
            return self._rounds()
        finally:
            clock.cancel()
            clock.join()
            if self._timed_out:
                # Only this call is over; the host may be driven again.
                self._stop.clear()

    def _time_out(self) -> None:
        self._timed_out = True
        self._stop.set()

    def _rounds(self) -> Drained:
        steal = self._steal
        while True:
            self._busy = False
            elsewhere = self._take_leases(steal)
            # Only once: two hosts that steal for ever would hand a lease back and forth.
            steal = False
            self._round()
            if self._timed_out:
                raise TimeoutError(self._still_busy(elsewhere))
            if self._refused or self._stop.is_set():
                return Drained(self._batches)
            if not self._busy:
                if not elsewhere:
                    return Drained(self._batches)
                self._stop.wait(_PAUSE_SECONDS)

    def _take_leases(self, steal: bool) -> list[Lease]:
        elsewhere: list[Lease] = []
        for listener in self._listeners:
            try:
                elsewhere += listener.take_all(steal)
            except AzureError as error:
                # As a started host: it complains and looks again.
                LOG.warning("%s could not look for leases: %r", listener.function.name, error)
                self._busy = True
        return elsewhere

    def _round(self) -> None:
        threads = [
            threading.Thread(
                target=self._read_until_drained,
                args=(listener, reader),
                name=f"{listener.function.name}-{reader.lease.token}",
                daemon=True,
            )
            for listener in self._listeners
            for reader in listener.readers()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            remaining = self._deadline - time.monotonic()
            thread.join(max(0.0, remaining) + _GRACE_SECONDS)

    def _read_until_drained(self, listener: CosmosListener, reader: LeaseReader) -> None:
        while True:
            try:
                # Children of a split are readers of the next round.
                step, children = listener.step(reader, self._stop, self._may_deliver)
            except Exception as error:
                LOG.warning("%s could not read a range: %r", listener.function.name, error)
                self._busy = True
                self._stop.wait(_PAUSE_SECONDS)
                return
            if step is Step.DELIVERED:
                with self._lock:
                    self._batches += 1
                    self._busy = True
                continue
            if step is Step.LOST:
                self._busy = True
                if not children:
                    listener.drop(reader)
            return

    def _may_deliver(self) -> bool:
        with self._lock:
            if self._batches_left is None:
                return True
            if self._batches_left == 0:
                self._refused = True
                return False
            self._batches_left -= 1
            return True

    def _still_busy(self, elsewhere: Sequence[Lease]) -> str:
        held = [f"the lease of range {one.token} is held by {one.owner}" for one in elsewhere]
        reading = [
            f"{listener.function.name} had not drained its {len(listener.readers())} leases"
            for listener in self._listeners
        ]
        return f"Not idle after {self._timeout_seconds} s: {'; '.join(held or reading)}."
