"""user_analytics: one user's month, from the user's own documents (views.md, section 7)."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from cosmos_views.ledger.fixed_point import MILLION
from cosmos_views.ledger.labels import bounded_id, in_id
from cosmos_views.publish.rendering import (
    MINUTE_MS,
    mean_score,
    month_of,
    month_starts_at_seconds,
    period,
    ratio,
    top,
    usd,
)
from cosmos_views.publish.view import Inputs, Reads, View
from materializers import engagement
from materializers.users.history import Month, MonthTotals

INTERESTS_MOST = 3
BEGINNER_BELOW, INTERMEDIATE_BELOW = Fraction(34, 100), Fraction(67, 100)
INTENSIVE_DAYS_MIN, CONSISTENT_DAYS_MIN = 15, 6
RETAINED_DAYS_MIN = 2
SIGNIFICANT_SAMPLE_MIN = 30


def keys_of(state_key: str) -> Iterable[str]:
    """A user's month is published when it is touched."""
    grain, _, key = state_key.partition(":")
    return [key] if grain == "user" else []


def render(key: str, inputs: Inputs) -> dict[str, Any] | None:
    """The document of one user and month; None without an interaction or session."""
    month, user = _month(key), inputs.owner
    standing = None if user is None else engagement.standing(user, month)
    if user is None or standing is None:
        return None
    block = user.month(month)
    sums = block.sums
    return {
        "user_id": _user(key),
        "analysis_period": "monthly",
        "user_profile": {
            "user_tier": standing.tier,
            "engagement_score": mean_score(standing.score, 1),
            "expertise_level": _expertise(sums),
            "primary_interests": top(block.topics, INTERESTS_MOST),
            "personality_affinity": top(block.personalities, INTERESTS_MOST),
        },
        "session_metrics": {
            "total_sessions": block.sessions,
            "avg_session_duration_min": ratio(sums.duration_ms, sums.durations * MINUTE_MS),
            "session_completion_rate": ratio(sums.completed, sums.ended),
            "peak_usage_hour": min(
                block.hours, key=lambda hour: (-block.hours[hour], hour), default=None
            ),
            "preferred_session_length": _session_length(sums),
            "session_frequency_days": _session_frequency(block),
        },
        "interaction_metrics": {
            "total_interactions": block.interactions,
            "avg_interactions_per_session": ratio(block.interactions, block.sessions),
            "query_complexity_avg": mean_score(sums.complexity, sums.complexities),
            "response_satisfaction_avg": mean_score(sums.rating, sums.ratings),
        },
        "content_metrics": _content(block, sums),
        "behavioral_insights": {
            "usage_pattern": _usage_pattern(block),
            "peak_engagement_time": _peak_part(block),
        },
        "cost": {
            "total_cost_usd": usd(sums.cost_nano_usd),
            "input_tokens": sums.input_tokens,
            "output_tokens": sums.output_tokens,
        },
        "quality_indicators": {
            "data_completeness": ratio(sums.complete, block.interactions),
            "sample_size": block.interactions,
            "statistical_significance": block.interactions >= SIGNIFICANT_SAMPLE_MIN,
        },
        **period(month),
    }


def _expertise(sums: MonthTotals) -> str | None:
    if not sums.complexities:
        return None
    complexity = Fraction(sums.complexity, sums.complexities * MILLION)
    if complexity < BEGINNER_BELOW:
        return "beginner"
    return "intermediate" if complexity < INTERMEDIATE_BELOW else "advanced"


def _session_length(sums: MonthTotals) -> str | None:
    """The most frequent length; the longer wins a tie."""
    counts = {
        "long": sums.long_sessions,
        "medium": sums.medium_sessions,
        "short": sums.short_sessions,
    }
    longest = max(counts, key=lambda name: counts[name])
    return longest if counts[longest] else None


def _session_frequency(block: Month) -> float | None:
    """Days between the first and last session day, per session after the first."""
    days = sorted(number for number, day in block.days.items() if day.sessions)
    return ratio(days[-1] - days[0], block.sessions - 1) if block.sessions > 1 else None


def _content(block: Month, sums: MonthTotals) -> dict[str, Any]:
    citations: dict[str, int] = {}
    days: dict[str, int] = {}
    for day in block.days.values():
        for source, count in day.sources.items():
            citations[source] = citations.get(source, 0) + count
            days[source] = days.get(source, 0) + 1
    retained = sum(count >= RETAINED_DAYS_MIN for count in days.values())
    return {
        "foundational_texts_accessed": top(citations),
        "content_depth_score": mean_score(sums.depth, sums.depths),
        "content_retention_rate": ratio(retained, len(days)),
    }


def _usage_pattern(block: Month) -> str:
    days = len(block.active_days)
    if days >= INTENSIVE_DAYS_MIN:
        return "intensive_learner"
    return "consistent_seeker" if days >= CONSISTENT_DAYS_MIN else "occasional"


def _peak_part(block: Month) -> str | None:
    counts: dict[str, int] = {}
    for hour, interactions in block.hours.items():
        part = engagement.part_of_day(hour)
        counts[part] = counts.get(part, 0) + interactions
    return next(iter(top(counts, 1)), None)


def _month(key: str) -> str:
    return key.partition(":")[0]


def _user(key: str) -> str:
    return key.partition(":")[2]


VIEW = View(
    name="user_analytics",
    partition_key="user_id",
    pace_seconds=900,
    ttl_seconds=7_776_000,
    calculation_version="1",
    keys_of=keys_of,
    starts_at_seconds=lambda key: month_starts_at_seconds(_month(key)),
    reads=lambda key: Reads(owner=_user(key), part=_month(key)),
    document_id=lambda key: bounded_id(f"user_analytics_{in_id(_user(key))}_{_month(key)}"),
    partition=_user,
    key_of=lambda document: f"{month_of(document)}:{document['user_id']}",
    render=render,
    names_owner=True,
    columns={
        "period": "period_start",
        "user": "user_id",
        "tier": "user_profile.user_tier",
        "score": "user_profile.engagement_score",
        "sessions": "session_metrics.total_sessions",
        "interactions": "interaction_metrics.total_interactions",
        "pattern": "behavioral_insights.usage_pattern",
        "cost USD": "cost.total_cost_usd",
    },
)
