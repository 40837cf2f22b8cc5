"""Section 2: one document per UTC day."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.alerts import alerts
from tests.oracle.arithmetic import (
    mean,
    percentile,
    present,
    ranked,
    ratio,
    shown,
    shown_minutes,
    shown_usd,
)
from tests.oracle.incidents import Incident
from tests.oracle.interactions import Interaction
from tests.oracle.periods import compact_day, has_begun, seven_days_before
from tests.oracle.sessions import Session
from tests.oracle.values import UNKNOWN
from tests.oracle.world import World

Document = dict[str, Any]
TTL_SECONDS = 31_536_000


def daily_metrics(world: World, now_seconds: int) -> Iterator[Document]:
    for day in world.days():
        if has_begun(day, now_seconds):
            yield _document(world, day)


def _document(world: World, day: date) -> Document:
    interactions = world.interactions_of([day])
    sessions = world.sessions_of([day])
    error_rate = ratio(sum(each.failed for each in interactions), len(interactions))
    avg_response = mean(each.response_ms for each in interactions)
    satisfaction = mean(each.rating for each in interactions)
    return {
        "id": f"daily_metrics_{compact_day(day)}",
        "document_type": "daily_metrics",
        "date": day.isoformat(),
        "ttl": TTL_SECONDS,
        "system_performance": _system_performance(interactions, error_rate, avg_response),
        "usage_statistics": _usage_statistics(world, day, interactions, sessions),
        "content_performance": _content_performance(world, day, interactions),
        "ai_performance": _ai_performance(interactions),
        "quality_metrics": {
            "user_satisfaction_avg": shown(satisfaction),
            "content_accuracy_score": shown(accuracy_share(interactions)),
            "safety_score": shown(mean(each.safety_score for each in interactions)),
            "citation_accuracy": shown(mean(each.citation_accuracy for each in interactions)),
            "response_relevance": shown(mean(each.response_relevance for each in interactions)),
        },
        "safety_metrics": _safety_metrics(world.incidents_of([day])),
        "business_metrics": _business_metrics(world, day, sessions),
        "alerts": alerts(error_rate, avg_response, satisfaction),
        "data_completeness": shown(data_completeness(interactions)),
    }


def accuracy_share(interactions: Sequence[Interaction]) -> Fraction | None:
    """Share of `user_feedback.accurate` = true among those having it."""
    judged = present(each.accurate for each in interactions)
    return ratio(sum(judged), len(judged))


def completion_rate(sessions: Sequence[Session]) -> Fraction | None:
    ended = Counter(session.status for session in sessions)
    return ratio(ended["completed"], ended["completed"] + ended["abandoned"] + ended["expired"])


def data_completeness(interactions: Sequence[Interaction]) -> Fraction | None:
    return ratio(sum(each.complete for each in interactions), len(interactions))


def _system_performance(
    interactions: Sequence[Interaction],
    error_rate: Fraction | None,
    avg_response: Fraction | None,
) -> Document:
    failed = sum(each.failed for each in interactions)
    total = len(interactions)
    response_times = [each.response_ms for each in interactions]
    return {
        "avg_response_time_ms": shown(avg_response),
        "p95_response_time_ms": percentile(response_times, 95),
        "p99_response_time_ms": percentile(response_times, 99),
        "total_requests": total,
        "successful_requests": total - failed,
        "error_rate": shown(error_rate),
        "availability_percent": shown(ratio(100 * (total - failed), total)),
    }


def _usage_statistics(
    world: World, day: date, interactions: Sequence[Interaction], sessions: Sequence[Session]
) -> Document:
    in_second = Counter(each.at // 1_000_000 for each in interactions)
    users_in_minute = Counter(
        minute
        for minute, _user in {
            (each.at // 60_000_000, each.user) for each in interactions if each.user is not None
        }
    )
    return {
        "active_users": len(world.active_users([day])),
        "new_users": sum(first == day for first in world.first_day.values()),
        "total_sessions": len(sessions),
        "total_interactions": len(interactions),
        "avg_session_duration_min": shown_minutes(mean(each.duration_ms for each in sessions)),
        "peak_rps": max(in_second.values(), default=0),
        "peak_concurrent_users": max(users_in_minute.values(), default=0),
    }


def _content_performance(world: World, day: date, interactions: Sequence[Interaction]) -> Document:
    citations = [citation for each in interactions for citation in each.citations]
    pairs = {
        (each.user, source)
        for each in interactions
        if each.user is not None
        for source in each.sources
    }
    discovered = sum(world.first_day_of_source[pair] == day for pair in pairs)
    return {
        "total_citations": len(citations),
        "unique_texts_accessed": len({citation.source for citation in citations}),
        "avg_citation_relevance": shown(mean(citation.relevance for citation in citations)),
        "content_discovery_rate": shown(ratio(discovered, len(pairs))),
    }


def _ai_performance(interactions: Sequence[Interaction]) -> Document:
    return {
        "personalities_used": {
            personality: _personality(
                [each for each in interactions if each.personality == personality]
            )
            for personality in {each.personality for each in interactions}
        },
        "model_performance": {
            key: _model([each for each in interactions if model_key(each.model) == key])
            for key in {model_key(each.model) for each in interactions}
        },
        "total_cost_usd": shown_usd(sum(each.nano_usd or 0 for each in interactions)),
        "rag_performance": {
            "avg_retrieval_time_ms": shown(mean(each.retrieval_ms for each in interactions)),
            "avg_chunks_retrieved": shown(mean(each.chunks for each in interactions)),
            "avg_relevance_score": shown(mean(each.rag_relevance for each in interactions)),
            "citation_accuracy": shown(mean(each.citation_accuracy for each in interactions)),
        },
    }


def model_key(model: str) -> str:
    """Non-alphanumeric runs as one underscore, outer ones dropped, case kept."""
    return re.sub(r"[\W_]+", "_", model).strip("_") or UNKNOWN


def _personality(interactions: Sequence[Interaction]) -> Document:
    return {
        "requests": len(interactions),
        "satisfaction": shown(mean(each.rating for each in interactions)),
        "response_time": shown(mean(each.response_ms for each in interactions)),
    }


def _model(interactions: Sequence[Interaction]) -> Document:
    tokens = [each.tokens for each in interactions if each.tokens is not None]
    return {
        "model": ranked(Counter(each.model for each in interactions))[0],
        "requests": len(interactions),
        "avg_tokens_input": shown(mean(count for count, _ in tokens)),
        "avg_tokens_output": shown(mean(count for _, count in tokens)),
        "total_tokens_input": sum(count for count, _ in tokens),
        "total_tokens_output": sum(count for _, count in tokens),
        "cached_input_share": shown(
            ratio(
                sum(each.cached_tokens for each in interactions if each.tokens is not None),
                sum(count for count, _ in tokens),
            )
        ),
        "cost_usd": shown_usd(sum(each.nano_usd or 0 for each in interactions)),
        "unpriced_requests": sum(each.nano_usd is None for each in interactions),
        "quality_score": shown(mean(each.response_relevance for each in interactions)),
    }


def _safety_metrics(incidents: Sequence[Incident]) -> Document:
    accuracies = [each.model_accuracy for each in incidents if each.model_accuracy is not None]
    return {
        "total_abuse_reports": sum(_reported(each) for each in incidents),
        "auto_flagged_content": sum(each.auto_detected is True for each in incidents),
        "human_reviews_required": sum(
            each.review_status in ("pending_human_review", "under_investigation")
            or each.human_reviewer is not None
            for each in incidents
        ),
        "safety_violations": sum(
            each.review_decision == "confirmed_violation"
            or (each.final_decision or "").startswith("confirmed")
            for each in incidents
        ),
        "content_moderation_accuracy": shown(
            ratio(accuracies.count("correct_detection"), len(accuracies))
        ),
    }


def _reported(incident: Incident) -> bool:
    """By its detection method; that absent, by not having been detected automatically."""
    if incident.detection_method is not None:
        return incident.detection_method == "user_report"
    return incident.auto_detected is False


def _business_metrics(world: World, day: date, sessions: Sequence[Session]) -> Document:
    active = world.active_users([day])
    returning = active & world.active_users(seven_days_before(day))
    return {
        "session_completion_rate": shown(completion_rate(sessions)),
        "user_retention_rate": shown(ratio(len(returning), len(active))),
    }
