"""Lag: how far each lease is behind its source, and whether it moves.

Two readings tell apart what one cannot: a lease that has much to do and does it, and one that
stands still while changes wait. Nothing to do is neither. The next reading may be another
process's, so what this one saw is left as a note.

The number of changes is Microsoft's estimate: per range, the LSN of the session less the `_lsn`
before the next unread change. It counts transactions of the whole range, so it may be too high,
but is 0 only where nothing waits.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from cosmos_views.ledger.feeds import WHOLE, FeedRange, Lease, Split
from cosmos_views.upkeep.trailing import Feed

LEASE_EXPIRATION_SECONDS = 60
"""A lease not renewed for so long is free to be taken (the platform's default)."""
SPLITS_MAX = 3


class LeaseState(StrEnum):
    """How a lease fares."""

    IDLE = "idle"
    """Every change has been read."""
    BEHIND = "behind"
    """Changes wait, and the lease moves, or nobody knows yet whether it does."""
    FROZEN = "frozen"
    """Changes wait, and its position is what it was at the reading before."""


@dataclass(frozen=True)
class LeaseReading:
    """One lease at one moment; `lease` None stands for a source that no trigger has ever read."""

    source: str
    lease: Lease | None
    at: int
    """Seconds since 1970."""
    changes_behind: int
    next_written_at: int | None
    """`_ts` of the next unread change; None where there is none."""

    @property
    def name(self) -> str:
        """The same in every reading of this lease."""
        return self.lease.id if self.lease else f"{self.source} without lease"

    @property
    def position(self) -> str | None:
        """How far it has been read."""
        return self.lease.position if self.lease else None

    @property
    def seconds_behind(self) -> int:
        """How long the next unread change has been waiting; 0 where none is."""
        return 0 if self.next_written_at is None else max(0, self.at - self.next_written_at)

    @property
    def renewed_seconds_ago(self) -> int | None:
        """Since the lease was last written."""
        if self.lease is None or self.lease.renewed_at is None:
            return None
        return max(0, self.at - self.lease.renewed_at)

    def state(self, earlier: str | None) -> LeaseState:
        """How it fares, given its mark at the reading before, if changes waited then."""
        if self.next_written_at is None:
            return LeaseState.IDLE
        return LeaseState.FROZEN if earlier == self.mark else LeaseState.BEHIND

    @property
    def mark(self) -> str:
        """Its position, as the next reading is told of it."""
        return self.position or ""

    @property
    def reader(self) -> str:
        """Who reads it, as a sentence."""
        if self.lease is None:
            return "no lease: no trigger has ever run here"
        if self.lease.owner is None:
            return "nobody owns the lease"
        ago = self.renewed_seconds_ago
        if ago is None or ago > LEASE_EXPIRATION_SECONDS:
            return f"its owner has not renewed the lease for {ago} s"
        return "its owner renews the lease"


class Leases(Protocol):
    """The lease container."""

    def by_container(self, rids: Iterable[str]) -> dict[str, list[Lease]]:
        """The leases of the containers with these resource ids."""


class Earlier(Protocol):
    """The reading before: name → mark of every lease behind which changes waited."""

    def read(self) -> dict[str, str]:
        """As it was left."""

    def leave(self, places: Mapping[str, str]) -> None:
        """For the next reading."""


@dataclass
class Remembered:
    """The reading before, for who takes both in one process."""

    places: dict[str, str] = field(default_factory=dict)

    def read(self) -> dict[str, str]:
        """As it was left."""
        return self.places

    def leave(self, places: Mapping[str, str]) -> None:
        """For the next reading."""
        self.places = dict(places)


@dataclass
class Gauge:
    """Reads the lag of every lease, beside the reading before."""

    sources: Sequence[str]
    leases: Leases
    feed: Feed
    now_seconds: Callable[[], int]
    earlier: Earlier = field(default_factory=Remembered)
    _ranges: dict[str, tuple[str, list[FeedRange]]] = field(default_factory=dict)
    """Saves asking where they are known; a range that is none any more is answered with Split."""

    def read(self) -> list[tuple[LeaseReading, LeaseState]]:
        """Every lease of every source, and how it fares since the last call. Raises Transient."""
        for source in self.sources:
            if source not in self._ranges:
                self._ranges[source] = self.feed.ranges(source)
        rids = {self._ranges[source][0]: source for source in self.sources}
        readings: list[LeaseReading] = []
        for rid, leases in self.leases.by_container(rids).items():
            found: Sequence[Lease | None] = leases or (None,)
            readings += [self._of(rids[rid], lease) for lease in found]
        earlier = self.earlier.read()
        self.earlier.leave(
            {one.name: one.mark for one in readings if one.next_written_at is not None}
        )
        return [(one, one.state(earlier.get(one.name))) for one in readings]

    def _of(self, source: str, lease: Lease | None) -> LeaseReading:
        for _ in range(SPLITS_MAX):
            try:
                return self._reading(source, lease)
            except Split:
                self._ranges[source] = self.feed.ranges(source)
        return self._reading(source, lease)

    def _reading(self, source: str, lease: Lease | None) -> LeaseReading:
        rid, physical = self._ranges[source]
        whole = lease.feed_range if lease else WHOLE
        changes = 0
        written: list[int] = []
        for one in physical:
            part = FeedRange(max(one.minimum, whole.minimum), min(one.maximum, whole.maximum))
            if part.minimum >= part.maximum:
                continue
            page = self.feed.page(source, rid, part, lease.position if lease else None, 1)
            if page.documents:
                first = page.documents[0]
                changes += max(1, (page.session_lsn or 0) - (first["_lsn"] - 1))
                written.append(first["_ts"])
        return LeaseReading(source, lease, self.now_seconds(), changes, min(written, default=None))
