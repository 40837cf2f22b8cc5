"""Cursors: how far a trailing reader has come in each range of a change feed.

A cursor says that every document its range held before its position has been met. That stays true
however ranges are split or merged, so any cursor that covers a range may be continued in it: at
worst work is repeated, never left out.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec

from cosmos_views.ledger.feeds import FeedRange
from cosmos_views.ledger.instants import DAY_SECONDS

CURSORS_PK = "cursors"
RISK_SECONDS = 7 * DAY_SECONDS
"""A document unread so shortly before it expires is at risk. A reader's delay ends 14 days before
expiry at the latest, so half of that has passed by then."""
GAPS_MAX = 20


class Gap(NamedTuple):
    """Documents last written from `start` until `end` (seconds) expired before they were read."""

    start: int
    end: int


class Cursor(msgspec.Struct, omit_defaults=True):
    """The state document `cursor:{reader}:{container}:{range}`."""

    id: str
    pk: str
    reader: str
    container: str
    rid: str
    """The container's resource id: another one is another container of the same name."""
    minimum: str
    maximum: str
    position: str | None = None
    until: int | None = None
    """Every document last written before this second has been met; None before the first page."""
    documents: int = 0
    """Met so far, repeats included."""
    expired: list[Gap] = msgspec.field(default_factory=list)
    """What had expired unread, if anything was written then; the latest ones."""

    @property
    def feed_range(self) -> FeedRange:
        """The range."""
        return FeedRange(self.minimum, self.maximum)


class Held(NamedTuple):
    """A cursor as it was read; `etag` None for one that is not stored yet."""

    cursor: Cursor
    etag: str | None


class Tiling(NamedTuple):
    """How a container's ranges are covered, and what has to be written and deleted for it."""

    tiles: list[Held]
    written: list[Held]
    removed: list[str]


class Risk(NamedTuple):
    """What a reader may lose, or has lost, in one range."""

    container: str
    feed_range: FeedRange
    days_expired: float
    """Of unread documents that are gone, in the last gap; 0 where there is none."""
    days_at_risk: float
    """Of unread documents that expire within RISK_SECONDS, or have; 0 where there are none."""


def cursors_of(reader: str, container: str) -> tuple[str, str]:
    """From which id, and up to which, a reader's cursors of a container lie."""
    return f"cursor:{reader}:{container}:", f"cursor:{reader}:{container};"


def new_cursor(reader: str, container: str, rid: str, feed_range: FeedRange) -> Cursor:
    """A cursor at the beginning of a range."""
    minimum, maximum = feed_range
    return Cursor(
        id=f"{cursors_of(reader, container)[0]}{minimum}-{maximum}",
        pk=CURSORS_PK,
        reader=reader,
        container=container,
        rid=rid,
        minimum=minimum,
        maximum=maximum,
    )


def tiling(
    reader: str, container: str, rid: str, ranges: Sequence[FeedRange], stored: Sequence[Held]
) -> Tiling:
    """One cursor per range, none wider than a physical range and none overlapping another.

    A range without a cursor of its own takes the position of the narrowest that covers it; where
    none does, it starts at the beginning. Cursors of a container that was replaced count as none.
    """
    by_id = {held.cursor.id: held for held in stored}
    usable = [held for held in stored if held.cursor.rid == rid]
    edges = sorted({edge for one in (*ranges, *_ranges(usable)) for edge in one})
    tiles: list[Held] = []
    written: list[Held] = []
    for minimum, maximum in pairwise(edges):
        tile = FeedRange(minimum, maximum)
        covering = [held for held in usable if held.cursor.feed_range.covers(tile)]
        exact = next((held for held in covering if held.cursor.feed_range == tile), None)
        if exact is None:
            cursor = new_cursor(reader, container, rid, tile)
            if covering:
                parent = max(covering, key=lambda held: held.cursor.minimum).cursor
                cursor.position, cursor.until = parent.position, parent.until
                cursor.expired = list(parent.expired)
            existing = by_id.get(cursor.id)
            exact = Held(cursor, None if existing is None else existing.etag)
            written.append(exact)
        tiles.append(exact)
    kept = {held.cursor.id for held in tiles}
    return Tiling(tiles, written, [one for one in by_id if one not in kept])


def note_expired(cursor: Cursor, now_seconds: int, ttl_seconds: int) -> bool:
    """Whether documents may have expired behind this cursor; if so it is noted in it."""
    oldest_alive = now_seconds - ttl_seconds
    if ttl_seconds <= 0 or cursor.until is None or cursor.until >= oldest_alive:
        return False
    if cursor.expired and cursor.expired[-1].end >= cursor.until:
        cursor.expired[-1] = Gap(cursor.expired[-1].start, oldest_alive)
    else:
        cursor.expired = [*cursor.expired, Gap(cursor.until, oldest_alive)][-GAPS_MAX:]
    return True


def risk(cursor: Cursor, now_seconds: int, ttl_seconds: int, *, expired: bool) -> Risk | None:
    """What is at risk in a cursor's range; `expired` when its last gap is news."""
    days_expired = 0.0
    if expired and cursor.expired:
        days_expired = _days(cursor.expired[-1].end - cursor.expired[-1].start)
    days_at_risk = 0.0
    if ttl_seconds > 0 and cursor.until is not None:
        days_at_risk = _days(now_seconds - (ttl_seconds - RISK_SECONDS) - cursor.until)
    if days_expired <= 0 and days_at_risk <= 0:
        return None
    return Risk(cursor.container, cursor.feed_range, days_expired, max(days_at_risk, 0.0))


def _ranges(held: Iterable[Held]) -> list[FeedRange]:
    return [one.cursor.feed_range for one in held]


def _days(seconds: int) -> float:
    return round(seconds / DAY_SECONDS, 2)
