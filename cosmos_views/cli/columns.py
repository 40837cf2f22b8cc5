"""What a table of a view shows: a few figures of each document, by their path.

A view that names no columns is shown by its first plain fields, so a new view needs none.
"""

from collections.abc import Mapping
from typing import Any

from cosmos_views.publish.view import View

METADATA = frozenset(
    {"document_type", "stamp", "calculation_version", "generation", "published_at", "ttl"}
)
PLAIN_FIELDS_MAX = 8


def columns_of(view: View, documents: list[dict[str, Any]]) -> dict[str, str]:
    """The columns of a view's table; columns that no document fills are left out."""
    columns = view.columns or _plain(documents)
    return {
        heading: path
        for heading, path in columns.items()
        if any(at(document, path) is not None for document in documents)
    }


def at(document: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, None where there is none."""
    value: Any = document
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _plain(documents: list[dict[str, Any]]) -> dict[str, str]:
    names = [
        name
        for name, value in (documents[0] if documents else {}).items()
        if name not in METADATA and not isinstance(value, dict | list)
    ]
    return {name: name for name in names[:PLAIN_FIELDS_MAX]}
