"""daily_metrics: one document per UTC day (views.md, section 2)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cosmos_views.ledger.instants import DAY_SECONDS, day_label, day_of_label
from cosmos_views.ledger.labels import UNKNOWN, underscored
from cosmos_views.publish import histogram
from cosmos_views.publish.measures import Row
from cosmos_views.publish.rendering import (
    MINUTE_MS,
    iso_day,
    labelled,
    mean_score,
    ratio,
    row_of,
    usd,
)
from cosmos_views.publish.view import DAYS, Inputs, Reads, View
from materializers import alerts
from materializers.grains.day import (
    Incidents,
    Interactions,
    Model,
    Personality,
    Sessions,
    Text,
    Users,
)


def keys_of(state_key: str) -> Iterable[str]:
    """A day is published when its own measures change, or those of a window in it.

    Retention, new users and discovery of neighbouring days are measures of those days, so a change
    there names them by itself.
    """
    grain, _, label = state_key.partition(":")
    return [label[:8]] if grain in ("day", "window") else []


def reads(day: str) -> Reads:
    """The day's own partial, and its windows for the peaks."""
    following = day_label(day_of_label(day) + 1)
    return Reads(keys=(f"day:{day}",), ranges=((f"window:{day}", f"window:{following}"),))


def render(day: str, inputs: Inputs) -> dict[str, Any] | None:
    """The document of one day; None when no interaction, session or incident is counted."""
    measures = inputs.of(f"day:{day}")
    total = row_of(Interactions, measures, "interactions")
    sessions = row_of(Sessions, measures, "sessions")
    incidents = row_of(Incidents, measures, "incidents")
    users = row_of(Users, measures, "users")
    if not (total.requests or sessions.started or incidents.incidents):
        return None
    models = list(_models(measures))
    responses = {int(bucket): row[0] for bucket, row in labelled(measures, "response")}
    return {
        "date": iso_day(day),
        "system_performance": {
            "avg_response_time_ms": ratio(total.response_ms, total.responses),
            "p95_response_time_ms": histogram.percentile_ms(responses, 95),
            "p99_response_time_ms": histogram.percentile_ms(responses, 99),
            "total_requests": total.requests,
            "successful_requests": total.requests - total.failed,
            "error_rate": ratio(total.failed, total.requests),
            "availability_percent": ratio(100 * (total.requests - total.failed), total.requests),
        },
        "usage_statistics": {
            "active_users": users.active,
            "new_users": users.new,
            "total_sessions": sessions.started,
            "total_interactions": total.requests,
            "avg_session_duration_min": ratio(sessions.duration_ms, sessions.durations * MINUTE_MS),
            "peak_rps": _peak(inputs, "second"),
            "peak_concurrent_users": _peak(inputs, "minute"),
        },
        "content_performance": {
            "total_citations": total.citations,
            "unique_texts_accessed": sum(
                Text(*row).citations > 0 for _, row in labelled(measures, "text")
            ),
            "avg_citation_relevance": mean_score(total.relevance, total.relevances),
            "content_discovery_rate": ratio(users.discovered_pairs, users.source_pairs),
        },
        "ai_performance": {
            "personalities_used": {
                name: _personality(Personality(*row))
                for name, row in labelled(measures, "personality")
            },
            "model_performance": _model_performance(models),
            "total_cost_usd": usd(sum(model.cost_nano_usd for _, model in models)),
            "rag_performance": {
                "avg_retrieval_time_ms": ratio(total.retrieval_ms, total.retrievals),
                "avg_chunks_retrieved": ratio(total.chunks, total.chunk_counts),
                "avg_relevance_score": mean_score(total.rag_relevance, total.rag_relevances),
                "citation_accuracy": mean_score(total.citation_accuracy, total.citation_accuracies),
            },
        },
        "quality_metrics": {
            "user_satisfaction_avg": mean_score(total.rating, total.ratings),
            "content_accuracy_score": ratio(total.accurate, total.assessed),
            "safety_score": mean_score(total.safety_score, total.safety_scores),
            "citation_accuracy": mean_score(total.citation_accuracy, total.citation_accuracies),
            "response_relevance": mean_score(total.response_relevance, total.response_relevances),
        },
        "safety_metrics": {
            "total_abuse_reports": incidents.user_reports,
            "auto_flagged_content": incidents.auto_detected,
            "human_reviews_required": incidents.human_reviews,
            "safety_violations": incidents.violations,
            "content_moderation_accuracy": ratio(incidents.correct, incidents.assessed),
        },
        "business_metrics": {
            "session_completion_rate": ratio(sessions.completed, sessions.ended),
            "user_retention_rate": ratio(users.retained, users.active),
        },
        "alerts": alerts.raised(
            failed=total.failed,
            requests=total.requests,
            response_ms=total.response_ms,
            responses=total.responses,
            rating=total.rating,
            ratings=total.ratings,
        ),
        "data_completeness": ratio(total.complete, total.requests),
    }


def _peak(inputs: Inputs, kind: str) -> int:
    """The most counted in one second, or of distinct users in one minute, of all windows."""
    return max(
        (
            row[0]
            for measures in inputs.under("window:").values()
            for _, row in labelled(measures, kind)
        ),
        default=0,
    )


def _personality(cell: Personality) -> dict[str, Any]:
    return {
        "requests": cell.requests,
        "satisfaction": mean_score(cell.rating, cell.ratings),
        "response_time": ratio(cell.response_ms, cell.responses),
    }


def _models(measures: Mapping[str, Row]) -> Iterator[tuple[str, Model]]:
    for model, row in labelled(measures, "model"):
        yield model, Model(*row)


def _model_performance(models: list[tuple[str, Model]]) -> dict[str, Any]:
    """Per key, which is the model id without punctuation; ids sharing a key are summed."""
    by_key: dict[str, list[tuple[str, Model]]] = {}
    for name, cell in models:
        by_key.setdefault(underscored(name) or UNKNOWN, []).append((name, cell))
    return {key: _model_cell(sharing) for key, sharing in by_key.items()}


def _model_cell(sharing: list[tuple[str, Model]]) -> dict[str, Any]:
    name = min(sharing, key=lambda model: (-model[1].requests, model[0]))[0]
    cell = Model(*(sum(places) for places in zip(*(row for _, row in sharing), strict=True)))
    return {
        "model": name,
        "requests": cell.requests,
        "avg_tokens_input": ratio(cell.input_tokens, cell.token_counts),
        "avg_tokens_output": ratio(cell.output_tokens, cell.token_counts),
        "total_tokens_input": cell.input_tokens,
        "total_tokens_output": cell.output_tokens,
        "cached_input_share": ratio(cell.cached_tokens, cell.input_tokens),
        "cost_usd": usd(cell.cost_nano_usd),
        "unpriced_requests": cell.unpriced,
        "quality_score": mean_score(cell.quality, cell.qualities),
    }


VIEW = View(
    name="daily_metrics",
    partition_key="date",
    pace_seconds=60,
    ttl_seconds=31_536_000,
    calculation_version="1",
    keys_of=keys_of,
    starts_at_seconds=lambda day: day_of_label(day) * DAY_SECONDS,
    reads=reads,
    document_id=lambda day: f"daily_metrics_{day}",
    partition=iso_day,
    key_of=lambda document: document["id"].rpartition("_")[2],
    render=render,
    periods=(DAYS,),
    columns={
        "date": "date",
        "interactions": "usage_statistics.total_interactions",
        "sessions": "usage_statistics.total_sessions",
        "users": "usage_statistics.active_users",
        "new": "usage_statistics.new_users",
        "avg ms": "system_performance.avg_response_time_ms",
        "p95 ms": "system_performance.p95_response_time_ms",
        "errors": "system_performance.error_rate",
        "citations": "content_performance.total_citations",
        "rating": "quality_metrics.user_satisfaction_avg",
        "cost USD": "ai_performance.total_cost_usd",
        "flagged": "safety_metrics.auto_flagged_content",
        "retention": "business_metrics.user_retention_rate",
    },
)
