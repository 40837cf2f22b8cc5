"""Judging: from a change to a verdict, and the breaker that stops a bad deployment.

Poison never stops its batch: it becomes a dead letter. An exception of ours on one change does so
too, but when a batch shows many of them, or one follows another, the code is at fault and nothing
is decided: a bad deployment must not retract the world.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from cosmos_views.intake.documents import Change
from cosmos_views.ledger.entries import Outcome, Verdict, entry_ttl_seconds, shorter_ttl
from cosmos_views.ledger.facts import Fact
from cosmos_views.source import Rejected, Source

DEFECTS_PERCENT_MAX = 5
DEFECTS_IN_A_ROW_MAX = 20


class TooManyDefects(Exception):
    """So many changes made our code fail that the code, not the changes, must be wrong."""


@dataclass
class Breaker:
    """Counts defects over the life of a worker; a change without one closes it again."""

    in_a_row: int = 0

    def check(self, outcomes: list[bool]) -> None:
        """Take note of one batch, True for each defect. Raises TooManyDefects.

        A single defect never raises by its share alone, however small the batch is; otherwise one
        unlucky document would hold up its lease for ever.
        """
        for defect in outcomes:
            self.in_a_row = self.in_a_row + 1 if defect else 0
        defects = sum(outcomes)
        if self.in_a_row >= DEFECTS_IN_A_ROW_MAX:
            raise TooManyDefects(f"{self.in_a_row} changes in a row hit a defect of the worker")
        if defects > 1 and 100 * defects > DEFECTS_PERCENT_MAX * len(outcomes):
            raise TooManyDefects(f"{defects} of {len(outcomes)} changes hit a defect of the worker")


class Judged(msgspec.Struct):
    """A change and what was decided of it."""

    change: Change
    verdict: Verdict
    rejected: Rejected | None
    error: str
    """The class of the exception behind a rejection."""
    lettered: bool = False
    """Its dead letter has been written."""
    settled: bool = False
    """It was just read from its source: only the very same version makes it a duplicate."""
    copy: bool = False
    """Decided in a bucket beside its own as well: neither reported nor lettered."""

    @property
    def defect(self) -> bool:
        """Whether our code failed, rather than the document."""
        return self.rejected is not None and self.rejected.category == "defect"


def judge(source: Source[Any], change: Change, container_ttl: int) -> Judged:
    """Kind first, then soft delete, then validity (views.md, section 1)."""
    fact: Fact | None = None
    rejected: Rejected | None = None
    error = "Rejected"
    if change.kind is not None and not source.accepts(change.kind):
        outcome = Outcome.IGNORED
    elif change.kind is not None and change.deleted:
        outcome = Outcome.DELETED
    else:
        outcome = Outcome.DEAD
        rejected = change.rejected
        if rejected is None and change.document is not None:
            try:
                fact = source.to_fact(change.document)
                outcome = Outcome.COUNTED
            except Rejected as rejection:
                rejected = rejection
            except Exception as defect:  # any exception of ours is this change's, not its batch's
                rejected = Rejected("defect", "$", "the worker failed on this document")
                error = type(defect).__name__
    return Judged(
        change=change,
        verdict=Verdict(
            source=change.source,
            entry_id=change.entry_id,
            document=change.document_id,
            version=change.version,
            outcome=outcome,
            fact=fact,
            ttl=entry_ttl_seconds(change.ttl_seconds, container_ttl),
            own_ttl=shorter_ttl(change.ttl_seconds, container_ttl),
        ),
        rejected=rejected,
        error=error,
    )


def oversize(judged: Judged) -> Judged:
    """The same change, decided as too large to be committed at all."""
    verdict = judged.verdict
    return Judged(
        change=judged.change,
        verdict=Verdict(
            source=verdict.source,
            entry_id=verdict.entry_id,
            document=verdict.document,
            version=verdict.version,
            outcome=Outcome.DEAD,
            fact=None,
            ttl=verdict.ttl,
        ),
        rejected=Rejected("oversize", "$", "its measures do not fit into one commit"),
        error="TooLarge",
        copy=judged.copy,
    )
