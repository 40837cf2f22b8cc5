"""The periodic loops of one Cosmos DB trigger: acquire, renew, and one thread per lease.

Guarantee: `stop` lets batches in flight end and be checkpointed, then frees the leases; `abandon`
leaves everything as a crash would.
"""

import logging
import threading
from datetime import UTC, datetime

from emulators.functions.balancing import leases_to_take
from emulators.functions.cosmos_listener import CosmosListener
from emulators.functions.lease_reader import LeaseReader, Step

LOG = logging.getLogger("local.functions")


class LeaseLoops:
    def __init__(self, listener: CosmosListener) -> None:
        self._listener = listener
        self._timing = listener.timing
        self._stop = threading.Event()
        self._renewals_end = threading.Event()
        self._threads_lock = threading.Lock()
        self._reader_threads: list[threading.Thread] = []
        name = listener.function.name
        self._acquiring = threading.Thread(
            target=self._acquire_loop, name=f"{name}-acquire", daemon=True
        )
        self._renewing = threading.Thread(
            target=self._renew_loop, name=f"{name}-renew", daemon=True
        )

    def start(self) -> None:
        self._listener.open()
        self._acquiring.start()
        self._renewing.start()

    def request_stop(self) -> None:
        self._stop.set()

    def stop(self) -> None:
        self._stop.set()
        self._acquiring.join()
        for thread in self._running_readers():
            thread.join()
        # Renewed until here: a batch may have taken longer than the lease lasts.
        self._renewals_end.set()
        self._renewing.join()

    def abandon(self) -> None:
        for reader in self._listener.readers():
            reader.abandon()
        self._stop.set()
        self._renewals_end.set()
        # Not the readers: one may be inside a function that never returns.
        self._acquiring.join()
        self._renewing.join()

    def _acquire_loop(self) -> None:
        while True:
            try:
                self._balance()
            except Exception as error:
                self._complain("look for leases", error)
            if self._stop.wait(self._timing.acquire_seconds):
                return

    def _balance(self) -> None:
        store = self._listener.store
        leases = store.all()
        wanted = leases_to_take(
            leases, store.owner, datetime.now(UTC), self._timing.expiration_seconds
        )
        # A lease that is ours without a reader was left by the end of a reader: taken up again.
        wanted += [lease for lease in leases if lease.owner == store.owner]
        for lease in wanted:
            if self._stop.is_set():
                return
            if not self._listener.is_read_here(lease):
                acquired = store.acquire(lease)
                if acquired is not None:
                    self._start_reader(self._listener.adopt(acquired))

    def _renew_loop(self) -> None:
        while not self._renewals_end.wait(self._timing.renew_seconds):
            for reader in self._listener.readers():
                try:
                    reader.renew()
                except Exception as error:
                    self._complain(f"renew the lease of range {reader.lease.token}", error)

    def _start_reader(self, reader: LeaseReader) -> None:
        thread = threading.Thread(
            target=self._read_loop,
            args=(reader,),
            name=f"{self._listener.function.name}-{reader.lease.token}",
            daemon=True,
        )
        with self._threads_lock:
            self._reader_threads = [one for one in self._reader_threads if one.is_alive()]
            self._reader_threads.append(thread)
            thread.start()

    def _running_readers(self) -> list[threading.Thread]:
        with self._threads_lock:
            return list(self._reader_threads)

    def _read_loop(self, reader: LeaseReader) -> None:
        while True:
            try:
                step, children = self._listener.step(reader, self._stop, self._may_deliver)
            except Exception as error:
                self._complain(f"read range {reader.lease.token}", error)
                step, children = Step.DRAINED, []
            for child in children:
                self._start_reader(child)
            if step is Step.DRAINED:
                self._stop.wait(self._timing.poll_delay_seconds)
            elif step is not Step.DELIVERED:
                break
        if step is Step.STOPPED:
            reader.release()
        self._listener.drop(reader)

    def _may_deliver(self) -> bool:
        return not self._stop.is_set()

    def _complain(self, doing: str, error: Exception) -> None:
        LOG.warning("%s could not %s: %r", self._listener.function.name, doing, error)
