"""Trailing readers: a second reader of a change feed, a fixed delay behind now.

The feed is ordered by last write, so a reader that stays behind meets each document when it has
reached that age, without query or index. It meets every document at least once in the version that
has stood for that long, and moves a cursor only past pages that are wholly aged and wholly done:
after a crash, a failure or a lost race, work is repeated and nothing is left out. Two workers may
run the same reader; the cursors' ETags let one of them move on.

Positions, not times, say where to go on, so documents of equal `_ts` at the edge are neither lost
nor repeated. After a physical *merge* a feed is no longer ordered by time; what is aged in such a
page is done, but the cursor waits for the rest of it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from cosmos_views.ledger.commits import (
    OPERATIONS_MAX,
    Committed,
    Conflict,
    Delete,
    Operation,
    Write,
)
from cosmos_views.ledger.feeds import Document, FeedRange, Page, Split
from cosmos_views.ledger.foreign import of_form
from cosmos_views.upkeep.cursors import (
    CURSORS_PK,
    Cursor,
    Held,
    Risk,
    cursors_of,
    note_expired,
    risk,
    tiling,
)

PAGE_DOCUMENTS = 100
LOOK_SECONDS = 3_600
"""A cursor that finds nothing to do is written again after so long, to say that it looked."""
TILINGS_MAX = 5
"""Ranges are looked up so often in one run, where they change or another worker moves them."""

Handle = Callable[[Sequence[Document]], Counter[str]]
"""Does what the reader is for with some documents; returns what it did, counted. Whatever it
raises keeps the cursor where it is. Safe to repeat."""
Again = Callable[[int, int], Counter[str]]
"""Takes up what earlier runs have put aside, at a time, of a container with a TTL, both in seconds;
returns what it did, counted."""
PAGES_MAX = 10**9
SECONDS_MAX = 1e9
"""A command reads everything that has aged, however long it takes."""


class Feed(Protocol):
    """The change feeds of the sources."""

    def ranges(self, container: str) -> tuple[str, list[FeedRange]]:
        """(the container's resource id, its physical ranges now)."""

    def page(
        self, container: str, rid: str, feed_range: FeedRange, position: str | None, count: int
    ) -> Page:
        """About `count` documents after a position. Raises Split."""


class CursorState(Protocol):
    """The state container, as far as cursors need it."""

    def read_range(self, pk: str, start: str, end: str) -> list[Document]:
        """Documents with start <= id < end, each with its `_etag`; they may be stale."""

    def commit(self, pk: str, operations: Sequence[Operation]) -> Committed:
        """Apply all or nothing. Raises Conflict."""


@dataclass
class Allowance:
    """What one run may take, all readers of it together."""

    pages: int
    seconds: float
    monotonic: Callable[[], float]

    def __post_init__(self) -> None:
        self._ends_at = self.monotonic() + self.seconds

    @property
    def spent(self) -> bool:
        """Whether the rest is for the next run."""
        return self.pages <= 0 or self.monotonic() >= self._ends_at


@dataclass
class Reading:
    """What one run of one reader did."""

    container: str
    documents: int = 0
    pages: int = 0
    done: Counter[str] = field(default_factory=Counter)
    lost_races: int = 0
    """Ranges that another worker moved at the same time."""
    splits: int = 0
    caught_up: bool = True
    """Every document of the reader's age was met."""
    until: int | None = None
    """As in `Cursor`, of the range that is furthest behind."""
    risks: list[Risk] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    """One per range at most, and one of what was put aside; the others go on."""


@dataclass
class TrailingReader:
    """One reader of one container."""

    name: Callable[[], str]
    """Asked once per run, and then for all of it."""
    container: str
    ttl_seconds: int
    """The container's; -1 where documents do not expire. A document that sets a shorter one of its
    own may expire before it is met."""
    delay_seconds: int
    feed: Feed
    state: CursorState
    handle: Handle
    now_ms: Callable[[], int]
    again: Again = lambda _now, _ttl: Counter()
    page_documents: int = PAGE_DOCUMENTS

    def run(self, allowance: Allowance) -> Reading:
        """Meet what has aged, as far as the allowance goes. Raises Transient where not even the
        ranges can be read."""
        reading = Reading(self.container)
        now_seconds = self.now_ms() // 1_000
        name = self.name()
        try:
            reading.done.update(self.again(now_seconds, self.ttl_seconds))
        except Exception as error:  # what was put aside stays there; the caller raises it
            reading.failures.append(error)
        finished: dict[str, Cursor] = {}
        for _ in range(TILINGS_MAX):
            splits = reading.splits
            try:
                tiles = self._tiles(name)
            except Conflict:
                reading.lost_races += 1
                continue
            # What is furthest behind comes first, so that a bounded run starves no range.
            for held in sorted(tiles, key=lambda one: one.cursor.until or 0):
                if held.cursor.id not in finished:
                    self._range(held, now_seconds, allowance, reading, finished)
            if reading.splits == splits:
                break
        else:
            reading.caught_up = False
        untils = [cursor.until for cursor in finished.values()]
        reading.until = min((one for one in untils if one is not None), default=None)
        return reading

    def cursors(self) -> list[Held]:
        """The cursors as they are stored."""
        return self._cursors(self.name())

    def _cursors(self, name: str) -> list[Held]:
        stored = self.state.read_range(CURSORS_PK, *cursors_of(name, self.container))
        cursors = ((of_form(one, Cursor, "state"), one["_etag"]) for one in stored)
        return [Held(cursor, etag) for cursor, etag in cursors if cursor is not None]

    def _tiles(self, name: str) -> list[Held]:
        """One cursor per range as they are now; what that takes is written. Raises Conflict."""
        rid, ranges = self.feed.ranges(self.container)
        found = tiling(name, self.container, rid, ranges, self._cursors(name))
        if not found.written and not found.removed:
            return found.tiles
        operations: list[Operation] = [
            Write(held.cursor, held.cursor.id, held.etag) for held in found.written
        ]
        # Children first: a parent that stays a little longer is only removed later.
        operations += [Delete(cursor_id) for cursor_id in found.removed]
        etags: dict[str, str] = {}
        for start in range(0, len(operations), OPERATIONS_MAX):
            chunk = operations[start : start + OPERATIONS_MAX]
            etags |= self.state.commit(CURSORS_PK, chunk).etags
        return [Held(one.cursor, etags.get(one.cursor.id, one.etag)) for one in found.tiles]

    def _range(
        self,
        held: Held,
        now_seconds: int,
        allowance: Allowance,
        reading: Reading,
        finished: dict[str, Cursor],
    ) -> None:
        follower = _Follower(self, held, now_seconds - self.delay_seconds, reading)
        expired = note_expired(follower.cursor, now_seconds, self.ttl_seconds)
        try:
            while not follower.caught_up and not allowance.spent:
                follower.step()
                # To find nothing more takes no page: else more ranges than pages would leave
                # the same ranges out in every run.
                allowance.pages -= not follower.caught_up
        except Split:
            reading.splits += 1
            return
        except Conflict:
            reading.lost_races += 1
        except Exception as error:  # the other ranges go on; the caller raises it
            reading.failures.append(error)
        finished[held.cursor.id] = follower.cursor
        reading.caught_up &= follower.caught_up
        found = risk(follower.cursor, now_seconds, self.ttl_seconds, expired=expired)
        if found is not None:
            reading.risks.append(found)


class _Follower:
    """One range on its way in one run."""

    def __init__(self, reader: TrailingReader, held: Held, aged: int, reading: Reading) -> None:
        self._reader = reader
        self._reading = reading
        self._aged = aged
        """Documents last written in this second or before have the reader's age."""
        self.cursor = held.cursor
        self._etag = held.etag
        self._noted = self.cursor.until
        self.caught_up = False

    def step(self) -> None:
        """Meet one page of documents and move past it. Raises Split, Conflict, or what the
        reader's handle raises."""
        page = self._read(self._reader.page_documents)
        aged = self._aged_of(page)
        partly = len(aged) < len(page.documents)
        if partly and page.documents[: len(aged)] == aged and aged:
            # Only what has aged, as a page of its own, so that the cursor can move past it.
            page = self._read(len(aged))
            aged = self._aged_of(page)
        if aged:
            self._reading.pages += 1
            self._reading.documents += len(aged)
            self._reading.done.update(self._reader.handle(aged))
        wholly = len(aged) == len(page.documents)
        self.caught_up = partly or not page.documents
        if wholly and aged:
            self._move(page, max(one["_ts"] for one in aged), len(aged))
        if self.caught_up and (wholly or not aged):
            self._look(self._aged + 1)

    def _read(self, count: int) -> Page:
        cursor = self.cursor
        return self._reader.feed.page(
            cursor.container, cursor.rid, cursor.feed_range, cursor.position, count
        )

    def _aged_of(self, page: Page) -> list[Document]:
        return [one for one in page.documents if one["_ts"] <= self._aged]

    def _move(self, page: Page, latest: int, documents: int) -> None:
        """Past a page that is done. Raises Conflict where another worker was first."""
        moved = msgspec.structs.replace(
            self.cursor,
            position=page.position,
            until=max(self.cursor.until or 0, self._aged + 1 if self.caught_up else latest),
            documents=self.cursor.documents + documents,
        )
        self._write(moved)

    def _look(self, until: int) -> None:
        """Nothing more has aged; that it was looked for is written down now and then."""
        until = max(self.cursor.until or 0, until)
        self.cursor = msgspec.structs.replace(self.cursor, until=until)
        if self._noted is None or until - self._noted >= LOOK_SECONDS:
            self._write(self.cursor)

    def _write(self, cursor: Cursor) -> None:
        committed = self._reader.state.commit(CURSORS_PK, [Write(cursor, cursor.id, self._etag)])
        self.cursor = cursor
        self._etag = committed.etags[cursor.id]
        self._noted = cursor.until


def run_all(
    readers: Sequence[TrailingReader], pages: int, seconds: float, monotonic: Callable[[], float]
) -> list[Reading]:
    """Run readers one after the other, each with its share of the time; none stops the others.

    `pages` is for each of them. What failed is in the readings.
    """
    ends_at = monotonic() + seconds
    readings = []
    for place, reader in enumerate(readers):
        share = (ends_at - monotonic()) / (len(readers) - place)
        try:
            reading = reader.run(Allowance(pages, share, monotonic))
        except Exception as error:  # the other readers go on; the caller raises it
            reading = Reading(reader.container, caught_up=False, failures=[error])
        readings.append(reading)
    return readings


class Unwritten:
    """State of which only reading is meant: cursors stay where they are."""

    def __init__(self, state: CursorState) -> None:
        self._state = state

    def read_range(self, pk: str, start: str, end: str) -> list[Document]:
        """As it is stored."""
        return self._state.read_range(pk, start, end)

    def commit(self, pk: str, operations: Sequence[Operation]) -> Committed:  # noqa: ARG002
        """Nothing is written."""
        return Committed({one.document_id: "unwritten" for one in operations}, None)
