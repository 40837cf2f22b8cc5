"""Section 7: one document per user and month."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.arithmetic import (
    mean,
    present,
    ranked,
    ratio,
    shown,
    shown_minutes,
    shown_usd,
)
from tests.oracle.daily_metrics import data_completeness
from tests.oracle.interactions import Interaction
from tests.oracle.periods import (
    compact_month,
    has_begun,
    moment,
    month_of,
    next_month,
    part_of_day,
)
from tests.oracle.sessions import Session
from tests.oracle.user_months import UserMonth, user_months
from tests.oracle.view_ids import encoded, shortened
from tests.oracle.world import World

Document = dict[str, Any]
TTL_SECONDS = 7_776_000


def user_analytics(world: World, now_seconds: int) -> Iterator[Document]:
    for month in sorted({month_of(day) for day in world.days()}):
        if has_begun(month, now_seconds):
            for user_month in user_months(world, month).values():
                yield _document(user_month, month)


def _document(user_month: UserMonth, month: date) -> Document:
    interactions, sessions = user_month.interactions, user_month.sessions
    tokens = [each.tokens for each in interactions if each.tokens is not None]
    complexity = mean(each.complexity for each in interactions)
    return {
        "id": shortened(f"user_analytics_{encoded(user_month.user)}_{compact_month(month)}"),
        "document_type": "user_analytics",
        "user_id": user_month.user,
        "ttl": TTL_SECONDS,
        "analysis_period": "monthly",
        "period_start": month.isoformat(),
        "period_end": next_month(month).isoformat(),
        "user_profile": {
            "user_tier": user_month.tier,
            "engagement_score": shown(user_month.score),
            "expertise_level": _expertise(complexity),
            "primary_interests": ranked(Counter(each.topic for each in interactions), top=3),
            "personality_affinity": ranked(
                Counter(each.personality for each in interactions), top=3
            ),
        },
        "session_metrics": _session_metrics(user_month),
        "interaction_metrics": {
            "total_interactions": len(interactions),
            "avg_interactions_per_session": shown(ratio(len(interactions), len(sessions))),
            "query_complexity_avg": shown(complexity),
            "response_satisfaction_avg": shown(user_month.rating),
        },
        "content_metrics": _content_metrics(user_month),
        "behavioral_insights": {
            "usage_pattern": _usage_pattern(len(user_month.active_days)),
            "peak_engagement_time": _first(
                ranked(Counter(part_of_day(moment(each.at).hour) for each in interactions))
            ),
        },
        "cost": {
            "total_cost_usd": shown_usd(sum(each.nano_usd or 0 for each in interactions)),
            "input_tokens": sum(count for count, _ in tokens),
            "output_tokens": sum(count for _, count in tokens),
        },
        "quality_indicators": {
            "data_completeness": shown(data_completeness(interactions)),
            "sample_size": len(interactions),
            "statistical_significance": len(interactions) >= 30,
        },
    }


def _first(names: Sequence[str]) -> str | None:
    return names[0] if names else None


def _expertise(complexity: Fraction | None) -> str | None:
    if complexity is None:
        return None
    if complexity < Fraction("0.34"):
        return "beginner"
    return "intermediate" if complexity < Fraction("0.67") else "advanced"


def _usage_pattern(active_days: int) -> str:
    if active_days >= 15:
        return "intensive_learner"
    return "consistent_seeker" if active_days >= 6 else "occasional"


def _session_metrics(user_month: UserMonth) -> Document:
    sessions = user_month.sessions
    hours = Counter(moment(each.at).hour for each in user_month.interactions)
    return {
        "total_sessions": len(sessions),
        "avg_session_duration_min": shown_minutes(user_month.duration_ms),
        "session_completion_rate": shown(user_month.completion_rate),
        "peak_usage_hour": min(hours, key=lambda hour: (-hours[hour], hour), default=None),
        "preferred_session_length": _preferred_length(sessions),
        "session_frequency_days": shown(_days_between(sessions)),
    }


def _preferred_length(sessions: Sequence[Session]) -> str | None:
    """The most frequent length; the longer wins a tie."""
    lengths = Counter(map(_length, present(session.duration_ms for session in sessions)))
    by_length = ["long", "medium", "short"]
    return max(by_length, key=lambda length: lengths[length]) if lengths else None


def _length(duration_ms: Fraction | int) -> str:
    if duration_ms < 5 * 60_000:
        return "short"
    return "medium" if duration_ms <= 15 * 60_000 else "long"


def _days_between(sessions: Sequence[Session]) -> Fraction | None:
    if len(sessions) < 2:
        return None
    days = [session.day for session in sessions]
    return ratio((max(days) - min(days)).days, len(sessions) - 1)


def _content_metrics(user_month: UserMonth) -> Document:
    days = _days_by_source(user_month.interactions)
    citations = Counter(
        citation.source for each in user_month.interactions for citation in each.citations
    )
    returned_to = sum(len(cited_on) >= 2 for cited_on in days.values())
    return {
        "foundational_texts_accessed": ranked(citations),
        "content_depth_score": shown(user_month.depth),
        "content_retention_rate": shown(ratio(returned_to, len(citations))),
    }


def _days_by_source(interactions: Sequence[Interaction]) -> Mapping[str, set[date]]:
    days: dict[str, set[date]] = defaultdict(set)
    for interaction in interactions:
        for source in interaction.sources:
            days[source].add(interaction.day)
    return days
