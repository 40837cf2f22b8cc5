"""Valid bodies: interactions of the three shapes, sessions, incidents."""

from random import Random
from typing import Any

from tests.generators import pools
from tests.generators.identities import INCIDENTS, INTERACTIONS, SESSIONS, Identity, interaction_ids
from tests.generators.pools import maybe, spelled

Body = dict[str, Any]


def valid_body(random: Random, who: Identity, written_at: int) -> Body:
    """A counted version, without system properties."""
    make = {INTERACTIONS: _interaction, SESSIONS: _session, INCIDENTS: _incident}[who.source]
    body = {"id": who.id, **who.user_fields, **make(random, who, written_at)}
    if random.randrange(20) == 0:
        body["attachments"] = _nested(random.choice(pools.NESTED_LEVELS))
    return body


def _nested(levels: int) -> list[Any]:
    """An empty list in so many lists."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def _event_time(random: Random, written_at: int) -> int:
    """Usually of the clustered days; now and then up to the very bound of the future."""
    if random.randrange(12) == 0:
        return (written_at + random.choice((0, 1, 3_600, 86_400))) * 1_000_000
    return pools.microseconds_of(random)


def _interaction(random: Random, who: Identity, written_at: int) -> Body:
    at = spelled(random, _event_time(random, written_at))
    shape = random.choice((_design, _design, _writer, _usage))
    body: Body = {"timestamp": at, **shape(random)}
    if random.randrange(8) == 0:  # the time stands elsewhere, or only the write time is known
        del body["timestamp"]
        where = random.randrange(3)
        if where == 0:
            body["created_at"] = at
        elif where == 1:
            body["cost_data"] = {**(body.get("cost_data") or {}), "timestamp": at}
    maybe(random, body, "response_time_ms", random.choice(pools.DURATIONS_MS))
    maybe(random, body, "foundational_texts_used", _citations(random))
    maybe(random, body, "query_metadata", _query(random))
    maybe(random, body, "quality_metrics", _quality(random))
    if random.randrange(4) == 0:
        body["error"] = random.choice(pools.ERRORS)
    if random.randrange(6) == 0:
        body["status"] = random.choice(("ok", "failed", "error", ""))
    return body


def _design(random: Random) -> Body:
    body: Body = {}
    maybe(random, body, "document_type", "user_interaction")
    maybe(random, body, "session_id", random.choice(("session-1", pools.STAMPS[0])))
    response: Body = {"personality_used": random.choice(pools.PERSONALITIES)}
    maybe(random, response, "model_used", random.choice(pools.MODELS))
    body["response_metadata"] = response
    cost: Body = {}
    maybe(random, cost, "model_used", random.choice(pools.MODELS))
    maybe(random, cost, "input_tokens", random.choice(pools.TOKENS))
    maybe(random, cost, "output_tokens", random.choice(pools.TOKENS))
    _of_the_input(random, cost, "input_tokens", "cached_input_tokens", "cache_write_tokens")
    maybe(random, body, "cost_data", cost)
    rag: Body = {}
    maybe(random, rag, "chunks_retrieved", random.choice((0, 5, 5.0, 1_000_000)))
    maybe(random, rag, "avg_relevance_score", random.choice(pools.SCORES))
    maybe(random, body, "rag_metadata", rag)
    stages: Body = {}
    maybe(random, stages, "content_retrieval_ms", random.choice(pools.DURATIONS_MS))
    maybe(random, body, "processing_stages", stages)
    maybe(random, body, "user_rating", random.choice(pools.RATINGS))
    feedback: Body = {}
    maybe(random, feedback, "accurate", random.choice((True, False)))
    maybe(random, body, "user_feedback", random.choice((feedback, feedback, "thanks", 5)))
    return body


def _of_the_input(random: Random, holder: Body, whole: str, cached: str, written: str) -> None:
    """Tokens of the input that were read from a cache or written to one."""
    if not random.randrange(3):
        parts = random.choice(pools.CACHED_TOKENS), random.choice(pools.CACHED_TOKENS)
        # Together above a present input they make the document invalid.
        if holder.get(whole) is None or sum(parts) <= holder[whole]:
            maybe(random, holder, cached, parts[0])
            maybe(random, holder, written, parts[1])


def _writer(random: Random) -> Body:
    body: Body = {"document_type": random.choice(("interaction", "user_interaction"))}
    maybe(random, body, "session_id", "session-2")
    maybe(random, body, "personality_id", random.choice(pools.PERSONALITIES))
    context: Body = {}
    maybe(random, context, "model_used", random.choice(pools.MODELS))
    maybe(random, context, "input_tokens", random.choice(pools.TOKENS))
    maybe(random, context, "output_tokens", random.choice(pools.TOKENS))
    _of_the_input(random, context, "input_tokens", "cached_input_tokens", "cache_write_tokens")
    maybe(random, body, "context_data", context)
    maybe(random, body, "feedback_rating", random.choice(pools.RATINGS))
    return body


def _usage(random: Random) -> Body:
    body: Body = {"type": "usage_tracking"}
    maybe(random, body, "sessionId", "session-3")
    maybe(random, body, "personality", random.choice(pools.PERSONALITIES))
    maybe(random, body, "model", random.choice(pools.MODELS))
    maybe(random, body, "inputTokens", random.choice(pools.TOKENS))
    maybe(random, body, "outputTokens", random.choice(pools.TOKENS))
    _of_the_input(random, body, "inputTokens", "cachedInputTokens", "cacheWriteTokens")
    return body


def _citations(random: Random) -> list[Any]:
    return [_citation(random) for _ in range(random.choice((0, 1, 1, 2, 3, 4)))]


def _citation(random: Random) -> Any:
    if random.randrange(4) == 0:
        return random.choice(pools.CITATION_TEXTS)
    citation: Body = {}
    maybe(random, citation, "source", random.choice(pools.SOURCES))
    maybe(random, citation, "chapter", random.choice(pools.CHAPTERS))
    maybe(random, citation, "verse", random.choice(pools.VERSES))
    maybe(random, citation, "relevance_score", random.choice(pools.SCORES))
    maybe(random, citation, "citation_text", random.choice(("You have a right", "")))
    return citation


def _query(random: Random) -> Body:
    query: Body = {}
    maybe(random, query, "query_category", random.choice(pools.TOPICS))
    maybe(random, query, "query_complexity", random.choice(("low", "medium", "high", "Low")))
    return query


def _quality(random: Random) -> Body:
    quality: Body = {}
    for name in ("response_relevance", "citation_accuracy", "user_satisfaction", "safety_score"):
        maybe(random, quality, name, random.choice(pools.SCORES))
    return quality


def _session(random: Random, who: Identity, written_at: int) -> Body:
    start = _event_time(random, written_at)
    body: Body = {"document_type": random.choice(("user_session", "session"))}
    body[random.choice(("start_time", "start_time", "start_time", "created_at"))] = spelled(
        random, start
    )
    seconds = random.choice(pools.SESSION_SECONDS)
    maybe(random, body, "duration_seconds", seconds)
    maybe(random, body, "end_time", spelled(random, start + round(seconds * 1_000_000)))
    statuses = ("completed", "completed", "abandoned", "expired", "active", "Completed")
    maybe(random, body, "status", random.choice(statuses))
    maybe(random, body, "content_depth_score", random.choice(pools.SCORES))
    return body


def _incident(random: Random, who: Identity, written_at: int) -> Body:
    at = _event_time(random, written_at)
    body: Body = {"document_type": "abuse_incident", "created_at": spelled(random, at)}
    named = random.choice([*interaction_ids(who.user), "nobody's"])
    respelled = random.choice((named.removeprefix("interaction_"), named, f"interaction_{named}"))
    maybe(random, body, "interaction_id", respelled)
    detection: Body = {}
    maybe(random, detection, "detection_timestamp", spelled(random, at))
    maybe(random, detection, "detection_method", random.choice(("user_report", "automated_ml")))
    maybe(random, body, "detection_metadata", detection)
    maybe(random, body, "severity", random.choice(("low", "medium", "high", "critical", "dire")))
    maybe(random, body, "incident_type", random.choice(("spam", "harassment", "prank")))
    maybe(random, body, "auto_detected", random.choice((True, False)))
    reviews = ("pending_human_review", "under_investigation", "closed")
    maybe(random, body, "review_status", random.choice(reviews))
    maybe(random, body, "human_reviewer", random.choice(("reviewer-1", "")))
    decisions = ("confirmed_violation", "false_positive", "")
    maybe(random, body, "review_decision", random.choice(decisions))
    resolution: Body = {}
    finals = ("confirmed_minor_violation", "dismissed", "unconfirmed")
    maybe(random, resolution, "final_decision", random.choice(finals))
    resolved_at = spelled(random, at + random.choice((0, 1_500, 6_643_873_000)))
    maybe(random, resolution, "resolution_timestamp", resolved_at)
    maybe(random, body, "resolution", resolution)
    verdicts = ("correct_detection", "false_alarm")
    maybe(random, body, "feedback_data", {"model_accuracy": random.choice(verdicts)})
    categories = random.sample(
        ("insult", "threat", "spam", "spam", *pools.STAMPS[:2]), random.randrange(4)
    )
    maybe(random, body, "flagged_content", {"violation_categories": categories})
    actions = random.choices(("warning_issued", "content_blocked", "account_suspended"), k=2)
    maybe(random, body, "actions_taken", [{"action_type": action} for action in actions])
    return body
