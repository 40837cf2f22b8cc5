"""View documents: what is rendered, with the metadata that every view carries."""

from collections.abc import Mapping
from typing import Any

from cosmos_views.ledger.instants import SECOND_US, iso
from cosmos_views.publish.view import View

TOMBSTONE_TTL_SECONDS = 3_600
"""A tombstone stays this long, so that a publisher that read earlier cannot bring the key back."""
METADATA = frozenset({"calculation_version", "generation", "stamp", "data_as_of", "published_at"})


def view_document(
    view: View,
    key: str,
    rendered: Mapping[str, Any] | None,
    *,
    stamp: list[int],
    as_of_seconds: int,
    now_ms: int,
) -> dict[str, Any]:
    """The document of one key; a tombstone, which readers treat as absent, when nothing counts."""
    document = {
        "id": view.document_id(key),
        view.partition_key: view.partition(key),
        "document_type": view.name,
        "stamp": stamp,
    }
    if rendered is None:
        return {**document, "empty": True, "ttl": TOMBSTONE_TTL_SECONDS}
    return {
        **document,
        "ttl": view.ttl_seconds,
        **rendered,
        "calculation_version": view.calculation_version,
        "generation": stamp[0],
        "data_as_of": iso(as_of_seconds * SECOND_US),
        "published_at": iso(now_ms * 1_000),
    }


def stamp_of(document: Mapping[str, Any]) -> list[int] | None:
    """The stamp of a view document; None where it has none that a publisher writes."""
    stamp = document.get("stamp")
    if not isinstance(stamp, list) or not stamp or any(type(one) is not int for one in stamp):
        return None
    return stamp


def content_of(document: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What readers see of a document, without metadata; None for a tombstone or none at all."""
    if document is None or document.get("empty"):
        return None
    return {
        name: value
        for name, value in document.items()
        if name not in METADATA and not name.startswith("_")
    }
