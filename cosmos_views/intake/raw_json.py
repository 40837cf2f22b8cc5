"""JSON that the typed decoder refuses as a whole: nested too deep, or with half a surrogate pair.

Guarantee: each document is told from its neighbours whatever it holds, and what can be read of it
is read, its identity before all.
"""

import json
import re
from collections.abc import Iterator

import msgspec

from cosmos_views.texts import LABEL, fields_of, role_of

DEPTH_MAX = 128
"""How deep Azure Cosmos DB lets objects and lists be nested ("Azure Cosmos DB service quotas")."""
HALF = "\uffff"
"""Stands for half of a surrogate pair, which UTF-8 cannot hold. No text should use it itself."""

_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)
_HALVES = re.compile("[\ud800-\udfff]")


def split(batch: str) -> Iterator[str]:
    """The JSON of each object of a list. It does not recurse, so nothing is too deep for it."""
    depth = start = 0
    for token in _TOKENS.finditer(batch):
        if token[0] in ("[", "{"):
            depth += 1
            if depth == 2:
                start = token.start()
        elif token[0] in ("]", "}"):
            depth -= 1
            if depth == 1:
                yield batch[start : token.end()]


def shallow(document: str) -> str:
    """The document with null in place of whatever is nested too deep."""
    kept = []
    depth = start = 0
    for token in _TOKENS.finditer(document):
        if token[0] in ("[", "{"):
            depth += 1
            if depth == DEPTH_MAX + 1:
                kept += [document[start : token.start()], "null"]
        elif token[0] in ("]", "}"):
            if depth == DEPTH_MAX + 1:
                start = token.end()
            depth -= 1
    return "".join([*kept, document[start:]])


def as_text(value: object) -> str:
    """JSON text of what the SDK or `json` has read, which may hold halves of surrogate pairs."""
    return _HALVES.sub(HALF, json.dumps(value, ensure_ascii=False))


def half_named(struct: msgspec.Struct | None, path: str = "") -> str | None:
    """The path of the first label of a decoded document that holds half of a surrogate pair; None
    where all are valid."""
    if struct is None:
        return None
    for field in fields_of(type(struct)):
        value = getattr(struct, field.name)
        for place, one in enumerate(value) if isinstance(value, list) else ((None, value),):
            where = path + field.encode_name + ("" if place is None else f"[{place}]")
            if isinstance(one, msgspec.Struct):
                if found := half_named(one, f"{where}."):
                    return found
            elif isinstance(one, str) and HALF in one and role_of(field.type) == LABEL:
                return where
    return None
