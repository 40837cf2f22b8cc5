"""An interaction document of any shape, read field by field as the specification names them."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.citations import Citation, read_citation
from tests.oracle.documents import (
    SourceDocument,
    check_common_fields,
    read_event_time,
    read_user,
)
from tests.oracle.periods import day_of
from tests.oracle.pricing import Prices
from tests.oracle.values import MILLIONTH, Fields, Invalid, first_present, label, rounded_to

MOST_TOKENS = 10_000_000
MOST_CHUNKS = 1_000_000
COMPLEXITY = {"low": Fraction(0), "medium": Fraction(1, 2), "high": Fraction(1)}
HARMLESS_ERRORS: tuple[Any, ...] = (None, False, 0, "", {}, [])


@dataclass(frozen=True)
class Interaction:
    """Scores and ratings are in millionths, held as fractions of one; money is in nano-USD."""

    id: str
    partition: int
    """Where the partition key value stands among those a user's documents may have: the user, then
    absent, null and empty."""
    user: str | None
    at: int
    failed: bool
    complete: bool
    """Counts for data_completeness."""
    personality: str
    model: str
    topic: str
    complexity: Fraction | None
    response_ms: int | None
    retrieval_ms: int | None
    chunks: int | None
    rag_relevance: Fraction | None
    rating: Fraction | None
    accurate: bool | None
    response_relevance: Fraction | None
    citation_accuracy: Fraction | None
    user_satisfaction: Fraction | None
    safety_score: Fraction | None
    tokens: tuple[int, int] | None
    """(input, output) when both counts are there."""
    cached_tokens: int
    """Of the input."""
    nano_usd: int | None
    """None when unpriced."""
    citations: tuple[Citation, ...]

    @property
    def day(self) -> date:
        return day_of(self.at)

    @property
    def sources(self) -> set[str]:
        return {citation.source for citation in self.citations}


def read_interaction(document: SourceDocument, prices: Prices) -> Interaction:
    fields = Fields(document.body)
    check_common_fields(fields)
    cost, context = fields.object("cost_data"), fields.object("context_data")
    response, query = fields.object("response_metadata"), fields.object("query_metadata")
    quality, rag = fields.object("quality_metrics"), fields.object("rag_metadata")

    at, own_time = read_event_time(
        fields,
        {
            "timestamp": fields.time("timestamp"),
            "cost_data.timestamp": cost.time("timestamp"),
            "created_at": fields.time("created_at"),
        },
    )
    session = first_present(fields.name("session_id"), fields.name("sessionId"))
    personality = first_present(
        response.name("personality_used"),
        fields.name("personality_id"),
        fields.name("personality"),
    )
    model = label(
        first_present(
            cost.name("model_used"),
            response.name("model_used"),
            context.name("model_used"),
            fields.name("model"),
        )
    )
    input_tokens = first_present(
        cost.whole("input_tokens", MOST_TOKENS),
        context.whole("input_tokens", MOST_TOKENS),
        fields.whole("inputTokens", MOST_TOKENS),
    )
    output_tokens = first_present(
        cost.whole("output_tokens", MOST_TOKENS),
        context.whole("output_tokens", MOST_TOKENS),
        fields.whole("outputTokens", MOST_TOKENS),
    )
    cached = _counts(cost, context, fields, "cached_input_tokens", "cachedInputTokens")
    written = _counts(cost, context, fields, "cache_write_tokens", "cacheWriteTokens")
    cached_count = next(iter(cached.values()), 0)
    written_count = next(iter(written.values()), 0)
    if input_tokens is not None and cached_count + written_count > input_tokens:
        raise Invalid(next(iter(cached or written)))
    both_tokens = input_tokens is not None and output_tokens is not None
    nano_usd = prices.nano_usd(model, at, input_tokens, output_tokens, cached_count, written_count)
    if nano_usd is not None and output_tokens is None:
        output_tokens = 0
    response_ms = fields.milliseconds("response_time_ms")
    elements = fields.elements("foundational_texts_used")
    return Interaction(
        id=str(document.body["id"]),
        partition=_partition(document.body),
        user=read_user(fields),
        at=at,
        failed=_failed(fields),
        complete=own_time
        and session is not None
        and personality is not None
        and response_ms is not None
        and both_tokens,
        personality=label(personality),
        model=model,
        topic=label(query.name("query_category")),
        complexity=COMPLEXITY.get(query.text("query_complexity") or ""),
        response_ms=response_ms,
        retrieval_ms=fields.object("processing_stages").milliseconds("content_retrieval_ms"),
        chunks=rag.whole("chunks_retrieved", MOST_CHUNKS),
        rag_relevance=rag.score("avg_relevance_score"),
        rating=_rating(fields),
        accurate=_accurate(fields),
        response_relevance=quality.score("response_relevance"),
        citation_accuracy=quality.score("citation_accuracy"),
        user_satisfaction=quality.score("user_satisfaction"),
        safety_score=quality.score("safety_score"),
        tokens=(input_tokens, output_tokens)
        if input_tokens is not None and output_tokens is not None
        else None,
        cached_tokens=cached_count,
        nano_usd=nano_usd,
        citations=tuple(
            read_citation(element, f"foundational_texts_used[{position}]")
            for position, element in enumerate(elements)
            if element is not None
        ),
    )


def _counts(
    cost: Fields, context: Fields, fields: Fields, snake: str, camel: str
) -> dict[str, int]:
    """Path and count of each shape that has one, the first to win first; all are checked."""
    places = ((cost, snake), (context, snake), (fields, camel))
    found = {place.path(name): place.whole(name, MOST_TOKENS) for place, name in places}
    return {path: count for path, count in found.items() if count is not None}


def _failed(fields: Fields) -> bool:
    status = fields.text("status")
    return status in ("failed", "error") or any(
        fields.raw(name) not in HARMLESS_ERRORS for name in ("error", "error_message")
    )


def _partition(body: dict[str, Any]) -> int:
    if "user_id" not in body:
        return 1
    value = body["user_id"]
    return 2 if value is None else 3 if value == "" else 0


def _rating(fields: Fields) -> Fraction | None:
    """The first present one wins before its range is looked at."""
    rating = first_present(fields.number("user_rating"), fields.number("feedback_rating"))
    if rating is None or not 1 <= rating <= 5:
        return None
    return rounded_to(MILLIONTH, rating)


def _accurate(fields: Fields) -> bool | None:
    if not isinstance(fields.raw("user_feedback"), dict):
        return None
    return fields.object("user_feedback").boolean("accurate")
