"""Snapshots: all state documents of one bucket at one moment, and what is not as it must be."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it must be."""

    where: str
    """The state key, the owner's state document, or the view document."""
    path: str
    expected: Any
    found: Any


@dataclass
class Snapshot:
    """All state documents of one bucket at one moment, by id."""

    pk: str
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    """Ids of documents of ours that cannot be read."""
    foreign: set[str] = field(default_factory=set)
    """Ids of documents that are not ours."""

    def under(self, prefix: str) -> Iterable[dict[str, Any]]:
        """Documents whose id begins with the prefix."""
        return (one for name, one in self.documents.items() if name.startswith(prefix))
