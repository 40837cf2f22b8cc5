"""Fixture batches: one JSON document per line, its container told by its kind."""

import json
from pathlib import Path
from typing import Any

from tests.oracle.documents import KINDS, SourceDocument

BATCHES = Path(__file__).parents[1] / "fixtures" / "batches"


def source_of(body: dict[str, Any]) -> str:
    """The container whose kinds include the document's; `user_interactions` for unknown kinds."""
    kind = body.get("document_type") or body.get("type")
    return next((name for name, kinds in KINDS.items() if kind in kinds), "user_interactions")


def read_batch(path: Path) -> list[SourceDocument]:
    lines = path.read_text(encoding="utf-8").splitlines()
    bodies = [json.loads(line) for line in lines if line]
    return [SourceDocument(source_of(body), body) for body in bodies]
