"""What a table of a view shows: a few figures of each document, by their path.

A view without an entry here is shown by its first plain fields, so a new view needs none.
"""

from collections.abc import Mapping
from typing import Any

Columns = dict[str, str]
"""Heading → path of the figure in the document."""

METADATA = frozenset(
    {"document_type", "stamp", "calculation_version", "generation", "published_at", "ttl"}
)
PLAIN_FIELDS_MAX = 8

COLUMNS: dict[str, Columns] = {
    "daily_metrics": {
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
    "content_popularity": {
        "period": "time_period",
        "date": "date",
        "interactions": "data_points",
        "first text": "top_foundational_texts.0.source",
        "citations": "top_foundational_texts.0.citations",
        "first content": "trending_content.0.content_id",
        "first topic": "trending_topics.0.topic",
        "first personality": "personality_rankings.0.personality",
    },
    "system_health": {
        "metric": "metric_type",
        "window end": "timestamp",
        "health": "health_status",
        "score": "overall_health_score",
        "requests/s": "performance_metrics.requests_per_second",
        "avg ms": "performance_metrics.avg_response_time_ms",
        "p95 ms": "performance_metrics.p95_response_time_ms",
        "errors": "performance_metrics.error_rate",
        "changes": "changes_counted",
        "dead letters": "dead_letters",
        "request units": "request_charge",
    },
    "engagement_summary": {
        "period": "period_start",
        "tier": "engagement_tier",
        "users": "user_count",
        "share": "percentage_of_total",
        "sessions": "avg_metrics.sessions_per_month",
        "score": "avg_metrics.engagement_score",
        "rating": "avg_metrics.satisfaction_rating",
        "growth": "trend_analysis.growth_rate_monthly",
    },
    "incidents_by_content": {
        "period": "period_start",
        "source": "source",
        "incidents": "incident_summary.total_incidents",
        "critical": "incident_summary.by_severity.critical",
        "high": "incident_summary.by_severity.high",
        "false positives": "content_analysis.false_positive_rate",
        "pending": "moderation_actions.manual_reviews_pending",
        "hours": "moderation_actions.avg_resolution_time_hours",
    },
    "user_analytics": {
        "period": "period_start",
        "user": "user_id",
        "tier": "user_profile.user_tier",
        "score": "user_profile.engagement_score",
        "sessions": "session_metrics.total_sessions",
        "interactions": "interaction_metrics.total_interactions",
        "pattern": "behavioral_insights.usage_pattern",
        "cost USD": "cost.total_cost_usd",
    },
    "content_analytics": {
        "period": "period_start",
        "source": "source",
        "citations": "usage_metrics.total_citations",
        "users": "usage_metrics.unique_users_accessed",
        "relevance": "performance_metrics.avg_relevance_score",
        "rating": "performance_metrics.user_satisfaction_avg",
        "rank": "comparative_metrics.vs_other_texts.usage_rank",
    },
}


def columns_of(view: str, documents: list[dict[str, Any]]) -> Columns:
    """The columns of a view's table; columns that no document fills are left out."""
    columns = COLUMNS.get(view) or _plain(documents)
    return {
        heading: path
        for heading, path in columns.items()
        if any(at(document, path) is not None for document in documents)
    }


def at(document: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, None where there is none."""
    value: Any = document
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _plain(documents: list[dict[str, Any]]) -> Columns:
    names = [
        name
        for name, value in (documents[0] if documents else {}).items()
        if name not in METADATA and not isinstance(value, dict | list)
    ]
    return {name: name for name in names[:PLAIN_FIELDS_MAX]}
