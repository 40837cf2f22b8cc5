"""Section 5: one document per month and engagement tier."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.arithmetic import growth, mean, ranked, ratio, shown, shown_minutes
from tests.oracle.interactions import Interaction
from tests.oracle.periods import (
    compact_month,
    has_begun,
    moment,
    month_of,
    next_month,
    part_of_day,
    previous_month,
)
from tests.oracle.user_months import TIERS, UserMonth, tier_members
from tests.oracle.values import MILLIONTH, rounded_to
from tests.oracle.world import World

Document = dict[str, Any]
TTL_SECONDS = 3_456_000
CRITERIA = {
    "power_user": (20, 0.8, 0.7, 0.75),
    "engaged": (8, 0.5, None, None),
}


def engagement_summary(world: World, now_seconds: int) -> Iterator[Document]:
    active_months = {month_of(day) for day in world.days()}
    for month in sorted(active_months | {next_month(month) for month in active_months}):
        members = tier_members(world, month)
        if not any(members.values()) or not has_begun(month, now_seconds):
            continue
        before = tier_members(world, previous_month(month))
        everyone = sum(len(users) for users in members.values())
        for tier in TIERS:
            yield _document(tier, month, members[tier], before[tier], everyone)


def _document(
    tier: str,
    month: date,
    members: Sequence[UserMonth],
    before: Sequence[UserMonth],
    everyone: int,
) -> Document:
    sessions, score, depth, retention = CRITERIA.get(tier, (None,) * 4)
    described = [] if tier == "churned" else members
    return {
        "id": f"engagement_summary_{tier}_{compact_month(month)}",
        "document_type": "engagement_summary",
        "engagement_tier": tier,
        "ttl": TTL_SECONDS,
        "period_start": month.isoformat(),
        "period_end": next_month(month).isoformat(),
        "tier_criteria": {
            "min_sessions_monthly": sessions,
            "min_engagement_score": score,
            "min_content_depth": depth,
            "retention_rate_threshold": retention,
        },
        "user_count": len(members),
        "sample_size": len(members),
        "percentage_of_total": shown(ratio(len(members), everyone)),
        "avg_metrics": {
            "sessions_per_month": shown(mean(len(each.sessions) for each in described)),
            "engagement_score": shown(mean(each.score for each in described)),
            "session_duration_min": shown_minutes(mean(map(_duration_ms, described))),
            "content_depth_score": shown(mean(map(_depth, described))),
            "satisfaction_rating": shown(mean(map(_rating, described))),
        },
        "common_patterns": _common_patterns(described),
        "trend_analysis": {
            "growth_rate_monthly": shown(growth(len(members), len(before))),
            "engagement_trend": _trend(lambda each: each.score, described, before),
            "satisfaction_trend": _trend(_rating, described, before),
            "retention_trend": _trend(lambda each: each.retention, described, before),
        },
    }


# A mean over users is over values first rounded to milliseconds or millionths.


def _duration_ms(member: UserMonth) -> int | None:
    return None if member.duration_ms is None else round(member.duration_ms)


def _depth(member: UserMonth) -> Fraction | None:
    return None if member.depth is None else rounded_to(MILLIONTH, member.depth)


def _rating(member: UserMonth) -> Fraction | None:
    return None if member.rating is None else rounded_to(MILLIONTH, member.rating)


def _common_patterns(members: Sequence[UserMonth]) -> Document:
    interactions = [each for member in members for each in member.interactions]

    def top_two(name: Callable[[Interaction], str]) -> list[str]:
        return ranked(Counter(map(name, interactions)), top=2)

    return {
        "preferred_personalities": top_two(lambda each: each.personality),
        "peak_usage_times": top_two(lambda each: part_of_day(moment(each.at).hour)),
        "topic_preferences": top_two(lambda each: each.topic),
    }


def _trend(
    measure: Callable[[UserMonth], Fraction | None],
    members: Sequence[UserMonth],
    before: Sequence[UserMonth],
) -> str | None:
    """Against the same tier's mean in the previous month; None without one of the two."""
    now, then = mean(map(measure, members)), mean(map(measure, before))
    if now is None or then is None:
        return None
    if abs(now - then) <= Fraction("0.02"):
        return "stable"
    return "increasing" if now > then else "decreasing"
