"""The report of a batch: where each delivered change ended, and what it took."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cosmos_views.intake.judging import Judged
from cosmos_views.ledger.entries import Outcome
from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.labels import label
from cosmos_views.source import Source

ERASED = "erased"
"""The kind under which changes of erased owners are ignored."""


@dataclass
class Report:
    """Counts of one batch; every delivered change is in exactly one of the first seven."""

    counted: int = 0
    deleted: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    superseded: int = 0
    gone: int = 0
    """Not found in their source, which alone could tell whose they are."""

    delivered: int = 0
    erased: int = 0
    """Of those ignored: changes of owners who were erased."""
    corrections: int = 0
    unchanged: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    """What sources say of the facts counted, such as `unpriced`."""
    commits: int = 0
    conflicts: int = 0
    lags_seconds: list[int] = field(default_factory=list)
    """How long after it was written each change arrived here."""

    @property
    def ended(self) -> int:
        """How many of the delivered changes have ended, in one way or another."""
        return (
            self.counted
            + self.deleted
            + self.ignored.total()
            + self.dead.total()
            + self.duplicates
            + self.superseded
            + self.gone
        )

    def settled(
        self, source: Source[Any], judged: Judged, old: Fact | None, new: Fact | None
    ) -> None:
        """Note where one change ended: the fact its document counted before, and counts now."""
        match judged.verdict.outcome:
            case Outcome.COUNTED:
                self.counted += 1
            case Outcome.DELETED:
                self.deleted += 1
            case Outcome.IGNORED:
                self.ignored[label(judged.change.kind)] += 1
            case Outcome.DEAD:
                self.dead[judged.rejected.category if judged.rejected else ""] += 1
        if new is not None and new == old:
            self.unchanged += 1
        elif old is not None:
            self.corrections += 1
        if new is not None:
            self.notes.update(name for name, noted in source.notes.items() if noted(new))

    def of_erased(self, changes: int) -> None:
        """Note changes that end as ignored, because their owner was erased."""
        self.ignored[ERASED] += changes
        self.erased += changes

    def fields(self) -> dict[str, Any]:
        """The report as flat fields of a log line."""
        return {
            "changes_delivered": self.delivered,
            "changes_counted": self.counted,
            "changes_deleted": self.deleted,
            "changes_ignored": dict(self.ignored),
            "dead_letters": dict(self.dead),
            "duplicates": self.duplicates,
            "superseded": self.superseded,
            "gone": self.gone,
            "corrections": self.corrections,
            "unchanged": self.unchanged,
            **self.notes,
            "commits": self.commits,
            "conflicts": self.conflicts,
        }
