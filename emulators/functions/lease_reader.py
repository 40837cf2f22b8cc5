"""One lease at work: read a batch, deliver it, checkpoint, again.

  reading ──304──► drained ──(poll delay)──► reading
     │ documents
  delivering ──succeeded──► checkpoint ──► reading
     ├─ gave up ──► checkpoint all the same: THE PLATFORM LOSES THIS BATCH
     └─ stopped ──► no checkpoint: whoever holds the lease next gets the batch again

Guarantee: one batch in flight; the checkpoint follows the function's return, so a crash in
between means redelivery. A lease lost meanwhile is noticed at the checkpoint: the batch runs to
its end here while the new owner replays it.
"""

import logging
import threading
from collections.abc import Callable
from enum import Enum

from azure.core.exceptions import AzureError

from emulators.functions.counters import Counters, LeaseProgress
from emulators.functions.delivery import Delivery, Outcome, Verdict
from emulators.functions.feed import Feed, FeedRange, Page, RangeSplit
from emulators.functions.indexing import IndexedFunction
from emulators.functions.leases import Lease, LeaseLost, LeaseStore
from emulators.functions.payload import DEPTH_MAX, cosmos_argument, documents_json, nested_too_deep
from emulators.functions.triggers import CosmosTrigger

LOG = logging.getLogger("local.functions")


class Step(Enum):
    DELIVERED = "a batch was delivered and checkpointed"
    DRAINED = "there is nothing new"
    STOPPED = "the host is stopping or has used up its batches"
    LOST = "another host owns the lease"


class LeaseReader:
    """Works on one lease that this host owns; `step` is called by one thread at a time."""

    def __init__(
        self,
        function: IndexedFunction,
        feed: Feed,
        store: LeaseStore,
        delivery: Delivery,
        counters: Counters,
        lease: Lease,
        rewrites_dates: bool,
    ) -> None:
        assert isinstance(function.trigger, CosmosTrigger)
        self._function = function
        self._trigger = function.trigger
        self._feed = feed
        self._store = store
        self._delivery = delivery
        self._counters = counters
        self._rewrites_dates = rewrites_dates
        # The renewal thread and the checkpoint must not conflict with each other.
        self._lease_lock = threading.Lock()
        self._lease = lease
        # Moves on a 304 too, as in the platform, which then keeps it in memory only.
        self._position = lease.continuation
        self._lost = False
        self._report(None)

    @property
    def lease(self) -> Lease:
        return self._lease

    @property
    def position(self) -> str | None:
        return self._position

    @property
    def lost(self) -> bool:
        return self._lost

    def step(self, stop: threading.Event, may_deliver: Callable[[], bool]) -> Step:
        """One page; raises `RangeSplit` where the range has been split."""
        if self._lost:
            return Step.LOST
        if stop.is_set():
            return Step.STOPPED
        page = self._read(self._lease.range, self._trigger.max_items)
        self._report(page.lag_before())
        if not page.documents:
            self._position = page.continuation
            return Step.DRAINED
        if not may_deliver():
            return Step.STOPPED
        if any(map(nested_too_deep, page.documents)):
            self._stand_still(page)
            return Step.DRAINED
        outcome = self._deliver(page, stop)
        if outcome.verdict is Verdict.STOPPED:
            return Step.STOPPED
        if outcome.verdict is Verdict.GAVE_UP:
            self._lament(page, outcome)
        return self._checkpoint(page)

    def renew(self) -> None:
        with self._lease_lock:
            if self._lost:
                return
            try:
                self._lease = self._store.renew(self._lease)
            except LeaseLost:
                self._give_up_lease()

    def release(self) -> None:
        """Frees the lease for the next host at once; it need not wait for the expiration."""
        with self._lease_lock:
            if not self._lost:
                try:
                    self._store.release(self._lease)
                except (LeaseLost, AzureError) as error:
                    # Then it expires: the next host has to wait.
                    LOG.warning("%s did not free its lease: %r", self._function.name, error)
            self._lost = True
        self._counters.set_lease(self._lease.token, None)

    def abandon(self) -> None:
        """From now on neither checkpoints nor releases, as if the process had been killed."""
        self._lost = True

    def delete(self) -> None:
        """Ends a lease whose range was split, once its children exist."""
        with self._lease_lock:
            self._lost = True
            try:
                self._store.delete(self._lease)
            except LeaseLost:
                LOG.info("%s lease %s was taken", self._function.name, self._lease.token)
        self._counters.set_lease(self._lease.token, None)

    def lag(self) -> int:
        """Changes not yet delivered, asked of the service now."""
        if self._position is None and self._trigger.start == "now":
            return 0
        try:
            return self._read(self._lease.range, 1).lag_before()
        except RangeSplit as split:
            return sum(self._read(child, 1).lag_before() for child in split.children)

    def _read(self, feed_range: FeedRange, max_items: int | None) -> Page:
        return self._feed.read(feed_range, self._position, self._trigger.start, max_items)

    def _deliver(self, page: Page, stop: threading.Event) -> Outcome:
        text = documents_json(page.documents, self._rewrites_dates)
        return self._delivery.deliver(
            lambda: cosmos_argument(self._function, text), len(page.documents), stop
        )

    def _checkpoint(self, page: Page) -> Step:
        with self._lease_lock:
            if not self._lost:
                try:
                    self._lease = self._store.checkpoint(self._lease, page.continuation)
                except LeaseLost:
                    self._give_up_lease()
            if self._lost:
                return Step.LOST
        self._position = page.continuation
        self._report(page.lag_after())
        return Step.DELIVERED

    def _lament(self, page: Page, outcome: Outcome) -> None:
        self._counters.add(checkpointed_away=1)
        LOG.error(
            "%s: BATCH LOST. %d changes of range %s up to %s failed, %s, and are checkpointed "
            "away, as the platform does: %r",
            self._function.name,
            len(page.documents),
            self._lease.token,
            page.continuation,
            "their retries are exhausted"
            if self._function.retry_policy
            else "there is no retry policy",
            outcome.error,
        )

    def _stand_still(self, page: Page) -> None:
        LOG.error(
            "%s: range %s stands still before %s: a document is nested deeper than %d levels, "
            "which stops the platform's trigger without a word",
            self._function.name,
            self._lease.token,
            page.continuation,
            DEPTH_MAX,
        )

    def _give_up_lease(self) -> None:
        self._lost = True
        self._counters.set_lease(self._lease.token, None)
        LOG.warning(
            "%s lost the lease of range %s; a batch in flight goes on and is replayed elsewhere",
            self._function.name,
            self._lease.token,
        )

    def _report(self, lag: int | None) -> None:
        self._counters.set_lease(self._lease.token, LeaseProgress(self._position, lag))
