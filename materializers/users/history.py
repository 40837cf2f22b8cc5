"""Users: what must be known of a user so that distinct counts stay exact under retraction.

Distinct users, first days and retention are no sums of facts: they follow from a user's whole
history. That history is kept as counts per day, so a fact can be taken out as well as put in.

A user's *hot* document holds the head (day masks of every month, first day per source) and the
block of the latest month; earlier months have a document each, touched by late changes only. Wide
maps of either overflow into shards (`user_documents.py`); here a history is whole.
"""

from collections.abc import Iterator, Sequence
from operator import add, sub
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from cosmos_views.ledger.instants import month_label, month_start
from cosmos_views.ledger.owners import hot_id
from cosmos_views.ledger.shards import Entries
from processors.facts import AnyFact, InteractionFact, SessionFact
from processors.joins import join_key

SHORT_SESSION_MS = 5 * 60_000
"""A session below this is short."""
MEDIUM_SESSION_MS = 15 * 60_000
"""One up to this is medium, beyond it long."""


class Day(msgspec.Struct, omit_defaults=True, gc=False):
    """One user's counts of one day."""

    interactions: int = msgspec.field(name="i", default=0)
    sessions: int = msgspec.field(name="s", default=0)
    incidents: int = msgspec.field(name="a", default=0)
    minutes: dict[int, int] = msgspec.field(name="m", default_factory=dict)
    """Minute of the day → interactions in it."""
    sources: dict[str, int] = msgspec.field(name="c", default_factory=dict)
    """Cited source → citations."""

    @property
    def active(self) -> bool:
        """Had an interaction or started a session."""
        return self.interactions > 0 or self.sessions > 0

    @property
    def seen(self) -> bool:
        """Had anything at all, incidents included."""
        return self.active or self.incidents > 0

    def copy(self) -> "Day":
        """The same counts, to be changed apart from these."""
        return replace(self, minutes=self.minutes.copy(), sources=self.sources.copy())


class MonthTotals(NamedTuple):
    """Sums over one user's month; scores in millionths."""

    duration_ms: int = 0
    durations: int = 0
    depth: int = 0
    depths: int = 0
    completed: int = 0
    ended: int = 0
    short_sessions: int = 0
    medium_sessions: int = 0
    long_sessions: int = 0
    rating: int = 0
    ratings: int = 0
    complexity: int = 0
    complexities: int = 0
    complete: int = 0
    cost_nano_usd: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


_NOTHING = MonthTotals()
_NOTHING_OF_SESSIONS = _NOTHING[: MonthTotals._fields.index("rating")]
_NOTHING_OF_INTERACTIONS = _NOTHING[len(_NOTHING_OF_SESSIONS) :]


class Month(msgspec.Struct, omit_defaults=True, gc=False):
    """One user's block of one month."""

    days: dict[int, Day] = msgspec.field(name="d", default_factory=dict)
    """Day of the month (1 to 31) → counts; a day without any is absent."""
    totals: list[int] = msgspec.field(name="n", default_factory=list)
    """`MonthTotals` without its trailing zeros."""
    hours: dict[int, int] = msgspec.field(name="h", default_factory=dict)
    """UTC hour → interactions."""
    topics: dict[str, int] = msgspec.field(name="t", default_factory=dict)
    """Topic → interactions."""
    personalities: dict[str, int] = msgspec.field(name="p", default_factory=dict)
    """Personality → interactions."""
    shards: int = msgspec.field(name="x", default=0)
    """As stored: how many shards `u:{user key}:{YYYYMM}~{n}` hold the rest of the wide maps."""

    @property
    def sums(self) -> MonthTotals:
        """The totals by name."""
        return MonthTotals(*self.totals)

    @property
    def interactions(self) -> int:
        """Interactions of the month."""
        return sum([day.interactions for day in self.days.values()])

    @property
    def sessions(self) -> int:
        """Sessions started in the month."""
        return sum([day.sessions for day in self.days.values()])

    @property
    def active_days(self) -> list[int]:
        """Days of the month with an interaction or a started session, ascending."""
        return sorted(number for number, day in self.days.items() if day.active)

    def copy(self) -> "Month":
        """The same block, to be changed apart from this one; days are replaced, never changed."""
        return replace(
            self,
            days=self.days.copy(),
            hours=self.hours.copy(),
            topics=self.topics.copy(),
            personalities=self.personalities.copy(),
        )


class Carried(msgspec.Struct, omit_defaults=True):
    """What an earlier generation knew of a user's days before the horizon, whose documents may be
    gone: it stays, whatever is counted or retracted in this generation."""

    first_day: int
    active: dict[str, int] = msgspec.field(default_factory=dict)
    """Month → mask of active days, of those that days since the horizon are compared with."""
    firsts: dict[str, int] = msgspec.field(default_factory=dict)
    """Cited source → epoch day of its first citation."""


class HotUser(msgspec.Struct, omit_defaults=True, gc=False):
    """The state document `u:{user key}`."""

    id: str
    pk: str
    user: str
    """The user id as documents write it."""
    latest: str
    """The month (`YYYYMM`) whose block is in this document; it never goes back."""
    block: Month
    active: dict[str, int] = msgspec.field(default_factory=dict)
    """Month → 31-bit mask of days with an interaction or a started session."""
    seen: dict[str, int] = msgspec.field(default_factory=dict)
    """Month → mask of days with anything at all."""
    firsts: dict[str, int] = msgspec.field(default_factory=dict)
    """Cited source → epoch day of its first citation."""
    joins: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """Join key of an interaction → entry ids of the incidents that name it."""
    shards: int = 0
    """As stored: how many shards `u:{user key}~{n}` hold the rest of `firsts` and `joins`."""
    changed: dict[str, int] = msgspec.field(default_factory=dict)
    """Month → greatest `_ts` of a version that changed it: so late was it published, or later."""
    carried: Carried | None = None
    erased: bool = False
    """The user is being erased: nothing more is counted, what is here is yet to be taken back."""


class UserMonth(msgspec.Struct):
    """The state document `u:{user key}:{YYYYMM}` of an earlier month."""

    id: str
    pk: str
    block: Month


class MonthsMissing(Exception):
    """A plan needs these months' blocks, which were not read."""

    def __init__(self, months: set[str]) -> None:
        super().__init__(", ".join(sorted(months)))
        self.months = months


def month_id(key: str, month: str) -> str:
    """The id of the document of a user's earlier month."""
    return f"u:{key}:{month}"


class User:
    """One user's history, as far as it was read; counts facts in and out.

    Raises MonthsMissing when a fact or a first day lies in a month that was not read.
    """

    def __init__(self, key: str, hot: HotUser, months: dict[str, Month]) -> None:
        self.key = key
        self.hot = hot
        self.months = {**months, hot.latest: hot.block}
        self.touched: set[str] = set()
        self.shards: dict[str, list[Entries]] = {}
        """Id of the hot or a month's document → what its shards held when they were read."""
        self.derived: dict[str, Any] = {}
        """What was computed from the history as it stands, by name; for whoever computes it."""

    @classmethod
    def new(cls, key: str, pk: str, user: str, month: str) -> "User":
        """A user of whom nothing is counted yet."""
        hot = HotUser(id=hot_id(key), pk=pk, user=user, latest=month, block=Month())
        return cls(key, hot, {})

    def copy(self) -> "User":
        """The history as it stands: what either counts from here on, the other does not."""
        months = {month: block.copy() for month, block in self.months.items()}
        hot = replace(
            self.hot,
            block=months[self.hot.latest],
            active=self.hot.active.copy(),
            seen=self.hot.seen.copy(),
            firsts=self.hot.firsts.copy(),
            changed=self.hot.changed.copy(),
            joins={key: listed.copy() for key, listed in self.hot.joins.items()},
        )
        user = User(self.key, hot, months)
        user.shards = self.shards.copy()
        return user

    def count(self, fact: AnyFact, sign: int) -> None:
        """Put a fact in (`sign` 1) or take it out (-1)."""
        month = month_label(fact.day)
        if month > self.hot.latest:
            self._advance(month)
        block = self.month(month)
        self.derived.clear()
        self.touched.add(month)
        number = fact.day - month_start(month) + 1
        known = block.days.get(number)
        day = block.days[number] = Day() if known is None else known.copy()
        _add_totals(block, _totals_of(fact), sign)
        if isinstance(fact, InteractionFact):
            minute = fact.minute_of_day
            day.interactions += sign
            _add(block.hours, minute // 60, sign)
            _add(block.topics, fact.topic, sign)
            _add(block.personalities, fact.personality, sign)
            _add(day.minutes, minute, sign)
            for citation in fact.citations:
                _add(day.sources, citation.source, sign)
        elif isinstance(fact, SessionFact):
            day.sessions += sign
        else:
            day.incidents += sign
        _set_bit(self.hot.active, month, number, day.active)
        _set_bit(self.hot.seen, month, number, day.seen)
        if not day.seen:
            del block.days[number]
        if isinstance(fact, InteractionFact):
            # In document order: that of a set differs from process to process.
            for source in dict.fromkeys(citation.source for citation in fact.citations):
                self._update_first(source, fact.day, cited=day.sources.get(source, 0) > 0)

    def list_join(self, incident_id: str, before: str | None, now: str | None) -> None:
        """Note which interaction an incident names, by its normal id, before and now."""
        if before is not None:
            key = join_key(before)
            listed = [one for one in self.hot.joins.get(key, ()) if one != incident_id]
            self.hot.joins[key] = listed
            if not listed:
                del self.hot.joins[key]
        if now is not None:
            self.hot.joins.setdefault(join_key(now), []).append(incident_id)

    def month(self, month: str) -> Month:
        """The block of a month. MonthsMissing when it was not read."""
        block = self.months.get(month)
        if block is None:
            raise MonthsMissing({month})
        return block

    def day(self, day: int) -> Day | None:
        """The counts of an epoch day; None when there are none."""
        month = month_label(day)
        if not self._bit(self.hot.seen, day):
            return None
        return self.month(month).days.get(day - month_start(month) + 1)

    def active(self, day: int) -> bool:
        """Whether the user had an interaction or started a session on an epoch day."""
        carried = self.hot.carried
        return self._bit(self.hot.active, day) or (
            carried is not None and self._bit(carried.active, day)
        )

    def active_days(self, first: int, days: int) -> int:
        """The same of up to 28 days from an epoch day, as a mask whose bit 0 is that day."""
        carried = self.hot.carried
        found = 0
        for month in {month_label(first), month_label(first + days - 1)}:
            mask = self.hot.active.get(month, 0)
            if carried is not None:
                mask |= carried.active.get(month, 0)
            shift = month_start(month) - first
            found |= mask << shift if shift > 0 else mask >> -shift
        return found & (1 << days) - 1

    def active_in(self, month: str) -> bool:
        """Whether the user had an interaction or started a session in a month."""
        carried = {} if self.hot.carried is None else self.hot.carried.active
        return bool(self.hot.active.get(month) or carried.get(month))

    @property
    def first_day(self) -> int | None:
        """The first epoch day with an interaction, session or incident."""
        first = _first_of(self.hot.seen)
        carried = None if self.hot.carried is None else self.hot.carried.first_day
        return min((day for day in (first, carried) if day is not None), default=None)

    def first_citation(self, source: str) -> int | None:
        """The first epoch day with a citation of a source."""
        first = self.hot.firsts.get(source)
        carried = None if self.hot.carried is None else self.hot.carried.firsts.get(source)
        return min((day for day in (first, carried) if day is not None), default=None)

    def _advance(self, month: str) -> None:
        """Begin a new latest month; the block so far becomes a document of its own."""
        self.touched.add(self.hot.latest)
        self.hot.latest = month
        self.hot.block = Month()
        self.months[month] = self.hot.block
        self.touched.add(month)

    def _update_first(self, source: str, day: int, *, cited: bool) -> None:
        first = self.hot.firsts.get(source)
        if cited:
            if first is None or day < first:
                self.hot.firsts[source] = day
        elif first == day:
            del self.hot.firsts[source]
            for later in days_of(self.hot.seen, after=day):
                counts = self.day(later)
                if counts is not None and source in counts.sources:
                    self.hot.firsts[source] = later
                    return

    @staticmethod
    def _bit(masks: dict[str, int], day: int) -> bool:
        month = month_label(day)
        return bool(masks.get(month, 0) >> (day - month_start(month)) & 1)


def _totals_of(fact: AnyFact) -> Sequence[int]:
    """What one fact adds to its user's month, all of `MonthTotals` in order."""
    if isinstance(fact, InteractionFact):
        counted = fact.input_tokens is not None and fact.output_tokens is not None
        return (
            *_NOTHING_OF_SESSIONS,
            fact.rating or 0,
            int(fact.rating is not None),
            fact.complexity or 0,
            int(fact.complexity is not None),
            int(fact.complete),
            fact.cost_nano_usd,
            (fact.input_tokens or 0) if counted else 0,
            (fact.output_tokens or 0) if counted else 0,
        )
    if isinstance(fact, SessionFact):
        duration_ms = fact.duration_ms
        return (
            duration_ms or 0,
            int(duration_ms is not None),
            fact.depth or 0,
            int(fact.depth is not None),
            int(fact.status == "completed"),
            int(fact.status != "other"),
            int(duration_ms is not None and duration_ms < SHORT_SESSION_MS),
            int(duration_ms is not None and SHORT_SESSION_MS <= duration_ms <= MEDIUM_SESSION_MS),
            int(duration_ms is not None and duration_ms > MEDIUM_SESSION_MS),
            *_NOTHING_OF_INTERACTIONS,
        )
    return _NOTHING


def _add_totals(block: Month, totals: Sequence[int], sign: int) -> None:
    have = (*block.totals, *_NOTHING[len(block.totals) :])
    row = list(map(add if sign == 1 else sub, have, totals))
    while row and not row[-1]:
        row.pop()
    block.totals = row


def _first_of(masks: dict[str, int]) -> int | None:
    """The first epoch day whose bit is set."""
    if not masks:
        return None
    month = min(masks)
    return month_start(month) + (masks[month] & -masks[month]).bit_length() - 1


def days_of(masks: dict[str, int], after: int = -1) -> Iterator[int]:
    """Epoch days whose bit is set, later than `after`, ascending."""
    for month in sorted(masks):
        start = month_start(month)
        for offset in range(31):
            if masks[month] >> offset & 1 and start + offset > after:
                yield start + offset


def _set_bit(masks: dict[str, int], month: str, number: int, on: bool) -> None:
    mask = masks.get(month, 0) & ~(1 << (number - 1)) | (on << (number - 1))
    if mask:
        masks[month] = mask
    else:
        masks.pop(month, None)


def _add(counts: dict[Any, int], key: int | str, amount: int) -> None:
    total = counts.get(key, 0) + amount
    if total:
        counts[key] = total
    else:
        counts.pop(key, None)
