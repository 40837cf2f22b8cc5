"""engagement_summary: users by tier and month (views.md, section 5)."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from cosmos_views.ledger.fixed_point import MILLION
from cosmos_views.ledger.instants import next_month, previous_month
from cosmos_views.publish.measures import Row
from cosmos_views.publish.rendering import (
    MINUTE_MS,
    cells_of,
    growth,
    mean_score,
    month_starts_at_seconds,
    period,
    ratio,
    row_of,
    top,
)
from cosmos_views.publish.view import Inputs, Reads, View
from materializers import engagement
from materializers.engagement import CHURNED, ENGAGED, POWER_USER, TIERS
from materializers.grains.month import Tier

TREND = Fraction(2, 100)
"""A mean has to move by more than this to count as a trend."""
PATTERNS_MOST = 2
QUARTERS = len(engagement.QUARTER_STARTS)

_CRITERIA_NONE = {
    "min_sessions_monthly": None,
    "min_engagement_score": None,
    "min_content_depth": None,
    "retention_rate_threshold": None,
}
CRITERIA: Mapping[str, Mapping[str, float | None]] = {
    POWER_USER: {
        "min_sessions_monthly": engagement.POWER_SESSIONS_MIN,
        "min_engagement_score": engagement.POWER_SCORE_MIN / MILLION,
        "min_content_depth": engagement.POWER_DEPTH_MIN_PERCENT / 100,
        "retention_rate_threshold": engagement.POWER_RETENTION_QUARTERS_MIN / QUARTERS,
    },
    ENGAGED: {
        **_CRITERIA_NONE,
        "min_sessions_monthly": engagement.ENGAGED_SESSIONS_MIN,
        "min_engagement_score": engagement.ENGAGED_SCORE_MIN / MILLION,
    },
}


def keys_of(state_key: str) -> Iterable[str]:
    """All five tiers of the month and of the next, which is compared with it."""
    grain, _, month = state_key.partition(":")
    if grain != "month":
        return []
    return [f"{tier}:{one}" for one in (month, next_month(month)) for tier in TIERS]


def reads(key: str) -> Reads:
    """The month and the one before."""
    month = _month(key)
    return Reads(keys=(f"month:{month}", f"month:{previous_month(month)}"))


def render(key: str, inputs: Inputs) -> dict[str, Any] | None:
    """The document of one tier; None while no tier of the month has a member."""
    name, month = _tier(key), _month(key)
    measures = inputs.of(f"month:{month}")
    before = inputs.of(f"month:{previous_month(month)}")
    users = sum(row_of(Tier, measures, f"tier/{one}").users for one in TIERS)
    if not users:
        return None
    tier = row_of(Tier, measures, f"tier/{name}")
    earlier = row_of(Tier, before, f"tier/{name}")
    return {
        "engagement_tier": name,
        "tier_criteria": dict(CRITERIA.get(name, _CRITERIA_NONE)),
        "user_count": tier.users,
        "sample_size": tier.users,
        "percentage_of_total": ratio(tier.users, users),
        "avg_metrics": _averages(Tier() if name == CHURNED else tier),
        "common_patterns": {
            "preferred_personalities": _patterns(measures, "tier-personality", name),
            "peak_usage_times": _patterns(measures, "tier-part", name),
            "topic_preferences": _patterns(measures, "tier-topic", name),
        },
        "trend_analysis": {
            "growth_rate_monthly": growth(tier.users, earlier.users),
            **(_trends(Tier(), Tier()) if name == CHURNED else _trends(tier, earlier)),
        },
        **period(month),
    }


def _averages(tier: Tier) -> dict[str, float | None]:
    return {
        "sessions_per_month": ratio(tier.sessions, tier.users),
        "engagement_score": mean_score(tier.score, tier.users),
        "session_duration_min": ratio(tier.duration_ms, tier.durations * MINUTE_MS),
        "content_depth_score": mean_score(tier.depth, tier.depths),
        "satisfaction_rating": mean_score(tier.rating, tier.ratings),
    }


def _patterns(measures: Mapping[str, Row], kind: str, tier: str) -> list[str]:
    counts = {labels[1]: row[0] for labels, row in cells_of(measures, kind) if labels[0] == tier}
    return top(counts, PATTERNS_MOST)


def _trends(tier: Tier, earlier: Tier) -> dict[str, str | None]:
    return {
        "engagement_trend": _trend(
            (tier.score, tier.users * MILLION), (earlier.score, earlier.users * MILLION)
        ),
        "satisfaction_trend": _trend(
            (tier.rating, tier.ratings * MILLION), (earlier.rating, earlier.ratings * MILLION)
        ),
        "retention_trend": _trend(
            (tier.retention_quarters, tier.users * QUARTERS),
            (earlier.retention_quarters, earlier.users * QUARTERS),
        ),
    }


def _trend(now: tuple[int, int], before: tuple[int, int]) -> str | None:
    """How a mean (sum, count) moved; None where there is no mean to compare."""
    if not now[1] or not before[1]:
        return None
    moved = Fraction(*now) - Fraction(*before)
    if moved > TREND:
        return "increasing"
    return "decreasing" if moved < -TREND else "stable"


def _tier(key: str) -> str:
    return key.partition(":")[0]


def _month(key: str) -> str:
    return key.partition(":")[2]


VIEW = View(
    name="engagement_summary",
    partition_key="engagement_tier",
    pace_seconds=300,
    ttl_seconds=3_456_000,
    calculation_version="1",
    keys_of=keys_of,
    starts_at_seconds=lambda key: month_starts_at_seconds(_month(key)),
    reads=reads,
    document_id=lambda key: f"engagement_summary_{_tier(key)}_{_month(key)}",
    partition=_tier,
    key_of=lambda document: f"{document['engagement_tier']}:{document['id'].rpartition('_')[2]}",
    render=render,
    compared=("trend_analysis",),
    columns={
        "period": "period_start",
        "tier": "engagement_tier",
        "users": "user_count",
        "share": "percentage_of_total",
        "sessions": "avg_metrics.sessions_per_month",
        "score": "avg_metrics.engagement_score",
        "rating": "avg_metrics.satisfaction_rating",
        "growth": "trend_analysis.growth_rate_monthly",
    },
)
