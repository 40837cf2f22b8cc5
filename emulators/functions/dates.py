"""Rewrites date-like strings as the real host does on the way to the worker.

The Cosmos DB extension reads documents into Newtonsoft.Json tokens with date parsing on and writes
them out again. So every string value, ids and labels too, that its `DateTimeParser` takes for a
date comes out in one form: `yyyy-MM-ddTHH:mm:ss`, the fraction without trailing zeros, and `Z`, or
the offset of the host's zone (in Azure UTC, `+00:00`) where there was an offset, or nothing.

Guarantee: exactly what Newtonsoft.Json 13 makes of a string, and every other byte of the JSON text
untouched. Property names and dates inside longer strings are left alone. The real host fails on a
date outside the years 1 to 9999 that only adding made so (`9999-12-31T24:00:00`,
`/Date(999999999999999)/`): here it stays as it is.
"""

import re
from datetime import datetime, timedelta

# Possessive: the real parser never gives a digit of the fraction back. What follows is as lenient
# as it is there: minutes of a zone without hours, or a colon without minutes, mean nothing.
_ISO = (
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}+))?"
    r"(?:([Zz])|(?:([+-])(\d\d))?(?::(\d\d)?|(\d\d))?)"
)
_MICROSOFT = r"/Date\((-?\d{1,19})([+-]\d\d(?:\d\d)?)?\)/"
# Inside JSON text a quote without a backslash before it, followed by a whole date and a quote,
# can only open a string: after a closing quote comes one of `,:]}`. A property name is followed
# by a colon.
_QUOTED_DATE = re.compile(rf'(?<!\\)"({_ISO}|{_MICROSOFT})"(?!:)', re.ASCII)
_WHOLE_ISO = re.compile(_ISO, re.ASCII)
_WHOLE_MICROSOFT = re.compile(_MICROSOFT, re.ASCII)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - every moment here is UTC, or of no zone
_FIRST, _LAST = "0001-01-01T00:00:00", "9999-12-31T23:59:59.9999999"


def rewrite_dates(json_text: str) -> str:
    """Compact JSON text as the worker receives it."""
    return _QUOTED_DATE.sub(lambda match: f'"{rewrite_date(match.group(1))}"', json_text)


def rewrite_date(text: str) -> str:
    """One string value as the worker receives it; not a date, or not a real one: unchanged."""
    if match := _WHOLE_ISO.fullmatch(text):
        return _of_iso(match) or text
    if match := _WHOLE_MICROSOFT.fullmatch(text):
        try:
            moment = _EPOCH + timedelta(milliseconds=int(match[1]))
        except OverflowError:
            return text
        # Its offset says only that the date is of the host's zone.
        return _written(moment, f"{moment.microsecond:06}", "+00:00" if match[2] else "Z")
    return text


def _of_iso(match: re.Match[str]) -> str | None:
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, utc, sign, hours, minutes, minutes_alone = match.groups()[6:]
    if hour > 24 or (hour == 24 and (minute or second or int(fraction or 0))):
        return None
    try:
        moment = datetime(year, month, day, hour % 24, minute, second)  # noqa: DTZ001 - see above
        # 24:00:00 is midnight of the next day.
        moment += timedelta(days=hour // 24)
    except (ValueError, OverflowError):
        return None
    if sign is None:
        return _written(moment, fraction, "Z" if utc else "")
    offset = timedelta(hours=int(hours), minutes=int(minutes or minutes_alone or 0))
    try:
        moment += offset if sign == "-" else -offset
    except OverflowError:
        return (_LAST if sign == "-" else _FIRST) + "+00:00"
    return _written(moment, fraction, "+00:00")


def _written(moment: datetime, fraction: str | None, suffix: str) -> str:
    digits = (fraction or "").rstrip("0")
    text = f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(len(_FIRST), "0")
    return text + (f".{digits}" if digits else "") + suffix
