"""Documents and files of these tests."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "batches"
WORKED_EXAMPLE = FIXTURES / "10_worked_example.jsonl"


def interaction(**fields: Any) -> dict[str, Any]:
    """A small valid interaction of a user of its own, on a day of long ago."""
    return {
        "id": f"i-{uuid4()}",
        "user_id": f"u-{uuid4()}",
        "document_type": "user_interaction",
        "timestamp": "2025-06-01T12:00:00Z",
        **fields,
    }


def written(path: Path, lines: Iterable[dict[str, Any] | str]) -> Path:
    """A file of these lines; text as it is, documents as JSON."""
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path
