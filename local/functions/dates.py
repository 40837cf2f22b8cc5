"""Rewrites date-like strings as the real host does on the way to the worker.

The Cosmos DB extension reads documents into Newtonsoft.Json tokens with date parsing on and
writes them out again. A string of the form `yyyy-MM-ddTHH:mm:ss[.f…][Z|±hh[:mm]]` so comes out
with the trailing zeros of its fraction dropped and its offset converted to the host's zone, which
in Azure is UTC, written `+00:00`. `Z` stays `Z`, no zone stays no zone.

Guarantee: the same instants, and every other byte of the JSON text untouched. Property names and
dates inside longer strings are left alone.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

# At most seven digits of a second: with eight the real parser gives up and keeps the string.
_DATE = (
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}))?"
    r"(?:([Zz])|([+-])(\d\d):?(\d\d)?)?"
)
# Inside JSON text a quote without a backslash before it, followed by a whole date and a quote,
# can only open a string: after a closing quote comes one of `,:]}`. A property name is followed
# by a colon.
_QUOTED_DATE = re.compile(rf'(?<!\\)"({_DATE})"(?!:)', re.ASCII)
_WHOLE_DATE = re.compile(_DATE, re.ASCII)


def rewrite_dates(json_text: str) -> str:
    """Compact JSON text as the worker receives it."""
    return _QUOTED_DATE.sub(lambda match: f'"{rewrite_date(match.group(1))}"', json_text)


def rewrite_date(text: str) -> str:
    """One string value as the worker receives it; not a date, or not a real one: unchanged."""
    match = _WHOLE_DATE.fullmatch(text)
    if match is None:
        return text
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, utc, sign, offset_hours, offset_minutes = match.groups()[6:]
    digits = (fraction or "").rstrip("0")
    try:
        # 24:00:00 is midnight of the next day to that parser, and nothing after it.
        moment = datetime(year, month, day, hour % 24, minute, second, tzinfo=UTC)
        if hour == 24:
            if minute or second or digits:
                return text
            moment += timedelta(days=1)
        elif hour > 24:
            return text
        if sign:
            offset = timedelta(hours=int(offset_hours), minutes=int(offset_minutes or 0))
            zone = timezone(offset if sign == "+" else -offset)
            moment = moment.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    suffix = "Z" if utc else "+00:00" if sign else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + (f".{digits}" if digits else "") + suffix
