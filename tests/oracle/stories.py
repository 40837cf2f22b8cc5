"""Small documents and shorthand for the oracle's own tests."""

from typing import Any

from tests.oracle.compute import VIEWS, compute_views
from tests.oracle.documents import SourceDocument
from tests.oracle.pricing import Prices

WRITTEN = 1_785_542_400
"""2026-08-01T00:00:00Z, the `_ts` of every document that names none: after all of them."""

_PRICES = Prices()


def interaction(document_id: str = "a", **fields: Any) -> SourceDocument:
    return _document(
        "user_interactions",
        {"id": document_id, "user_id": "ada", "timestamp": "2026-03-10T12:00:00Z", **fields},
    )


def session(document_id: str = "s", **fields: Any) -> SourceDocument:
    return _document(
        "user_sessions",
        {"id": document_id, "user_id": "ada", "start_time": "2026-03-10T12:00:00Z", **fields},
    )


def incident(document_id: str = "i", **fields: Any) -> SourceDocument:
    return _document(
        "abuse_incidents",
        {"id": document_id, "user_id": "ada", "created_at": "2026-03-10T12:00:00Z", **fields},
    )


def citing(*texts: str | dict[str, Any]) -> dict[str, Any]:
    return {"foundational_texts_used": list(texts)}


def _document(source: str, body: dict[str, Any]) -> SourceDocument:
    named = {name: value for name, value in body.items() if value is not ...}
    return SourceDocument(source, {"_ts": WRITTEN, **named})


def view(name: str, *documents: SourceDocument, now: int = WRITTEN) -> dict[str, Any]:
    """Document id → document of one view. A field given as `...` is absent."""
    assert name in VIEWS
    return compute_views(documents, now_seconds=now, views=[name], prices=_PRICES)[name]


def day(*documents: SourceDocument, date: str = "20260310") -> Any:
    """daily_metrics of 2026-03-10, or of another day."""
    return view("daily_metrics", *documents)[f"daily_metrics_{date}"]
