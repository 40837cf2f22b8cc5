"""Dead letters: the record of a change that cannot be applied, and what an operator needs to know.

Safe to show: a dead letter holds the names, types and sizes of what a document said and only those
values that its types call labels, words or times; never user text, never an unknown field. Small
enough to be written: of a large document it holds what fits.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

import msgspec

from cosmos_views.intake.documents import Change
from cosmos_views.intake.judging import Judged
from cosmos_views.ledger.commits import encoded_bytes
from cosmos_views.ledger.instants import instant_us
from cosmos_views.ledger.labels import LABEL_CHARACTERS_MAX, digest
from cosmos_views.ledger.owners import owner_key
from cosmos_views.ledger.versions import Version
from cosmos_views.source import Source
from cosmos_views.texts import LABEL, TIME, WORD, role_of

OMITTED = "(omitted)"
LETTER_BYTES_MAX = 64 * 1024
"""A dead letter is never larger as it is sent."""

CATEGORIES = ("malformed", "invalid", "unsupported_version", "oversize", "defect")


class Status(StrEnum):
    """Where a letter stands."""

    PENDING = "pending"
    REDRIVEN = "redriven"
    """Its version is counted, deleted or ignored now."""
    SUPERSEDED = "superseded"
    """Another version has taken its place, or the document is gone."""
    DISCARDED = "discarded"
    """An operator has said so."""


class LetterSummary(msgspec.Struct):
    """What is counted of a dead letter."""

    id: str
    category: str
    status: Status
    document_id: str
    first_failed_at: str

    def __post_init__(self) -> None:
        _check(self.category, self.first_failed_at)


class DeadLetter(msgspec.Struct):
    """A document of `poison_messages`; redelivery of the same version overwrites it."""

    id: str
    source: str
    category: str
    """One of CATEGORIES."""
    error: str
    message: str
    path: str
    document_id: str
    partition_key: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=3)]
    """Its parts as Cosmos DB writes them on the wire: `["u1"]`, `[null]`, or `[{}]` if absent."""
    version: dict[str, Any]
    first_failed_at: str
    last_failed_at: str
    worker_version: str
    correlation: dict[str, str]
    user: str | None
    """The owner's key in the state container, never the owner id."""
    document: Any
    attempts: int = 1
    status: Status = Status.PENDING
    resolution: str = ""
    """Why it is no longer pending, in a sentence."""
    resolved_at: str = ""
    ttl: int | msgspec.UnsetType = msgspec.UNSET
    """Seconds; only what is no longer pending expires."""
    truncated: bool = False
    """Of the document something, or all, was left out because of its size."""

    def __post_init__(self) -> None:
        _check(self.category, self.first_failed_at)
        if set(self.version) != set(Version._fields):
            raise ValueError("a version names its etag, ts and lsn")


def _check(category: str, first_failed_at: str) -> None:
    """What types do not say. Raises ValueError."""
    if category not in CATEGORIES:
        raise ValueError(f"a category is one of {', '.join(CATEGORIES)}")
    instant_us(first_failed_at)


def letter_id(change: Change) -> str:
    """The id of the letter about this version of this document."""
    return digest(change.entry_id, change.version.etag or "", str(change.version.ts))


def dead_letter(
    source: Source[Any],
    judged: Judged,
    raw: bytes,
    at: str,
    correlation: Mapping[str, str],
    worker: str,
) -> DeadLetter:
    """The record of one change that was rejected; `raw` is its JSON, `at` is now (ISO 8601),
    `worker` the version of this one."""
    change, rejected = judged.change, judged.rejected
    assert rejected is not None
    letter = DeadLetter(
        id=letter_id(change),
        source=change.source,
        category=rejected.category,
        error=judged.error,
        message=rejected.reason,
        path=rejected.path,
        document_id=change.document_id,
        partition_key=[{} if part is msgspec.UNSET else part for part in change.key],
        version=change.version._asdict(),
        first_failed_at=at,
        last_failed_at=at,
        worker_version=worker,
        correlation=dict(correlation),
        user=owner_key(change.owner) if change.owner else None,
        document=_document(source, raw, named=change.owner_readable),
    )
    return bounded(letter)


def bounded(letter: DeadLetter) -> DeadLetter:
    """The letter, with as much of its document, from the beginning, as it may hold."""
    if encoded_bytes(letter) <= LETTER_BYTES_MAX:
        return letter
    rest = encoded_bytes(without_document(letter))
    kept = _Cut(LETTER_BYTES_MAX - rest).of(letter.document)
    return msgspec.structs.replace(letter, document=kept, truncated=True)


def without_document(letter: DeadLetter) -> DeadLetter:
    """What is left when the account takes nothing of the document: identity, reason and path."""
    return msgspec.structs.replace(letter, document=OMITTED, truncated=True)


class _Cut:
    """Copies a value up to a number of bytes; what does not fit ends it."""

    def __init__(self, room: int) -> None:
        self._room = room

    def of(self, value: object) -> object:
        """As much of the value as there is room for."""
        if isinstance(value, dict):
            kept: dict[str, object] = {}
            for name, inner in value.items():
                if not self._takes({name: _EMPTY.get(type(inner), inner)}):
                    break
                kept[name] = self.of(inner)
            return kept
        if isinstance(value, list):
            elements: list[object] = []
            for inner in value:
                if not self._takes([_EMPTY.get(type(inner), inner)]):
                    break
                elements.append(self.of(inner))
            return elements
        return value

    def _takes(self, piece: object) -> bool:
        """Whether there is room; from the first time there is not, nothing fits."""
        self._room -= encoded_bytes(piece)
        return self._room >= 0


_EMPTY: dict[type, object] = {dict: {}, list: []}
"""Counted by their elements."""


def _document(source: Source[Any], raw: bytes, *, named: bool) -> object:
    """`named`: the letter says whose document it is, and an erasure of the owner finds it."""
    try:
        kept = safe_document(source.document, msgspec.json.decode(raw))
    except msgspec.DecodeError:
        return OMITTED
    if named or not isinstance(kept, dict):
        return kept
    return {
        name: OMITTED if name in source.owner and isinstance(value, str) else value
        for name, value in kept.items()
    }


def safe_document(document_type: type[msgspec.Struct], document: object) -> object:
    """The document reduced to the fields that its typed decoder reads, without any free text."""
    return _safe(_shape_of_document(document_type), document)


class _Shape(msgspec.Struct, frozen=True):
    """What may stand in one place: fields of an object, elements of a list, text."""

    fields: dict[str, "_Shape"] = {}
    elements: "_Shape | None" = None
    text: bool = False
    time: bool = False
    """Only text that names a time may stand here."""
    flags: bool = False
    """Anything may stand here, of which only true and false are shown."""


@cache
def _shape_of_document(document_type: type[msgspec.Struct]) -> _Shape:
    """Asking takes milliseconds, and there are three."""
    return _shape_of(msgspec.inspect.type_info(document_type))


def _shape_of(kind: msgspec.inspect.Type) -> _Shape:
    match kind:
        case msgspec.inspect.StructType():
            return _Shape(
                fields={field.encode_name: _shape_of(field.type) for field in kind.fields}
            )
        case msgspec.inspect.ListType():
            return _Shape(elements=_shape_of(kind.item_type))
        case msgspec.inspect.RawType():
            return _Shape(flags=True)
        case msgspec.inspect.Metadata():
            role = role_of(kind)
            return _Shape(text=role in (LABEL, WORD), time=role == TIME)
        case msgspec.inspect.UnionType():
            shapes = [_shape_of(inner) for inner in kind.types]
            return _Shape(
                fields={name: inner for shape in shapes for name, inner in shape.fields.items()},
                elements=next((shape.elements for shape in shapes if shape.elements), None),
                text=any(shape.text for shape in shapes),
                time=any(shape.time for shape in shapes),
                flags=any(shape.flags for shape in shapes),
            )
        case _:
            return _Shape()


def _is_time(text: str) -> bool:
    try:
        instant_us(text)
    except ValueError:
        return False
    return True


def _safe(shape: _Shape, value: object) -> object:
    if isinstance(value, dict):
        kept = {
            name: _safe(shape.fields[name], inner)
            for name, inner in value.items()
            if name in shape.fields
        }
        if shape.flags:
            kept = {name: inner for name, inner in value.items() if isinstance(inner, bool)}
        return kept if kept or not value else OMITTED
    if isinstance(value, list):
        if shape.elements is None:
            return OMITTED if value else value
        return [_safe(shape.elements, inner) for inner in value]
    if isinstance(value, str) and value:
        if shape.time:
            return value if _is_time(value) else OMITTED
        return value if shape.text and len(value) <= LABEL_CHARACTERS_MAX else OMITTED
    return value
