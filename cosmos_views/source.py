"""Sources: what a pack says of one container whose changes are read, and of its documents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.instants import DAY_SECONDS, SECOND_US, instant_us
from cosmos_views.texts import Label, Time

FUTURE_SECONDS_MAX = DAY_SECONDS
"""An event may lie this far after its document's `_ts`; further is a wrong clock."""

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=3_600_000)]
Tokens = Annotated[float, msgspec.Meta(ge=0, le=10_000_000)]


class Rejected(Exception):
    """A document that can never be counted as it is. No message ever holds a value of it."""

    def __init__(self, category: str, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.category = category
        self.path = path
        self.reason = reason


def invalid(path: str, reason: str) -> Rejected:
    """A value of the right type that means nothing."""
    return Rejected("invalid", path, reason)


def malformed(path: str, reason: str) -> Rejected:
    """A value of the wrong type, or a document that is none."""
    return Rejected("malformed", path, reason)


class SourceDocument(msgspec.Struct, kw_only=True, gc=False):
    """What every source document has: its id, its TTL, and the service's own properties."""

    id: Label
    ttl: Any = None
    etag: str | None = msgspec.field(name="_etag", default=None)
    ts: int | None = msgspec.field(name="_ts", default=None)
    lsn: int | None = msgspec.field(name="_lsn", default=None)
    rid: str | None = msgspec.field(name="_rid", default=None)


D = TypeVar("D", bound=SourceDocument)


@dataclass(frozen=True)
class Kinds:
    """How documents of a source say what they are."""

    fields: tuple[str, ...]
    """Names of the fields that say it; the first that is neither absent nor empty counts."""
    accepted: tuple[str, ...]
    """Others are ignored; the first is what a document is that does not say."""


@dataclass(frozen=True, eq=False)
class Source(Generic[D]):
    """One source container: whose its documents are, and how one of them becomes a fact.

    Fields are named as documents write them, and are fields of `document`; a path may go into
    objects, such as `meta/tenant`.
    """

    container: str
    document: type[D]
    """What is decoded of a document. Its types say which text may be shown (`texts.py`)."""
    fact: type[Any]
    """What a document becomes, as entries store it."""
    to_fact: Callable[[D], Fact]
    """Raises Rejected; never asks anything but the document and the pack's tables."""
    key: tuple[str, ...]
    """Paths of the partition key: one, or several of a hierarchical key."""
    trigger: str
    """The name of its function, and the prefix of its leases."""
    owner: tuple[str, ...] = ()
    """Paths of the fields that name the owner; the first that is neither absent nor empty counts.
    Without any, each document stands for itself."""
    kinds: Kinds | None = None
    """None: every document counts."""
    deleted: tuple[str, ...] = ()
    """Paths of fields any of which is true in a document that was deleted softly."""
    schema: tuple[str, int] | None = None
    """Path of the schema version, and the newest one that `to_fact` reads; without the field a
    document is of version 1."""
    archive_after_days: int | None = None
    """After so many days without a write a document is archived; None: it is not."""
    notes: Mapping[str, Callable[[Any], bool]] = field(default_factory=dict)
    """Name → which facts the report of a batch counts under it."""

    def accepts(self, kind: str | None) -> bool:
        """Whether documents of a kind count."""
        return self.kinds is None or kind in self.kinds.accepted


def event_time_us(
    document: SourceDocument, *candidates: tuple[str, Time | None]
) -> tuple[int, bool]:
    """(instant, named by a field of its own) of the first candidate present, else `_ts`.

    Every candidate is read, also one that loses. Raises Rejected for an unreadable one, and when
    the event lies more than 24 h after the document was written.
    """
    found: tuple[str, int] | None = None
    for path, value in candidates:
        us = optional_instant_us(path, value)
        if us is not None and found is None:
            found = path, us
    if found is None:
        if document.ts is None:
            raise malformed("_ts", "a document without any time")
        return document.ts * SECOND_US, False
    path, us = found
    if document.ts is not None and us > (document.ts + FUTURE_SECONDS_MAX) * SECOND_US:
        raise invalid(path, "more than 24 h after the document was written")
    return us, True


def optional_instant_us(path: str, value: Time | None) -> int | None:
    """The instant, None where absent. Raises Rejected when it cannot be read."""
    if value is None or value == "":
        return None
    try:
        return instant_us(value)
    except ValueError as error:
        raise invalid(path, f"expected {error}") from None
