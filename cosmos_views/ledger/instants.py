"""Instants: how times in documents are read (views.md, section 1, "Time").

An instant is an integer number of microseconds since 1970-01-01T00:00:00Z. The Functions host
rewrites date-like strings (zones converted, trailing zeros dropped), so instants are compared,
never their text.
"""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache

SECOND_US = 1_000_000
MINUTE_SECONDS = 60
HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400
MINUTES_PER_DAY = DAY_SECONDS // MINUTE_SECONDS
WINDOW_SECONDS = 300

_TEXT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](?:([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?"
    r"|24:00:00(?:\.0{1,9})?)(?:[Zz]|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)?",
    re.ASCII,
)
_SINCE_1970 = re.compile(r"/Date\((-?\d{1,19})(?:[+-]\d\d(?:\d\d)?)?\)/", re.ASCII)
"""Milliseconds, as older .NET serializers write them; their offset does not count."""
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MILLISECONDS_FROM = 10**11
"""A number of at least this magnitude counts milliseconds, a smaller one seconds."""
_LATEST_US = (date.max.toordinal() - _EPOCH_ORDINAL + 1) * DAY_SECONDS * SECOND_US - 1


def instant_us(value: str | int | float) -> int:
    """The instant a text or number names. ValueError when it cannot be read or lies before 1970."""
    us = _text_us(value) if isinstance(value, str) else _number_us(value)
    if not 0 <= us <= _LATEST_US:
        raise ValueError("a time from 1970 to 9999")
    return us


@lru_cache(maxsize=4096)
def _text_us(text: str) -> int:
    match = _TEXT.fullmatch(text)
    if match is None:
        if since_1970 := _SINCE_1970.fullmatch(text):
            return int(since_1970[1]) * 1_000
        raise ValueError("a time like 2025-08-05T14:39:15.127Z")
    day, hour, minute, second, fraction, sign, zone_hour, zone_minute = match.groups()
    seconds = _epoch_day(day) * DAY_SECONDS
    if hour is None:
        seconds += DAY_SECONDS
    else:
        seconds += int(hour) * HOUR_SECONDS + int(minute) * MINUTE_SECONDS + int(second)
    if sign is not None:
        zone_seconds = int(zone_hour) * HOUR_SECONDS + int(zone_minute or 0) * MINUTE_SECONDS
        seconds += zone_seconds if sign == "-" else -zone_seconds
    return seconds * SECOND_US + (int(fraction[:6].ljust(6, "0")) if fraction else 0)


@lru_cache(maxsize=1024)
def _epoch_day(text: str) -> int:
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        raise ValueError("a day of the calendar") from None


def _number_us(value: int | float) -> int:
    scale = 1_000 if abs(value) >= _MILLISECONDS_FROM else SECOND_US
    if isinstance(value, int):
        return value * scale
    # The shortest decimal that reads back as this float is what the document said.
    return int((Decimal(repr(value)) * scale).to_integral_value(ROUND_FLOOR))


@lru_cache(maxsize=4096)
def day_label(day: int) -> str:
    """`YYYYMMDD` of an epoch day (days since 1970-01-01, UTC)."""
    return date.fromordinal(day + _EPOCH_ORDINAL).strftime("%Y%m%d")


@lru_cache(maxsize=4096)
def month_label(day: int) -> str:
    """`YYYYMM` of the month an epoch day lies in."""
    return day_label(day)[:6]


@lru_cache(maxsize=1024)
def month_start(month: str) -> int:
    """The first epoch day of a `YYYYMM` month."""
    return date(int(month[:4]), int(month[4:]), 1).toordinal() - _EPOCH_ORDINAL


def next_month(month: str) -> str:
    """The `YYYYMM` month after this one."""
    return month_label(month_start(month) + 31)


def previous_month(month: str) -> str:
    """The `YYYYMM` month before this one."""
    return month_label(month_start(month) - 1)


def day_of_label(label: str) -> int:
    """The epoch day of `YYYYMMDD`."""
    return month_start(label[:6]) + int(label[6:]) - 1


@lru_cache(maxsize=8192)
def window_label(window: int) -> str:
    """`YYYYMMDDHHMM`, the start of a five-minute window (windows since 1970-01-01)."""
    day, second = divmod(window * WINDOW_SECONDS, DAY_SECONDS)
    hour, rest = divmod(second, HOUR_SECONDS)
    return f"{day_label(day)}{hour:02d}{rest // MINUTE_SECONDS:02d}"


def iso(us: int) -> str:
    """ISO 8601 in UTC with a `Z`, for documents a person reads."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    return moment.isoformat().replace("+00:00", "Z")
