"""Interactions: one model call, in any of the three shapes that writers use.

The upcasters are the first-present rules below: design shape, then application-writer shape, then
usage-tracking shape, each field by itself (views.md, section 1, "Shapes").
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

import msgspec

from cosmos_views.ledger.fixed_point import MILLION, millionths, whole_milliseconds
from cosmos_views.ledger.instants import SECOND_US
from cosmos_views.ledger.labels import label
from cosmos_views.source import (
    Milliseconds,
    Share,
    Source,
    Tokens,
    event_time_us,
    invalid,
    malformed,
)
from cosmos_views.texts import Label, Time, Word
from processors.documents import DELETED, KEY, OWNER, SCHEMA, Written, kinds
from processors.facts import Citation, InteractionFact
from processors.labels import chapter_and_verse, cited_in_text, source_label

RATING_MIN, RATING_MAX = 1, 5
CHUNKS_MAX = 1_000_000
FAILED_STATUSES = frozenset({"failed", "error"})
COMPLEXITIES = {"low": 0, "medium": MILLION // 2, "high": MILLION}

_NO_ERRORS = frozenset({b"null", b"false", b"0", b'""', b"{}", b"[]"})
_ZERO_OR_EMPTY = re.compile(rb"-?0(\.0+)?([eE][+-]?[0-9]+)?|\{\s*\}|\[\s*\]")
"""The other ways to write 0, {} and []."""
_ABSENT = msgspec.Raw(b"null")


class Price(Protocol):
    """What one model call cost, in nano-USD; None when nothing prices the model."""

    def __call__(
        self,
        model: str,
        at_seconds: int,
        input_tokens: int,
        output_tokens: int | None,
        cached_tokens: int,
        cache_write_tokens: int,
        /,
    ) -> int | None: ...


class ResponseMetadata(msgspec.Struct, gc=False):
    personality_used: Label | None = None
    model_used: Label | None = None


class CostData(msgspec.Struct, gc=False):
    model_used: Label | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cached_input_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    timestamp: Time | None = None


class ContextData(msgspec.Struct, gc=False):
    model_used: Label | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cached_input_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None


class QueryMetadata(msgspec.Struct, gc=False):
    query_category: Label | None = None
    query_complexity: Word | None = None


class QualityMetrics(msgspec.Struct, gc=False):
    response_relevance: Share | None = None
    citation_accuracy: Share | None = None
    user_satisfaction: Share | None = None
    safety_score: Share | None = None


class ProcessingStages(msgspec.Struct, gc=False):
    content_retrieval_ms: Milliseconds | None = None


class RagMetadata(msgspec.Struct, gc=False):
    chunks_retrieved: float | None = None
    avg_relevance_score: Share | None = None


class UserFeedback(msgspec.Struct, gc=False):
    accurate: bool | None = None


class CitedText(msgspec.Struct, gc=False):
    source: Label | None = None
    chapter: Label | int | float | None = None
    verse: Label | int | float | None = None
    relevance_score: Share | None = None
    citation_text: str | None = None


class Interaction(Written, kw_only=True, gc=False):
    """A document of `user_interactions`, all shapes at once."""

    session_id: Label | None = None
    session_alias: Label | None = msgspec.field(name="sessionId", default=None)
    timestamp: Time | None = None
    response_time_ms: Milliseconds | None = None
    status: Word | None = None
    error: msgspec.Raw = _ABSENT
    error_message: msgspec.Raw = _ABSENT
    personality_id: Label | None = None
    personality: Label | None = None
    model: Label | None = None
    input_tokens: Tokens | None = msgspec.field(name="inputTokens", default=None)
    output_tokens: Tokens | None = msgspec.field(name="outputTokens", default=None)
    cached_tokens: Tokens | None = msgspec.field(name="cachedInputTokens", default=None)
    cache_write_tokens: Tokens | None = msgspec.field(name="cacheWriteTokens", default=None)
    user_rating: float | None = None
    feedback_rating: float | None = None
    user_feedback: msgspec.Raw = _ABSENT
    response_metadata: ResponseMetadata | None = None
    cost_data: CostData | None = None
    context_data: ContextData | None = None
    query_metadata: QueryMetadata | None = None
    quality_metrics: QualityMetrics | None = None
    processing_stages: ProcessingStages | None = None
    rag_metadata: RagMetadata | None = None
    foundational_texts_used: list[CitedText | Label | None] | None = None


_RESPONSE_METADATA = ResponseMetadata()
_COST_DATA = CostData()
_CONTEXT_DATA = ContextData()
_QUERY_METADATA = QueryMetadata()
_QUALITY_METRICS = QualityMetrics()
_PROCESSING_STAGES = ProcessingStages()
_RAG_METADATA = RagMetadata()


def to_fact(document: Interaction, price: Price) -> InteractionFact:
    """The fact of one interaction. Raises Rejected, naming the field's path."""
    response = document.response_metadata or _RESPONSE_METADATA
    cost = document.cost_data or _COST_DATA
    context = document.context_data or _CONTEXT_DATA
    query = document.query_metadata or _QUERY_METADATA
    quality = document.quality_metrics or _QUALITY_METRICS
    rag = document.rag_metadata or _RAG_METADATA

    at_us, own_time = event_time_us(
        document,
        ("timestamp", document.timestamp),
        ("cost_data.timestamp", cost.timestamp),
        ("created_at", document.created_at),
    )
    at_seconds = at_us // SECOND_US
    model = cost.model_used or response.model_used or context.model_used or document.model
    personality = response.personality_used or document.personality_id or document.personality
    input_tokens = _first_whole(
        ("cost_data.input_tokens", cost.input_tokens),
        ("context_data.input_tokens", context.input_tokens),
        ("inputTokens", document.input_tokens),
    )
    output_tokens = _first_whole(
        ("cost_data.output_tokens", cost.output_tokens),
        ("context_data.output_tokens", context.output_tokens),
        ("outputTokens", document.output_tokens),
    )
    cached_tokens, cache_write_tokens = _of_the_input(
        input_tokens,
        (
            ("cost_data.cached_input_tokens", cost.cached_input_tokens),
            ("context_data.cached_input_tokens", context.cached_input_tokens),
            ("cachedInputTokens", document.cached_tokens),
        ),
        (
            ("cost_data.cache_write_tokens", cost.cache_write_tokens),
            ("context_data.cache_write_tokens", context.cache_write_tokens),
            ("cacheWriteTokens", document.cache_write_tokens),
        ),
    )
    both_counts = input_tokens is not None and output_tokens is not None
    response_ms = document.response_time_ms
    cost_nano_usd = None
    if input_tokens is not None:
        cost_nano_usd = price(
            label(model), at_seconds, input_tokens, output_tokens, cached_tokens, cache_write_tokens
        )
        if output_tokens is None and cost_nano_usd is not None:
            # Embeddings: their price has no output.
            output_tokens = 0

    return InteractionFact(
        at_seconds=at_seconds,
        response_ms=None if response_ms is None else whole_milliseconds(response_ms),
        failed=_failed(document),
        complete=(
            own_time
            and bool(document.session_id or document.session_alias)
            and bool(personality)
            and response_ms is not None
            and both_counts
        ),
        personality=label(personality),
        model=label(model),
        topic=label(query.query_category),
        complexity=COMPLEXITIES.get(query.query_complexity or ""),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_tokens=cached_tokens,
        cost_nano_usd=cost_nano_usd or 0,
        priced=cost_nano_usd is not None,
        rating=_rating(document),
        accurate=_accurate(document.user_feedback),
        response_relevance=_score(quality.response_relevance),
        citation_accuracy=_score(quality.citation_accuracy),
        user_satisfaction=_score(quality.user_satisfaction),
        safety_score=_score(quality.safety_score),
        retrieval_ms=_retrieval_ms(document.processing_stages or _PROCESSING_STAGES),
        chunks=_whole("rag_metadata.chunks_retrieved", rag.chunks_retrieved, CHUNKS_MAX),
        rag_relevance=_score(rag.avg_relevance_score),
        citations=_citations(document.foundational_texts_used),
    )


def _failed(document: Interaction) -> bool:
    return (
        document.status in FAILED_STATUSES
        or not _falsy(document.error)
        or not _falsy(document.error_message)
    )


def _falsy(raw: msgspec.Raw) -> bool:
    """Whether a field of any type says nothing: absent, null, false, 0, "", {} or []."""
    text = bytes(raw)
    return text in _NO_ERRORS or _ZERO_OR_EMPTY.fullmatch(text) is not None


def _accurate(raw: msgspec.Raw) -> bool | None:
    text = bytes(raw)
    if not text.startswith(b"{"):
        return None
    try:
        return msgspec.json.decode(text, type=UserFeedback).accurate
    except msgspec.ValidationError:
        raise malformed("user_feedback.accurate", "expected true or false") from None


def _rating(document: Interaction) -> int | None:
    rating = document.user_rating if document.user_rating is not None else document.feedback_rating
    if rating is None or not RATING_MIN <= rating <= RATING_MAX:
        return None
    return millionths(rating)


@lru_cache(maxsize=4096)
def _score(value: float | None) -> int | None:
    return None if value is None else millionths(value)


def _retrieval_ms(stages: ProcessingStages) -> int | None:
    value = stages.content_retrieval_ms
    return None if value is None else whole_milliseconds(value)


def _of_the_input(
    input_tokens: int | None,
    cached: tuple[tuple[str, float | None], ...],
    written: tuple[tuple[str, float | None], ...],
) -> tuple[int, int]:
    """Tokens read from and written to a cache, 0 if missing. Together no more than the input."""
    cached_tokens, write_tokens = _first_whole(*cached), _first_whole(*written)
    both = (cached_tokens or 0) + (write_tokens or 0)
    if input_tokens is not None and both > input_tokens:
        candidates = written if cached_tokens is None else cached
        path = next(path for path, value in candidates if value is not None)
        raise invalid(path, "expected, with cache-write tokens, no more than the input tokens")
    return cached_tokens or 0, write_tokens or 0


def _first_whole(*candidates: tuple[str, float | None]) -> int | None:
    """The first token count present; all of them are checked. Bounds are in their type."""
    first: int | None = None
    for path, value in candidates:
        if value is not None:
            whole = _whole(path, value)
            first = whole if first is None else first
    return first


def _whole(path: str, value: float | None, most: int | None = None) -> int | None:
    if value is None:
        return None
    if value != value // 1:
        raise invalid(path, "expected a whole number")
    if most is not None and not 0 <= value <= most:
        raise invalid(path, f"expected a number from 0 to {most}")
    return int(value)


def _citations(cited: list[CitedText | str | None] | None) -> tuple[Citation, ...]:
    if not cited:
        return ()
    return tuple([_citation(citation) for citation in cited if citation is not None])


def _citation(cited: CitedText | str) -> Citation:
    if isinstance(cited, str):
        source, chapter, verse = cited_in_text(cited)
        return Citation(source, label(chapter), label(verse), None, False)
    chapter, verse = chapter_and_verse(_text(cited.chapter), _text(cited.verse))
    return Citation(
        source=source_label(cited.source),
        chapter=label(chapter),
        verse=label(verse),
        relevance=_score(cited.relevance_score),
        complete=bool(chapter and verse and cited.citation_text),
    )


def _text(value: str | int | float | None) -> str | None:
    """A chapter or verse as text: a number in plain decimals without trailing zeros."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    # As written: a float's own value is not what its shortest decimal says.
    return format(Decimal(repr(value)).normalize(), "f") if value else "0"


def source(price: Price) -> Source[Interaction]:
    """The source `user_interactions`, priced by the given table."""
    return Source(
        container="user_interactions",
        kinds=kinds("user_interaction", "interaction", "usage_tracking"),
        document=Interaction,
        fact=InteractionFact,
        trigger="interactions",
        archive_after_days=180,
        key=KEY,
        owner=OWNER,
        deleted=DELETED,
        schema=SCHEMA,
        notes={"unpriced": lambda fact: not fact.priced},
        to_fact=lambda document: to_fact(document, price),
    )
