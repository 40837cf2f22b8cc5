"""How one field of a document is read: absent, a value, or `Invalid` with its path.

Numbers are exact: a JSON number means its shortest decimal spelling, held as a `Fraction`, and is
rounded half-even once, on entry, to the unit of its measure.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

T = TypeVar("T")

MILLIONTH = Fraction(1, 1_000_000)
DAY_MICROSECONDS = 86_400 * 1_000_000
LONGEST_LABEL = 128
UNKNOWN = "unknown"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC) - _EPOCH) // timedelta(
    microseconds=1
)
_TIME = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})[Tt ]"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?P<zone>Z|z|(?P<sign>[+-])(?P<offset_hour>[0-9]{2})(?::?(?P<offset_minute>[0-9]{2}))?)?"
)
_SINCE_1970 = re.compile(r"/Date\((?P<milliseconds>-?[0-9]{1,19})([+-][0-9]{2}([0-9]{2})?)?\)/")


class Invalid(Exception):
    """The document's latest version contributes nothing; `path` is the field to blame."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def rounded_to(unit: Fraction, value: Fraction) -> Fraction:
    """The multiple of `unit` nearest to `value`, half-even (Python's `round` of a Fraction)."""
    return round(value / unit) * unit


def label(text: str | None) -> str:
    """Absent and over-long labels are `unknown`."""
    return text if text is not None and len(text) <= LONGEST_LABEL else UNKNOWN


def exact_number(value: Any) -> Fraction | None:
    """The exact value of a JSON number; None for anything else. Booleans are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, float):
        return Fraction(Decimal(repr(value))) if math.isfinite(value) else None
    return Fraction(value)


def plain_decimals(number: Fraction) -> str:
    """A finite decimal without exponent and trailing zeros."""
    places = 0
    while (number * 10**places).denominator != 1:
        places += 1
    digits = str(abs(int(number * 10**places))).zfill(places + 1)
    whole, fraction = (digits[:-places], digits[-places:]) if places else (digits, "")
    return ("-" if number < 0 else "") + whole + ("." + fraction if fraction else "")


def instant(value: Any) -> int | None:
    """Microseconds since 1970 of a time in any accepted form; None when it cannot be read."""
    if isinstance(value, str):
        return _instant_of_text(value)
    number = exact_number(value)
    if number is None:
        return None
    microseconds = math.floor(number * (1_000 if abs(number) >= 10**11 else 1_000_000))
    return microseconds if 0 <= microseconds <= _LATEST else None


def _instant_of_text(text: str) -> int | None:
    if since := _SINCE_1970.fullmatch(text):
        microseconds = int(since["milliseconds"]) * 1_000
        return microseconds if 0 <= microseconds <= _LATEST else None
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    part = match.groupdict()
    midnight = (part["hour"], part["minute"], part["second"]) == ("24", "00", "00")
    if midnight and not (part["fraction"] or "").strip("0"):
        part["hour"] = "00"
    else:
        midnight = False
    try:
        local = datetime(
            int(part["year"]),
            int(part["month"]),
            int(part["day"]),
            int(part["hour"]),
            int(part["minute"]),
            int(part["second"]),
            int((part["fraction"] or "0").ljust(6, "0")[:6]),
            tzinfo=UTC,
        )
    except ValueError:  # 30 February, hour 24, second 60, year 0
        return None
    microseconds = (local - _EPOCH) // timedelta(microseconds=1)
    if midnight:
        microseconds += DAY_MICROSECONDS
    if part["sign"]:
        hours, minutes = int(part["offset_hour"]), int(part["offset_minute"] or 0)
        if hours > 23 or minutes > 59:
            return None
        offset = (hours * 60 + minutes) * 60 * 1_000_000
        microseconds += -offset if part["sign"] == "+" else offset
    return microseconds if 0 <= microseconds <= _LATEST else None


def is_unicode(text: str) -> bool:
    """Whether a text holds no half of a surrogate pair."""
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in text)


class Fields:
    """The named fields of one JSON object; each reader answers None for absent or null."""

    def __init__(self, body: dict[str, Any], path: str = "") -> None:
        self._body = body
        self._path = path

    def path(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def raw(self, name: str) -> Any:
        return self._body.get(name)

    def text(self, name: str) -> str | None:
        value = self._body.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise Invalid(self.path(name))
        return value

    def name(self, name: str) -> str | None:
        """A user, an id or a label: text that must be valid Unicode."""
        value = self.text(name)
        if value is not None and not is_unicode(value):
            raise Invalid(self.path(name))
        return value

    def time(self, name: str) -> int | None:
        value = self._body.get(name)
        if value is None or value == "":
            return None
        microseconds = instant(value)
        if microseconds is None:
            raise Invalid(self.path(name))
        return microseconds

    def boolean(self, name: str) -> bool | None:
        value = self._body.get(name)
        if value is not None and not isinstance(value, bool):
            raise Invalid(self.path(name))
        return value

    def number(self, name: str) -> Fraction | None:
        value = self._body.get(name)
        if value is None:
            return None
        number = exact_number(value)
        if number is None:
            raise Invalid(self.path(name))
        return number

    def number_within(self, name: str, greatest: int) -> Fraction | None:
        number = self.number(name)
        if number is not None and not 0 <= number <= greatest:
            raise Invalid(self.path(name))
        return number

    def whole(self, name: str, greatest: int) -> int | None:
        number = self.number_within(name, greatest)
        if number is not None and number.denominator != 1:
            raise Invalid(self.path(name))
        return None if number is None else int(number)

    def score(self, name: str) -> Fraction | None:
        """0..1, in millionths."""
        number = self.number_within(name, 1)
        return None if number is None else rounded_to(MILLIONTH, number)

    def milliseconds(self, name: str) -> int | None:
        number = self.number_within(name, 3_600_000)
        return None if number is None else round(number)

    def object(self, name: str) -> "Fields":
        """The nested object; an empty one when absent."""
        value = self._body.get(name)
        if value is not None and not isinstance(value, dict):
            raise Invalid(self.path(name))
        return Fields(value or {}, self.path(name))

    def elements(self, name: str) -> list[Any]:
        value = self._body.get(name)
        if value is not None and not isinstance(value, list):
            raise Invalid(self.path(name))
        return value or []


def first_present(*candidates: T | None) -> T | None:
    """The first that is present, left to right."""
    return next((value for value in candidates if value is not None), None)
