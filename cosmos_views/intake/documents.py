"""Source documents: the text a trigger hands over, read once with a typed decoder.

Only the fields that views.md names are decoded; unknown ones are skipped unread. One malformed
document never spoils its batch: the batch is then read document by document, and what cannot be
read keeps its identity and version and carries the reason, naming the field's path and never its
value.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from cosmos_views.intake.raw_json import DEPTH_MAX, HALF, as_text, half_named, shallow, split
from cosmos_views.ledger.entries import entry_id
from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.instants import DAY_SECONDS, SECOND_US, instant_us
from cosmos_views.ledger.labels import digest
from cosmos_views.ledger.versions import Order, Version, order

USER_BYTES_MAX = 900
SCHEMA_VERSION = 1
"""The newest `schema_version` of source documents that this worker reads."""
FUTURE_SECONDS_MAX = DAY_SECONDS
"""An event may lie this far after its document's `_ts`; further is a wrong clock."""

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=3_600_000)]
Tokens = Annotated[float, msgspec.Meta(ge=0, le=10_000_000)]
Time = str | int | float


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
    """What every source document has: identity, kind, soft delete, system properties."""

    id: str
    user_id: str | msgspec.UnsetType | None = msgspec.UNSET
    user_alias: str | None = msgspec.field(name="userId", default=None)
    partition_key: str | None = None
    document_type: str | None = None
    type: str | None = None
    is_deleted: bool | None = None
    deleted: bool | None = None
    created_at: Time | None = None
    schema_version: Any = None
    ttl: Any = None
    etag: str | None = msgspec.field(name="_etag", default=None)
    ts: int | None = msgspec.field(name="_ts", default=None)
    lsn: int | None = msgspec.field(name="_lsn", default=None)
    rid: str | None = msgspec.field(name="_rid", default=None)


class Envelope(msgspec.Struct):
    """The same properties of a document that could not be decoded, whatever their types."""

    id: Any = None
    user_id: Any = msgspec.UNSET
    user_alias: Any = msgspec.field(name="userId", default=None)
    partition_key: Any = None
    document_type: Any = None
    type: Any = None
    is_deleted: Any = None
    deleted: Any = None
    schema_version: Any = None
    ttl: Any = None
    etag: Any = msgspec.field(name="_etag", default=None)
    ts: Any = msgspec.field(name="_ts", default=None)
    lsn: Any = msgspec.field(name="_lsn", default=None)
    rid: Any = msgspec.field(name="_rid", default=None)


D = TypeVar("D", bound=SourceDocument)


@dataclass(frozen=True, eq=False)
class Source(Generic[D]):
    """One source container: which kinds it holds and how a document of it becomes a fact."""

    container: str
    kinds: tuple[str, ...]
    """Accepted kinds; the first is what a document without one is."""
    document_type: type[D]
    fact: type[Any]
    """What a document becomes, as entries store it."""
    to_fact: Callable[[D], Fact]
    """Raises Rejected; never asks anything but the document and the price table."""
    notes: Mapping[str, Callable[[Any], bool]] = field(default_factory=dict)
    """Name → which facts the report of a batch counts under it."""


class Change(msgspec.Struct):
    """One delivered document version, not yet judged."""

    source: str
    document_id: str
    partition_key: Any
    """The value at `/user_id`: text, None for null, UNSET for absent, or whatever stands there."""
    entry_id: str
    version: Version
    user: str | None
    user_readable: bool
    """False when the fields naming the user could not be read: it may still have one."""
    kind: str | None
    """None when what stands there is no text."""
    deleted: bool
    ttl_seconds: int | None
    """The document's own `ttl`; None where its container decides."""
    document: SourceDocument | None
    rejected: Rejected | None
    raw: bytes | None = None
    """The document's JSON, where it was read by itself."""
    position: int = 0
    """Its place in the batch's text."""
    rid: str = ""
    """`_rid`: the service's own name of the document; empty where it has none."""
    doubtful: bool = False
    """Only the source can tell whether this is the newest version in its batch."""


def read_batch(source: Source[D], text: str | bytes) -> list[Change]:
    """The changes of one trigger batch (a JSON array of documents), in delivered order.

    Raises msgspec.DecodeError when the text is no JSON array: then nothing can be told apart, and
    nothing may be dropped.
    """
    if isinstance(text, bytes):
        text = text.decode()
    try:
        if HALF in text:
            raise msgspec.DecodeError("some text may not be valid Unicode")
        changes = [_change(source, document) for document in _decoder(source).decode(text)]
    except (msgspec.DecodeError, RecursionError):
        changes = [read_document(source, raw) for raw in raw_documents(text)]
    for position, change in enumerate(changes):
        change.position = position
    return changes


def read_document(source: Source[D], raw: bytes | msgspec.Raw) -> Change:
    """The change that one document's JSON is."""
    raw, rejected = _readable(bytes(raw))
    try:
        change = _change(source, msgspec.json.decode(raw, type=source.document_type))
    except msgspec.DecodeError as error:
        change = _undecodable(source, raw, error)
    if HALF.encode() in raw and (path := half_named(change.document)) is not None:
        rejected = rejected or invalid(path, "half of a surrogate pair")
    change.rejected = rejected or change.rejected
    change.raw = raw
    return change


def _readable(raw: bytes) -> tuple[bytes, Rejected | None]:
    """What the decoders can read of a document, and why it is invalid if that is not all of it."""
    try:
        msgspec.json.decode(raw)
    except RecursionError:
        rejected = malformed("$", f"nested deeper than {DEPTH_MAX} levels")
        return shallow(raw.decode()).encode(), rejected
    except msgspec.DecodeError:
        with suppress(ValueError):  # then it is not JSON at all, as the decoder will say
            raw = as_text(json.loads(raw)).encode()
    return raw, None


def coalesced(changes: list[Change]) -> tuple[list[Change], int, int]:
    """(the newest change of each document, duplicates, superseded) of one batch.

    Where system properties cannot tell which is newer, the one kept is marked doubtful.
    """
    newest: dict[str, Change] = {}
    duplicates = superseded = 0
    for change in changes:
        kept = newest.get(change.entry_id)
        match order(change.version, None if kept is None else kept.version):
            case Order.DUPLICATE:
                duplicates += 1
                continue
            case Order.DOUBTFUL:
                assert kept is not None, "nothing is doubtful beside nothing"
                # Its source will be read, and no reading older than either of them be trusted.
                kept, change = sorted((kept, change), key=_written_at)
                change.doubtful = True
        if kept is not None:
            superseded += 1
            change.doubtful |= kept.doubtful
        newest[change.entry_id] = change
    return list(newest.values()), duplicates, superseded


def _written_at(change: Change) -> int:
    return change.version.ts or 0


def raw_documents(text: str) -> list[msgspec.Raw]:
    """The JSON of each document of a batch, untouched."""
    try:
        return msgspec.json.decode(text, type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        if isinstance(error, msgspec.ValidationError) or not _is_json(text):
            raise
    except RecursionError:
        pass
    return [msgspec.Raw(one.encode()) for one in split(text)]


def _is_json(text: str) -> bool:
    """Also where a text holds half of a surrogate pair, which `msgspec` refuses."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@cache
def _decoder(source: Source[D]) -> msgspec.json.Decoder[list[D]]:
    return msgspec.json.Decoder(list[source.document_type])  # type: ignore[name-defined]  # a type held by a value


def _change(source: Source[D], document: D) -> Change:
    user, rejected = _user(document)
    kind = document.document_type or document.type or source.kinds[0]
    deleted = document.is_deleted is True or document.deleted is True
    pk = document.user_id
    return Change(
        source=source.container,
        document_id=document.id,
        partition_key=pk,
        entry_id=entry_id(source.container, pk, document.id),
        version=Version(document.etag, document.ts, document.lsn),
        user=user,
        # A soft delete or an ignored version that names no user may stand for one that did.
        user_readable=user is not None
        or (rejected is None and not deleted and kind in source.kinds),
        kind=kind,
        deleted=deleted,
        ttl_seconds=_own_ttl(document.ttl),
        document=document,
        rejected=_of_schema(document.schema_version) or rejected,
        rid=document.rid or "",
    )


def _undecodable(source: Source[D], raw: bytes | msgspec.Raw, error: msgspec.DecodeError) -> Change:
    try:
        envelope = msgspec.json.decode(raw, type=Envelope)
    except msgspec.DecodeError:
        envelope = Envelope()
    kind, rejected = _kind(source, envelope)
    user, user_readable = _readable_user(envelope)
    document_id = envelope.id if isinstance(envelope.id, str) else ""
    return Change(
        source=source.container,
        document_id=document_id,
        partition_key=envelope.user_id,
        entry_id=entry_id(
            source.container,
            envelope.user_id,
            # Without an id the text itself tells one such document from another.
            document_id or digest(bytes(raw).decode("utf-8", "replace")),
        ),
        version=Version(
            envelope.etag if isinstance(envelope.etag, str) else None,
            envelope.ts if type(envelope.ts) is int else None,
            envelope.lsn if type(envelope.lsn) is int else None,
        ),
        user=user,
        user_readable=user_readable,
        kind=kind,
        deleted=envelope.is_deleted is True or envelope.deleted is True,
        ttl_seconds=_own_ttl(envelope.ttl),
        document=None,
        rejected=_of_schema(envelope.schema_version) or rejected or _reason(error),
        rid=envelope.rid if isinstance(envelope.rid, str) else "",
    )


def _of_schema(version: Any) -> Rejected | None:
    """Newer than this worker knows: after an upgrade, redrive counts it. Documents that carry no
    version are of version 1, in any of the shapes of views.md."""
    if version is None:
        return None
    if isinstance(version, bool) or not isinstance(version, int | float):
        return malformed("schema_version", "expected a whole number")
    if version != version // 1:
        return invalid("schema_version", "expected a whole number")
    if version <= SCHEMA_VERSION:
        return None
    reason = f"version {version:.0f} is newer than {SCHEMA_VERSION}, deploy a newer worker"
    return Rejected("unsupported_version", "schema_version", reason)


def _kind(source: Source[Any], envelope: Envelope) -> tuple[str | None, Rejected | None]:
    for name, value in (("document_type", envelope.document_type), ("type", envelope.type)):
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            return None, malformed(name, "a kind is text")
        return value, None
    return source.kinds[0], None


def _user(document: SourceDocument) -> tuple[str | None, Rejected | None]:
    """(the user, why the document is invalid): the first name present; all of them are checked."""
    user: str | None = None
    rejected: Rejected | None = None
    for name, value in (
        ("user_id", document.user_id),
        ("userId", document.user_alias),
        ("partition_key", document.partition_key),
    ):
        if value:
            if len(value) * 4 > USER_BYTES_MAX and len(value.encode()) > USER_BYTES_MAX:
                rejected = rejected or invalid(name, f"a user is at most {USER_BYTES_MAX} bytes")
                if user is None:
                    return None, rejected
            else:
                user = user or value
    return user, rejected


def _readable_user(envelope: Envelope) -> tuple[str | None, bool]:
    for value in (envelope.user_id, envelope.user_alias, envelope.partition_key):
        if value is None or value is msgspec.UNSET or value == "":
            continue
        if isinstance(value, str) and len(value.encode()) <= USER_BYTES_MAX:
            return value, True
        return None, False
    return None, False


def _own_ttl(ttl: Any) -> int | None:
    return ttl if type(ttl) is int and (ttl > 0 or ttl == -1) else None


_PATH_MARK = " - at `$"


def _reason(error: msgspec.DecodeError) -> Rejected:
    """msgspec says `Expected …, got … - at `$.path``: types and bounds, never values."""
    if not isinstance(error, msgspec.ValidationError):
        return malformed("$", "not readable as JSON")
    message, mark, path = str(error).partition(_PATH_MARK)
    make = malformed if ", got `" in message or "missing required" in message else invalid
    return make(
        path.rstrip("`").lstrip(".") or "$" if mark else "$", message[:1].lower() + message[1:]
    )


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
