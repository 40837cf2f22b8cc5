"""Published views, as their readers see them: tombstones count as absent."""

from collections.abc import Sequence
from typing import Any

import msgspec
from azure.cosmos.exceptions import CosmosResourceNotFoundError
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cosmos_views.cli.columns import METADATA, at, columns_of
from cosmos_views.cli.connection import Account
from cosmos_views.cli.output import cell, table
from cosmos_views.ledger.foreign import of_form, skip
from cosmos_views.publish.view import View
from cosmos_views.store.failures import Refused
from cosmos_views.store.point_read import point_read

Document = dict[str, Any]


def read_all(target: Account, view: str, at_most: int | None = None) -> list[Document]:
    """The view's documents in order of their ids, at most so many."""
    query = "SELECT * FROM c" if at_most is None else f"SELECT TOP {at_most} * FROM c"  # noqa: S608
    try:
        found = list(target.container(view).query_items(query, enable_cross_partition_query=True))
    except CosmosResourceNotFoundError:
        raise Refused(
            f"there is no container {view}: run `python -m cosmos_views provision`"
        ) from None
    kept = [document for each in found if (document := _seen(view, each)) is not None]
    return sorted(kept, key=lambda document: document["id"])


def read_one(target: Account, view: str, key: str) -> Document | None:
    """One document, by the view's key (such as 20250805) or by its id."""
    definition = target.pack.views[view]
    for document_id, partition in _candidates(target.pack.views[view], key):
        document, _ = point_read(target.container(view), document_id, partition)
        if document is not None:
            return _seen(view, document)
    if key.startswith(f"{definition.name}_"):
        found = target.container(view).query_items(
            "SELECT * FROM c WHERE c.id = @id",
            parameters=[{"name": "@id", "value": key}],
            enable_cross_partition_query=True,
        )
        return next((seen for each in found if (seen := _seen(view, each)) is not None), None)
    return None


def _candidates(view: View, key: str) -> list[tuple[str, str]]:
    """(id, partition key) of the documents that a person may mean by a key."""
    candidates = []
    for meant in (key, key.replace("-", "")):
        try:
            candidates.append((view.document_id(meant), view.partition(meant)))
        except (ValueError, IndexError, KeyError):
            continue
    return candidates


class _Form(msgspec.Struct):
    """What every document of a view says of itself."""

    id: str
    document_type: str
    calculation_version: str
    published_at: str


def _seen(view: str, document: Document) -> Document | None:
    """Without system properties; None for a tombstone, and for what is not of the view."""
    if document.get("empty"):
        return None
    form = of_form(document, _Form, view)
    if form is None or form.document_type != view:
        skip(view, document)
        return None
    return {name: value for name, value in document.items() if not name.startswith("_")}


def as_table(view: View, documents: Sequence[Document], title: str | None = None) -> Table:
    """A few figures of each document."""
    columns = columns_of(view, list(documents))
    return table(
        list(columns),
        ([at(document, path) for path in columns.values()] for document in documents),
        title,
    )


def print_document(out: Console, document: Document) -> None:
    """Everything one document says, sections as headings, lists of objects as tables."""
    head = ", ".join(
        f"{name} {cell(document[name])}"
        for name in ("published_at", "data_as_of", "generation", "stamp")
        if name in document
    )
    out.print(Text(str(document["id"]), style="bold"))
    out.print(Text(head, style="dim"))
    shown = {
        name: value
        for name, value in document.items()
        if name not in METADATA and name not in ("id", "data_as_of")
    }
    out.print(_lines(shown))


def _lines(value: dict[str, Any]) -> RenderableType:
    parts: list[RenderableType] = []
    width = max((len(name) for name, inner in value.items() if not _nested(inner)), default=0)
    for name, inner in value.items():
        if not _nested(inner):
            shown = "–" if inner is None else cell(inner)
            parts.append(Text(f"{name:<{width}}  {shown}"))
            continue
        parts.append(Text(name, style="bold"))
        body = _rows(inner) if isinstance(inner, list) else _cells(inner)
        parts.append(Padding(body, (0, 0, 0, 2), expand=False))
    return Group(*parts)


def _nested(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _cells(value: dict[str, Any]) -> RenderableType:
    """Objects of the same shape side by side as a table, anything else line by line."""
    inner = list(value.values())
    if len(inner) > 1 and all(isinstance(one, dict) and one for one in inner):
        return _rows([{"": name, **one} for name, one in value.items()])
    return _lines(value)


def _rows(rows: list[dict[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return table(names, ([row.get(name) for name in names] for row in rows))
