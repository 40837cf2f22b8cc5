"""Source documents: the text a trigger hands over, read once with a typed decoder.

Only the fields that views.md names are decoded; unknown ones are skipped unread. One malformed
document never spoils its batch: the batch is then read document by document, and what cannot be
read keeps its identity and version and carries the reason, naming the field's path and never its
value.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import accumulate
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec

from cosmos_views.intake.raw_json import DEPTH_MAX, HALF, as_text, half_named, shallow, split
from cosmos_views.ledger.entries import entry_id
from cosmos_views.ledger.labels import digest
from cosmos_views.ledger.versions import Order, Version, order
from cosmos_views.source import Rejected, Source, SourceDocument, invalid, malformed
from cosmos_views.texts import fields_of, structs_in

OWNER_BYTES_MAX = 900
D = TypeVar("D", bound=SourceDocument)
T = TypeVar("T")


class Change(msgspec.Struct):
    """One delivered document version, not yet judged."""

    source: str
    document_id: str
    key: tuple[Any, ...]
    """The parts of its partition key: text, None for null, UNSET for absent, or whatever stands
    there."""
    entry_id: str
    version: Version
    owner: str | None
    owner_readable: bool
    """False when the fields naming the owner could not be read: it may still have one."""
    key_names_owner: bool
    """Where no field names the owner: a part of the key is one of those fields, and text."""
    kind: str | None
    """None when what stands there is not text, or where the source knows no kinds."""
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
        change = _change(source, msgspec.json.decode(raw, type=source.document))
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
    except msgspec.DecodeError:
        try:
            return _readable(as_text(json.loads(raw)).encode())
        except ValueError:
            return raw, None  # not JSON at all, as the decoder will say
        except RecursionError:
            pass
    except RecursionError:
        pass
    else:
        return raw, None
    # Without what is nested too deep it may still hold half of a surrogate pair.
    raw, _ = _readable(shallow(raw.decode()).encode())
    return raw, malformed("$", f"nested deeper than {DEPTH_MAX} levels")


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
    except RecursionError:
        return _is_json(shallow(text))
    except ValueError:
        return False
    return True


@cache
def _decoder(source: Source[D]) -> msgspec.json.Decoder[list[D]]:
    return msgspec.json.Decoder(list[source.document])  # type: ignore[name-defined]  # a type held by a value


class _Said(NamedTuple):
    """What a document says of itself, each in the order of the source's paths."""

    key: Sequence[Any]
    owner: Sequence[Any]
    kind: Sequence[Any]
    deleted: Sequence[Any]
    schema: Sequence[Any]


class _Reader:
    """Takes what documents of a source say of themselves out of them, decoded or not."""

    def __init__(self, source: Source[Any]) -> None:
        groups = (
            source.key,
            source.owner,
            () if source.kinds is None else source.kinds.fields,
            source.deleted,
            () if source.schema is None else source.schema[:1],
        )
        self._paths = [path.split("/") for group in groups for path in group]
        ends = list(accumulate(map(len, groups)))
        self._slices = [slice(*bounds) for bounds in zip([0, *ends], ends, strict=False)]
        self._attributes = [_attributes(source.document, path) for path in self._paths]
        nested = any(len(path) > 1 for path in self._paths)
        # With the id there are always several, so that what is got is a tuple.
        at_once = attrgetter(*(".".join(path) for path in self._attributes), "id")
        self._values: Callable[[Any], Sequence[Any]] = self._one_by_one if nested else at_once

    def of_document(self, document: SourceDocument) -> _Said:
        """Of a document that was decoded."""
        values = self._values(document)
        return _Said(*[values[one] for one in self._slices])

    def of_members(self, members: Mapping[str, Any]) -> _Said:
        """Of one that could not be, whatever stands in the places of its fields."""
        values = [_at(members, path, _member) for path in self._paths]
        return _Said(*[values[one] for one in self._slices])

    def names(self) -> set[str]:
        """The members of a document that it takes something out of."""
        return {path[0] for path in self._paths}

    def _one_by_one(self, document: SourceDocument) -> Sequence[Any]:
        return [_at(document, path, getattr) for path in self._attributes]


@cache
def _reader(source: Source[Any]) -> _Reader:
    return _Reader(source)


def _attributes(document: type[msgspec.Struct], path: Sequence[str]) -> list[str]:
    """The attributes that lead along a path. LookupError where no type declares them."""
    found: list[str] = []
    struct: type[msgspec.Struct] | None = document
    for name in path:
        fields = {} if struct is None else {one.encode_name: one for one in fields_of(struct)}
        if name not in fields:
            where = "/".join(path)
            raise LookupError(f"{document.__name__} has no field {where}, which its source names")
        found.append(fields[name].name)
        struct = next((one.cls for one in structs_in(fields[name].type)), None)
    return found


def _at(value: Any, path: Sequence[str], get: Callable[[Any, str], Any]) -> Any:
    for name in path:
        value = msgspec.UNSET if value is None or value is msgspec.UNSET else get(value, name)
    return value


def _member(value: Any, name: str) -> Any:
    return value.get(name, msgspec.UNSET) if isinstance(value, Mapping) else msgspec.UNSET


def _change(source: Source[D], document: D) -> Change:
    said = _reader(source).of_document(document)
    owner, rejected = _owner(source, said.owner)
    kind = _first(said.kind) or _default_kind(source)
    deleted = _is_deleted(said)
    key = tuple(said.key)
    return Change(
        source=source.container,
        document_id=document.id,
        key=key,
        entry_id=entry_id(source.container, key, document.id),
        version=Version(document.etag, document.ts, document.lsn),
        owner=owner,
        # A soft delete or an ignored version that names no owner may stand for one that did.
        owner_readable=owner is not None
        or not source.owner
        or (rejected is None and not deleted and source.accepts(kind)),
        key_names_owner=owner is None and _names_owner(source, key),
        kind=kind,
        deleted=deleted,
        ttl_seconds=_own_ttl(document.ttl),
        document=document,
        rejected=_of_schema(source, said.schema) or rejected,
        rid=document.rid or "",
    )


def _undecodable(source: Source[D], raw: bytes | msgspec.Raw, error: msgspec.DecodeError) -> Change:
    reader = _reader(source)
    try:
        members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        asked = members.keys() & {*reader.names(), "id", "ttl", "_etag", "_ts", "_lsn", "_rid"}
        known: dict[str, Any] = {name: msgspec.json.decode(members[name]) for name in asked}
    except msgspec.DecodeError:
        known = {}
    said = reader.of_members(known)
    kind, rejected = _kind(source, said.kind)
    owner, owner_readable = _readable_owner(source, said.owner)
    document_id = _typed(known, "id", str) or ""
    key = tuple(said.key)
    return Change(
        source=source.container,
        document_id=document_id,
        key=key,
        entry_id=entry_id(
            source.container,
            key,
            # Without an id the text itself tells one such document from another.
            document_id or digest(bytes(raw).decode("utf-8", "replace")),
        ),
        version=Version(
            _typed(known, "_etag", str), _typed(known, "_ts", int), _typed(known, "_lsn", int)
        ),
        owner=owner,
        owner_readable=owner_readable,
        key_names_owner=owner is None and _names_owner(source, key),
        kind=kind,
        deleted=_is_deleted(said),
        ttl_seconds=_own_ttl(known.get("ttl")),
        document=None,
        rejected=_of_schema(source, said.schema) or rejected or _reason(error),
        rid=_typed(known, "_rid", str) or "",
    )


def _typed(members: Mapping[str, Any], name: str, of: type[T]) -> T | None:
    value = members.get(name)
    return value if type(value) is of else None


def _first(said: Sequence[Any]) -> Any:
    for value in said:
        if value:
            return value
    return None


def _is_deleted(said: _Said) -> bool:
    for value in said.deleted:  # noqa: SIM110 - takes half the time of a generator
        if value is True:
            return True
    return False


def _names_owner(source: Source[Any], key: Sequence[Any]) -> bool:
    return any(
        isinstance(part, str) and part != "" and path in source.owner
        for path, part in zip(source.key, key, strict=True)
    )


def _of_schema(source: Source[Any], said: Sequence[Any]) -> Rejected | None:
    """Newer than this worker knows: after an upgrade, redrive counts it."""
    if source.schema is None or said[0] is None or said[0] is msgspec.UNSET:
        return None
    path, newest = source.schema
    version = said[0]
    if isinstance(version, bool) or not isinstance(version, int | float):
        return malformed(path, "expected a whole number")
    if version != version // 1:
        return invalid(path, "expected a whole number")
    if version <= newest:
        return None
    reason = f"version {version:.0f} is newer than {newest}, deploy a newer worker"
    return Rejected("unsupported_version", path, reason)


def _default_kind(source: Source[Any]) -> str | None:
    return None if source.kinds is None else source.kinds.accepted[0]


def _kind(source: Source[Any], said: Sequence[Any]) -> tuple[str | None, Rejected | None]:
    names = () if source.kinds is None else source.kinds.fields
    for name, value in zip(names, said, strict=True):
        if value is None or value is msgspec.UNSET or value == "":
            continue
        if not isinstance(value, str):
            return None, malformed(name, "a kind is text")
        return value, None
    return _default_kind(source), None


def _owner(source: Source[Any], said: Sequence[Any]) -> tuple[str | None, Rejected | None]:
    """(the owner, why the document is invalid): the first name present; all of them are checked."""
    owner: str | None = None
    for value in said:
        if value:
            if len(value) * 4 > OWNER_BYTES_MAX:
                return _long_owner(source, said)
            owner = owner or value
    return owner, None


def _long_owner(source: Source[Any], said: Sequence[Any]) -> tuple[str | None, Rejected | None]:
    """The same where a name may be too long."""
    owner: str | None = None
    rejected: Rejected | None = None
    for name, value in zip(source.owner, said, strict=True):
        if value:
            if len(value) * 4 > OWNER_BYTES_MAX and len(value.encode()) > OWNER_BYTES_MAX:
                rejected = rejected or invalid(name, f"an owner is at most {OWNER_BYTES_MAX} bytes")
                if owner is None:
                    return None, rejected
            else:
                owner = owner or value
    return owner, rejected


def _readable_owner(source: Source[Any], said: Sequence[Any]) -> tuple[str | None, bool]:
    for value in said:
        if value is None or value is msgspec.UNSET or value == "":
            continue
        if isinstance(value, str) and len(value.encode()) <= OWNER_BYTES_MAX:
            return value, True
        return None, False
    return None, not source.owner


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
