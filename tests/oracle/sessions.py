"""A session document."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tests.oracle.documents import (
    SourceDocument,
    check_common_fields,
    read_event_time,
    read_user,
)
from tests.oracle.periods import day_of
from tests.oracle.values import Fields, Invalid

LONGEST_SECONDS = 604_800


@dataclass(frozen=True)
class Session:
    user: str | None
    at: int
    status: str | None
    duration_ms: int | None
    depth: Fraction | None

    @property
    def day(self) -> date:
        return day_of(self.at)


def read_session(document: SourceDocument) -> Session:
    fields = Fields(document.body)
    check_common_fields(fields)
    start, end = fields.time("start_time"), fields.time("end_time")
    at, _ = read_event_time(fields, {"start_time": start, "created_at": fields.time("created_at")})
    return Session(
        user=read_user(fields),
        at=at,
        status=fields.text("status"),
        duration_ms=_duration_ms(fields, start, end),
        depth=fields.score("content_depth_score"),
    )


def _duration_ms(fields: Fields, start: int | None, end: int | None) -> int | None:
    """`duration_seconds`, else end - start. Range first, then half-even to ms."""
    seconds = fields.number_within("duration_seconds", LONGEST_SECONDS)
    if seconds is None:
        if start is None or end is None:
            return None
        seconds = Fraction(end - start, 1_000_000)
        if not 0 <= seconds <= LONGEST_SECONDS:
            raise Invalid("end_time")
    return round(seconds * 1_000)
