"""Facts: what one document version says, compact, frozen, text-free, in the current shape.

Two versions that say the same are equal facts, so comparing facts tells whether anything changed.
Facts hold labels, flags and integers only (scores in millionths, durations in ms, money in
nano-USD): no user text and no personal data. They are stored in ledger entries as JSON arrays.
"""

import msgspec

from cosmos_views.ledger.instants import DAY_SECONDS, MINUTE_SECONDS, WINDOW_SECONDS


class Citation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One cited passage; its 1-based position is its place among the interaction's citations."""

    source: str
    chapter: str
    verse: str
    relevance: int | None
    complete: bool
    """Chapter, verse and citation text are all present."""


class InteractionFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One model call: when, how well, how costly, and what it cited."""

    at_seconds: int
    response_ms: int | None
    failed: bool
    complete: bool
    personality: str
    model: str
    topic: str
    complexity: int | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int
    """Of the input, read from a cache."""
    cost_nano_usd: int
    priced: bool
    rating: int | None
    accurate: bool | None
    response_relevance: int | None
    citation_accuracy: int | None
    user_satisfaction: int | None
    safety_score: int | None
    retrieval_ms: int | None
    chunks: int | None
    rag_relevance: int | None
    citations: tuple[Citation, ...]

    @property
    def day(self) -> int:
        """Epoch day, UTC."""
        return self.at_seconds // DAY_SECONDS

    @property
    def minute_of_day(self) -> int:
        """0 to 1439, UTC."""
        return self.at_seconds % DAY_SECONDS // MINUTE_SECONDS

    @property
    def window(self) -> int:
        """Five-minute windows since 1970-01-01."""
        return self.at_seconds // WINDOW_SECONDS


class SessionFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One session, counted where it started."""

    at_seconds: int
    duration_ms: int | None
    status: str
    """`completed`, `abandoned`, `expired`, or `other`."""
    depth: int | None

    @property
    def day(self) -> int:
        """Epoch day of the start, UTC."""
        return self.at_seconds // DAY_SECONDS


class IncidentFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One abuse incident, counted where it was detected."""

    at_seconds: int
    interaction: str | None
    """The id it names, without one leading `interaction_`."""
    severity: str
    kind: str
    user_report: bool
    auto_detected: bool
    human_review: bool
    violation: bool
    detection_correct: bool | None
    categories: tuple[str, ...]
    false_positive: bool | None
    warnings: int
    blocks: int
    suspensions: int
    review_pending: bool
    resolution_ms: int | None
    resolved: bool
    cited: tuple[tuple[str, str, str], ...] = ()
    """(source, chapter, verse) of every citation of the interaction it was joined to."""

    @property
    def day(self) -> int:
        """Epoch day, UTC."""
        return self.at_seconds // DAY_SECONDS


AnyFact = InteractionFact | SessionFact | IncidentFact

FACT_TYPES: dict[str, type[AnyFact]] = {
    "user_interactions": InteractionFact,
    "user_sessions": SessionFact,
    "abuse_incidents": IncidentFact,
}
"""Source container → what its documents become."""
