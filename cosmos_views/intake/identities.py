"""Identities: what the host may have rewritten on the way is read again as it is stored.

The Functions host rewrites every text that looks like a date and time, ids, owners and labels too,
so that two ids can arrive as one, and none of them as it is. From the text that arrives nobody can
tell what it was. Its form tells whether the host may have written it, and `_rid`, which no host
rewrites, finds the document (docs/delivery.md, "Texts that look like a date").

Guarantee: whatever is judged has the identity, the owner and the labels that its source holds. What
its source no longer holds is gone: it is not decided, so that no entry stands in the way of a later
reading.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec

from cosmos_views.intake.documents import Change, read_document
from cosmos_views.intake.doubts import DOUBT_PAUSE_SECONDS
from cosmos_views.intake.ports import Sources
from cosmos_views.source import Source
from cosmos_views.texts import LABEL, TIME, WORD, fields_in, fields_of, role_of

RECENT_SECONDS = 60
"""What was written again while its batch was under way, was so within this time."""

_SYSTEM = frozenset({"_etag", "_rid"})
_SHORTEST, _AT_T = len("2025-08-05T14:39:15"), len("2025-08-05")
_WRITTEN = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{0,6}[1-9])?(?:Z|[+-]\d\d:\d\d)?", re.ASCII
)
"""The one form in which Newtonsoft.Json writes a date."""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""What the host writes for half of a surrogate pair."""


def may_be_rewritten(text: str) -> bool:
    """Whether the host may have written this text, for itself or for another one."""
    if _REPLACEMENT in text:
        return True
    return len(text) >= _SHORTEST and text[_AT_T] == "T" and _WRITTEN.fullmatch(text) is not None


def as_stored(
    source: Source[Any],
    changes: list[Change],
    sources: Sources,
    now_seconds: int,
    wait: Callable[[float], None],
) -> tuple[list[Change], int]:
    """(the changes, those in doubt as their source holds them; how many are gone from it). Raises
    Transient.

    A reading may lag: the first one is trusted only where it shows the very version or a later one,
    which is then taken instead; else a second one, after a pause, decides.
    """
    doubtful = [change for change in changes if change.rid and _in_doubt(source, change)]
    if not doubtful:
        return changes, 0
    found = _read(source, doubtful, sources, None)
    unclear = [each for each in doubtful if not _is_current(found.get(each.position), each)]
    if unclear:
        wait(DOUBT_PAUSE_SECONDS)
        again = _read(source, unclear, sources, now_seconds - RECENT_SECONDS)
        found |= {each.position: again.get(each.position) for each in unclear}
    kept = [found.get(change.position, change) for change in changes]
    stored = [change for change in kept if change is not None]
    return stored, len(changes) - len(stored)


def _read(
    source: Source[Any], changes: Sequence[Change], sources: Sources, since: int | None
) -> dict[int, Change | None]:
    """By place in the batch, what the source shows of each document."""
    seconds: dict[str, int] = defaultdict(int)
    for change in changes:
        seconds[change.rid] = max(seconds[change.rid], change.version.ts or 0)
    shown = sources.by_rid(source.container, seconds, since)
    found: dict[int, Change | None] = {}
    for change in changes:
        raw = shown.get(change.rid)
        if raw is not None:
            stored = read_document(source, raw)
            if stored.version.etag == change.version.etag:
                # A reading does not show it, and the entry keeps it.
                stored.version = stored.version._replace(lsn=change.version.lsn)
            found[change.position] = stored
    return found


def _is_current(found: Change | None, change: Change) -> bool:
    """Whether a reading plainly is the delivered version, or a later one."""
    if found is None:
        return False
    same = found.version.etag == change.version.etag
    return same or (found.version.ts or 0) > (change.version.ts or 0)


def _in_doubt(source: Source[Any], change: Change) -> bool:
    """Whether any text of a change that is not a time may have been rewritten: of a readable
    document those that its decoder names, of another one all."""
    if change.document is not None:
        return _struct_in_doubt(change.document)
    try:
        return _value_in_doubt(msgspec.json.decode(change.raw or b"null"), _not_asked(source))
    except (msgspec.DecodeError, RecursionError):
        known = [change.document_id, *change.key, change.owner, change.kind]
        return _value_in_doubt(known, frozenset())


def _struct_in_doubt(struct: msgspec.Struct) -> bool:
    # Of each change in turn, and hardly ever true: no call for what is short or absent.
    for value in filter(None, _texts(struct.__class__)(struct)):
        if value.__class__ is str:
            dated = len(value) >= _SHORTEST and value[_AT_T] == "T"
            if (dated or _REPLACEMENT in value) and may_be_rewritten(value):
                return True
        elif _value_in_doubt(value, _SYSTEM):
            return True
    return False


def _value_in_doubt(value: Any, not_asked: frozenset[str]) -> bool:
    if isinstance(value, msgspec.Struct):
        return _struct_in_doubt(value)
    if isinstance(value, list):
        return any(_value_in_doubt(one, not_asked) for one in value)
    if isinstance(value, dict):
        shown = (inner for name, inner in value.items() if name not in not_asked)
        return any(_value_in_doubt(one, not_asked) for one in shown)
    return isinstance(value, str) and may_be_rewritten(value)


@cache
def _not_asked(source: Source[Any]) -> frozenset[str]:
    """Names of times and of free text that a decoder reads, and system properties."""
    document: type[msgspec.Struct] = source.document
    known = fields_in(document)
    asked = {field.encode_name for field in known if role_of(field.type) in (LABEL, WORD)}
    free = {field.encode_name for field in known if _is_text(field.type)}
    times = {field.encode_name for field in known if role_of(field.type) == TIME}
    return frozenset((free | times) - asked) | _SYSTEM


@cache
def _texts(of: type[msgspec.Struct]) -> Callable[[Any], tuple[Any, ...]]:
    """What takes the values out of a struct that may be or hold such texts."""
    names = [field.name for field in fields_of(of) if _may_hold_text(field)]
    # One more, so that there are always several.
    return attrgetter(*names, names[0])


def _may_hold_text(field: msgspec.inspect.Field) -> bool:
    if role_of(field.type) in (LABEL, WORD):
        return field.encode_name not in _SYSTEM
    return _holds_struct(field.type)


def _holds_struct(kind: msgspec.inspect.Type) -> bool:
    """Whether a struct with such texts may stand here."""
    match kind:
        case msgspec.inspect.UnionType():
            return any(map(_holds_struct, kind.types))
        case msgspec.inspect.ListType():
            return _holds_struct(kind.item_type)
        case msgspec.inspect.StructType():
            return any(map(_may_hold_text, kind.fields))
        case _:
            return False


def _is_text(kind: msgspec.inspect.Type) -> bool:
    if isinstance(kind, msgspec.inspect.UnionType):
        return any(map(_is_text, kind.types))
    return isinstance(kind, msgspec.inspect.StrType)
