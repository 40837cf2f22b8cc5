"""Edges of user_analytics: thresholds, ties and what is absent, from a history written out."""

from typing import Any

import pytest

from cosmos_views.publish.view import Inputs
from materializers import user_analytics
from processors.facts import AnyFact
from tests.ledger.histories_by_hand import counted
from tests.ledger.some_facts import MARCH_10, citation, interaction, session

DAY_SECONDS = 86_400


def at(day: int, hour: int = 12) -> int:
    """A moment of March 2026."""
    return (MARCH_10 + day - 10) * DAY_SECONDS + hour * 3_600


def analytics(*facts: AnyFact) -> dict[str, Any]:
    document = user_analytics.VIEW.render("202603:ada", Inputs(owner=counted(facts)))
    assert document is not None
    return document


@pytest.mark.parametrize(
    ("complexity", "level"),
    [
        (None, None),
        (339_999, "beginner"),
        (340_000, "intermediate"),
        (669_999, "intermediate"),
        (670_000, "advanced"),
    ],
)
def test_expertise_follows_complexity(complexity: int | None, level: str | None) -> None:
    assert level == analytics(interaction(complexity=complexity))["user_profile"]["expertise_level"]


@pytest.mark.parametrize(
    ("minutes", "length"),
    [((), None), ((1,), "short"), ((1, 5), "medium"), ((1, 16), "long"), ((1, 1, 16), "short")],
)
def test_the_longer_of_two_common_session_lengths_is_preferred(
    minutes: tuple[int, ...], length: str | None
) -> None:
    sessions = [session(duration_ms=minute * 60_000) for minute in minutes]
    document = analytics(session(duration_ms=None), *sessions)

    assert length == document["session_metrics"]["preferred_session_length"]


@pytest.mark.parametrize(
    ("days", "frequency"),
    [((1,), None), ((1, 1), 0.0), ((1, 8), 7.0), ((1, 2, 8), 3.5), ((3, 3, 4), 0.5)],
)
def test_sessions_are_so_many_days_apart(days: tuple[int, ...], frequency: float | None) -> None:
    document = analytics(*[session(at_seconds=at(day)) for day in days], interaction())

    assert frequency == document["session_metrics"]["session_frequency_days"]


@pytest.mark.parametrize(
    ("days", "pattern"),
    [
        *[(5, "occasional"), (6, "consistent_seeker")],
        *[(14, "consistent_seeker"), (15, "intensive_learner")],
    ],
)
def test_usage_patterns_go_by_active_days(days: int, pattern: str) -> None:
    document = analytics(*[session(at_seconds=at(1 + day)) for day in range(days)])

    assert pattern == document["behavioral_insights"]["usage_pattern"]
    assert document["behavioral_insights"]["peak_engagement_time"] is None
    assert document["session_metrics"]["peak_usage_hour"] is None


def test_of_equal_hours_the_lowest_and_of_equal_parts_the_first_name() -> None:
    document = analytics(
        interaction(at_seconds=at(1, 20)), interaction(at_seconds=at(1, 3)), session()
    )

    assert document["session_metrics"]["peak_usage_hour"] == 3
    assert document["behavioral_insights"]["peak_engagement_time"] == "evening"


def test_a_text_cited_on_two_days_is_retained() -> None:
    document = analytics(
        interaction(at_seconds=at(1), citations=(citation(), citation("dhammapada"))),
        interaction(at_seconds=at(2), citations=(citation(),)),
    )

    assert document["content_metrics"]["content_retention_rate"] == 0.5
    assert document["content_metrics"]["foundational_texts_accessed"] == [
        "bhagavad_gita",
        "dhammapada",
    ]
    assert analytics(session())["content_metrics"]["content_retention_rate"] is None


@pytest.mark.parametrize(("interactions", "significant"), [(29, False), (30, True)])
def test_thirty_interactions_are_significant(interactions: int, significant: bool) -> None:
    document = analytics(*[interaction()] * interactions)

    assert significant == document["quality_indicators"]["statistical_significance"]
    assert document["interaction_metrics"]["avg_interactions_per_session"] is None


def test_interests_are_the_three_commonest() -> None:
    topics = ["d", "c", "b", "a", "d"]
    profile = analytics(*[interaction(topic=topic) for topic in topics])["user_profile"]

    assert profile["primary_interests"] == ["d", "a", "b"]


def test_a_user_who_was_not_active_has_no_analytics() -> None:
    assert user_analytics.VIEW.render("202604:ada", Inputs(owner=counted([session()]))) is None
    assert user_analytics.VIEW.render("202603:ada", Inputs()) is None
    assert user_analytics.VIEW.document_id("202603:a/b:c") == "user_analytics_a~2Fb:c_202603"
    assert user_analytics.VIEW.partition("202603:a/b:c") == "a/b:c"
