"""Small documents for stories about the worker; a field given as `...` is absent."""

from typing import Any

Document = dict[str, Any]


def interaction(document_id: str = "a", **fields: Any) -> Document:
    return _document(
        {
            "id": document_id,
            "user_id": "ada",
            "document_type": "user_interaction",
            "timestamp": "2026-03-10T12:00:00Z",
            "response_time_ms": 100,
            "foundational_texts_used": ["Bhagavad Gita 2.47"],
            **fields,
        }
    )


def session(document_id: str = "s", **fields: Any) -> Document:
    return _document(
        {
            "id": document_id,
            "user_id": "ada",
            "document_type": "user_session",
            "start_time": "2026-03-10T12:00:00Z",
            "duration_seconds": 60,
            "status": "completed",
            **fields,
        }
    )


def incident(document_id: str = "i", **fields: Any) -> Document:
    return _document(
        {
            "id": document_id,
            "user_id": "ada",
            "document_type": "abuse_incident",
            "created_at": "2026-03-10T12:00:00Z",
            "interaction_id": "a",
            "severity": "low",
            "auto_detected": True,
            **fields,
        }
    )


def on(day: int, clock: str = "12:00:00") -> str:
    """A moment of March 2026."""
    return f"2026-03-{day:02}T{clock}Z"


def _document(fields: Document) -> Document:
    return {name: value for name, value in fields.items() if value is not ...}
