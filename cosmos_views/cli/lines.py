"""JSON lines of source documents: which container each belongs to, and what is wrong with a line.

Reading streams, so a file may be larger than memory; a bad line never stops the good ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cosmos_views.intake.documents import Change, read_document
from cosmos_views.pack import Pack
from cosmos_views.source import Source

SYSTEM_PROPERTIES = ("_rid", "_self", "_etag", "_attachments", "_ts", "_lsn")


class CannotRead(Exception):
    """A file cannot be opened; the message says why."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that was reported instead of applied."""

    place: str
    """`{file}:{line}`, or the file alone."""
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """One document on its way into a source container."""

    place: str
    size: int
    """Bytes of JSON."""
    document: dict[str, Any]
    change: Change
    """As the processor will read it: identity, owner, kind."""

    @property
    def source(self) -> str:
        """The container."""
        return self.change.source


def read_lines(
    pack: Pack, path: Path, fallback: str | None
) -> Iterator[tuple[int, Line | Problem]]:
    """(bytes read, the line or what is wrong with it); `fallback` takes documents whose kind is
    absent or unknown. Raises CannotRead."""
    try:
        with path.open("rb") as file:
            for number, text in enumerate(file, start=1):
                if text.strip():
                    yield len(text), _line(pack, f"{path.name}:{number}", text, fallback)
    except OSError as error:
        raise CannotRead(f"cannot read {path}: {error.strerror}") from None


def _line(pack: Pack, place: str, text: bytes, fallback: str | None) -> Line | Problem:
    try:
        document = msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"))
    except msgspec.DecodeError as error:
        return Problem(place, f"not JSON: {error}")
    except UnicodeDecodeError:
        return Problem(place, "not JSON: not UTF-8")
    if not isinstance(document, dict):
        return Problem(place, "not a document: a JSON object is expected")
    if not isinstance(document.get("id"), str) or not document["id"]:
        return Problem(place, "a document without an id: `id` has to be text")
    source = _source_of(pack, document, fallback)
    if isinstance(source, str):
        return Problem(place, source)
    for name in SYSTEM_PROPERTIES:
        document.pop(name, None)
    return as_line(place, document, source)


def as_line(place: str, document: dict[str, Any], source: Source[Any]) -> Line:
    """A document that is known to belong to a source."""
    raw = msgspec.json.encode(document)
    return Line(place, len(raw), document, read_document(source, raw))


def _source_of(pack: Pack, document: dict[str, Any], fallback: str | None) -> Source[Any] | str:
    """The source a document belongs to, or why there is none."""
    kind: Any = None
    for source in pack.sources:
        if source.kinds is not None:
            kind = kind or next(filter(None, map(document.get, source.kinds.fields)), None)
            if isinstance(kind, str) and kind in source.kinds.accepted:
                return source
    if fallback is not None:
        return pack.source(fallback)
    if not kind:
        return "no document_type: say with --source where it belongs"
    if not isinstance(kind, str):
        return "a document_type that is no text: say with --source where it belongs"
    return f"unknown document_type {kind!r}: say with --source where it belongs"
