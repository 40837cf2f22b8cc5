"""Timer schedules: NCRONTAB expressions and time spans, in UTC.

An expression has six fields, `second minute hour day month day-of-week`; five mean second 0. A
field is a list of `*`, a value, a range `a-b`, each with an optional step `/n`; a value with a
step runs to the end of the field. Months and days have English three-letter names, Sunday is 0.
As in NCrontab both the day of the month and the day of the week have to match.

Guarantee: `next_after(t)` is the earliest matching whole second strictly after t. Written here
because no dependency of the project reads six fields and it is one page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from emulators.functions.errors import HostError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day-of-week", 0, 6, _DAYS),
)
# 29 February on a given weekday comes back after 40 years at the latest (across 2100).
_SEARCH_DAYS_MAX = 41 * 366
_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,8}):(\d{1,2})(?::(\d{1,2}))?")


class Schedule(Protocol):
    def next_after(self, moment: datetime) -> datetime | None:
        """The next run strictly after `moment`, or None if there never is one."""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """Runs in equal steps from when the host started."""

    interval: timedelta

    def next_after(self, moment: datetime) -> datetime:
        return moment + self.interval


@dataclass(frozen=True, slots=True)
class Cron:
    """Each field as the sorted values that match."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    def next_after(self, moment: datetime) -> datetime | None:
        start = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        day = start.date()
        earliest = start.time()
        for _ in range(_SEARCH_DAYS_MAX):
            if self._day_matches(day):
                for candidate in self._times_of_day():
                    if candidate >= earliest:
                        return datetime.combine(day, candidate, UTC)
            day += timedelta(days=1)
            earliest = time()
        return None

    def _day_matches(self, day: date) -> bool:
        return (
            day.month in self.months
            and day.day in self.days
            and day.isoweekday() % 7 in self.weekdays
        )

    def _times_of_day(self) -> Iterator[time]:
        for hour in self.hours:
            for minute in self.minutes:
                for second in self.seconds:
                    yield time(hour, minute, second)


def parse_schedule(text: str) -> Schedule:
    """An NCRONTAB expression, or a time span `hh:mm[:ss]` or `d.hh:mm:ss`."""
    fields = text.split()
    if len(fields) == 1:
        return TimeSpan(_parse_time_span(text.strip()))
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise HostError(
            f"The schedule {text!r} has to be six fields, second to day-of-week, or a time span."
        )
    parsed = [_parse_field(text, field, *spec) for field, spec in zip(fields, _FIELDS, strict=True)]
    return Cron(*parsed)


def _parse_field(
    text: str, field: str, label: str, lowest: int, highest: int, names: tuple[str, ...]
) -> tuple[int, ...]:
    def value(word: str) -> int:
        if word.lower() in names:
            return names.index(word.lower()) + lowest
        if word.isascii() and word.isdigit() and lowest <= int(word) <= highest:
            return int(word)
        raise HostError(f"{word!r} is no {label} ({lowest} to {highest}) in the schedule {text!r}.")

    matching: set[int] = set()
    for part in field.split(","):
        span, slash, step_text = part.partition("/")
        step = 1
        if slash:
            if not (step_text.isascii() and step_text.isdigit() and int(step_text) > 0):
                raise HostError(f"{part!r} has no step above 0 in the schedule {text!r}.")
            step = int(step_text)
        first_text, dash, last_text = span.partition("-")
        if span == "*":
            first, last = lowest, highest
        elif dash:
            first, last = value(first_text), value(last_text)
        else:
            first = value(span)
            last = highest if slash else first
        if first > last:
            raise HostError(f"{part!r} runs backwards in the schedule {text!r}.")
        matching.update(range(first, last + 1, step))
    return tuple(sorted(matching))


def _parse_time_span(text: str) -> timedelta:
    match = _TIME_SPAN.fullmatch(text)
    if match is None:
        raise HostError(f"The schedule {text!r} is neither an NCRONTAB expression nor a time span.")
    days_text, first, second, third = match.groups()
    if days_text is None and int(first) >= 24:
        # .NET reads dd:hh:mm as soon as the first part cannot be an hour: "25:00:00" is 25 days.
        span = timedelta(days=int(first), hours=int(second), minutes=int(third or 0))
    else:
        span = timedelta(
            days=int(days_text or 0), hours=int(first), minutes=int(second), seconds=int(third or 0)
        )
    if span <= timedelta(0):
        raise HostError(f"The schedule {text!r} has to be longer than nothing.")
    return span
