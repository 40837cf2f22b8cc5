"""Sessions: how long a visit lasted, how it ended, how deep it went."""

from typing import Annotated

import msgspec

from cosmos_views.ledger.fixed_point import divided_half_even, millionths, seconds_to_milliseconds
from cosmos_views.ledger.instants import SECOND_US
from cosmos_views.source import Share, Source, event_time_us, invalid, optional_instant_us
from cosmos_views.texts import Time, Word
from processors.documents import DELETED, KEY, OWNER, SCHEMA, Written, kinds
from processors.facts import SessionFact

DURATION_SECONDS_MAX = 604_800
ENDINGS = frozenset({"completed", "abandoned", "expired"})


class Session(Written, kw_only=True):
    """A document of `user_sessions`."""

    start_time: Time | None = None
    end_time: Time | None = None
    duration_seconds: Annotated[float, msgspec.Meta(ge=0, le=DURATION_SECONDS_MAX)] | None = None
    status: Word | None = None
    content_depth_score: Share | None = None


def to_fact(document: Session) -> SessionFact:
    """The fact of one session. Raises Rejected, naming the field's path."""
    at_us, _ = event_time_us(
        document, ("start_time", document.start_time), ("created_at", document.created_at)
    )
    return SessionFact(
        at_seconds=at_us // SECOND_US,
        duration_ms=_duration_ms(document),
        status=document.status if document.status in ENDINGS else "other",
        depth=(
            None
            if document.content_depth_score is None
            else millionths(document.content_depth_score)
        ),
    )


def _duration_ms(document: Session) -> int | None:
    start_us = optional_instant_us("start_time", document.start_time)
    end_us = optional_instant_us("end_time", document.end_time)
    if document.duration_seconds is not None:
        return seconds_to_milliseconds(document.duration_seconds)
    if start_us is None or end_us is None:
        return None
    if not 0 <= end_us - start_us <= DURATION_SECONDS_MAX * SECOND_US:
        raise invalid("end_time", f"expected 0 to {DURATION_SECONDS_MAX} s after start_time")
    return divided_half_even(end_us - start_us, 1_000)


SOURCE: Source[Session] = Source(
    container="user_sessions",
    kinds=kinds("user_session", "session"),
    document=Session,
    fact=SessionFact,
    to_fact=to_fact,
    trigger="sessions",
    archive_after_days=60,
    key=KEY,
    owner=OWNER,
    deleted=DELETED,
    schema=SCHEMA,
)
