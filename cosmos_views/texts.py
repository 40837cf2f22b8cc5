"""Texts: what the types of a pack's documents say about the text that stands in them.

Text without any of these types is free text: read where a fact needs to know that it is there, and
shown nowhere.
"""

from functools import cache
from typing import Annotated

import msgspec
from msgspec.inspect import Field, ListType, Metadata, StructType, Type, UnionType

_ROLE = "text"
LABEL, WORD, TIME = "label", "word", "time"

Label = Annotated[str, msgspec.Meta(extra={_ROLE: LABEL})]
"""A name that views show or tell things apart by: valid Unicode, and kept in dead letters."""
Word = Annotated[str, msgspec.Meta(extra={_ROLE: WORD})]
"""One of the words that a pack knows, or any other: kept in dead letters."""
Time = Annotated[str | int | float, msgspec.Meta(extra={_ROLE: TIME})]
"""A moment, as text, seconds or milliseconds: kept in dead letters where it can be read."""


def role_of(kind: Type) -> str | None:
    """What text of a type is: LABEL, WORD, TIME, or None for free text and for no text."""
    match kind:
        case Metadata(extra=extra) if extra and _ROLE in extra:
            return str(extra[_ROLE])
        case Metadata():
            return role_of(kind.type)
        case UnionType():
            return next(filter(None, map(role_of, kind.types)), None)
        case ListType():
            return role_of(kind.item_type)
        case _:
            return None


@cache
def fields_of(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The fields of a struct, as `msgspec.inspect` tells them."""
    kind = msgspec.inspect.type_info(struct)
    assert isinstance(kind, StructType)
    return kind.fields


@cache
def fields_in(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The same, with those of every struct that stands in it."""
    found = list(fields_of(struct))
    for field in found:
        found.extend(one for inner in structs_in(field.type) for one in fields_of(inner.cls))
    return tuple(found)


def structs_in(kind: Type) -> list[StructType]:
    """The structs that may stand where a type stands."""
    match kind:
        case StructType():
            return [kind]
        case ListType():
            return structs_in(kind.item_type)
        case Metadata():
            return structs_in(kind.type)
        case UnionType():
            return [inner for one in kind.types for inner in structs_in(one)]
        case _:
            return []
