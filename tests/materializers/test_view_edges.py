"""Ties, cuts, thresholds and empty denominators of the views, from measures written out."""

from typing import Any

import pytest

from cosmos_views.publish.measures import Measures
from cosmos_views.publish.view import Inputs
from materializers import (
    content_analytics,
    content_popularity,
    daily_metrics,
    engagement_summary,
    incidents_by_content,
    system_health,
)
from tests.ledger.some_facts import MARCH_10

DAY_SECONDS = 86_400


def at(day: int, hour: int = 12) -> int:
    """A moment of March 2026."""
    return (MARCH_10 + day - 10) * DAY_SECONDS + hour * 3_600


def popularity(key: str, **partials: Measures) -> dict[str, Any]:
    named = {name.replace("__", ":"): measures for name, measures in partials.items()}
    document = content_popularity.VIEW.render(key, Inputs(named))
    assert document is not None
    return document


# daily_metrics


def test_a_day_with_a_session_alone_has_no_rates_of_interactions() -> None:
    measures = {"sessions": [1], "users": [1]}
    document = daily_metrics.VIEW.render("20260310", Inputs({"day:20260310": measures}))

    assert document is not None
    assert document["system_performance"]["error_rate"] is None
    assert document["system_performance"]["total_requests"] == 0
    assert document["usage_statistics"]["avg_session_duration_min"] is None
    assert document["usage_statistics"]["peak_rps"] == 0
    assert document["business_metrics"] == {
        "session_completion_rate": None,
        "user_retention_rate": 0.0,
    }
    assert document["ai_performance"]["total_cost_usd"] == 0
    assert document["alerts"] == []


@pytest.mark.parametrize("cell", ["interactions", "sessions", "incidents"])
def test_one_document_of_any_source_makes_a_day(cell: str) -> None:
    assert daily_metrics.VIEW.render("20260310", Inputs({"day:20260310": {cell: [1]}}))


def test_a_day_of_which_nothing_counts_is_none() -> None:
    first_days_only = {"users": [0, 1, 1], "text/a": [0, 1]}

    assert daily_metrics.VIEW.render("20260310", Inputs({"day:20260310": first_days_only})) is None
    assert daily_metrics.VIEW.render("20260310", Inputs()) is None


def test_of_models_that_share_a_key_the_most_requested_names_it_then_the_name() -> None:
    measures: Measures = {
        "interactions": [5],
        "model/a.b": [1, 1, 10, 100, 200, 50, 1],
        "model/a-b": [2, 0, 30, 100, 0, 0, 1, 500_000, 1],
        "model/a_b": [2, 0, 0, 0, 0, 0, 0, 700_000, 1],
        "model/?": [1],
    }
    document = daily_metrics.VIEW.render("20260310", Inputs({"day:20260310": measures}))

    assert document is not None
    assert document["ai_performance"]["model_performance"] == {
        "a_b": {
            "model": "a-b",
            "requests": 5,
            "avg_tokens_input": 100.0,
            "avg_tokens_output": 100.0,
            "total_tokens_input": 200,
            "total_tokens_output": 200,
            "cached_input_share": 0.25,
            "cost_usd": 0.0,
            "unpriced_requests": 1,
            "quality_score": 0.6,
        },
        "unknown": {
            "model": "?",
            "requests": 1,
            "avg_tokens_input": None,
            "avg_tokens_output": None,
            "total_tokens_input": 0,
            "total_tokens_output": 0,
            "cached_input_share": None,
            "cost_usd": 0.0,
            "unpriced_requests": 0,
            "quality_score": None,
        },
    }


def test_a_text_that_is_not_cited_any_more_is_not_counted() -> None:
    measures: Measures = {"interactions": [1], "text/a": [1, 1], "text/b": [0, 1]}
    document = daily_metrics.VIEW.render("20260310", Inputs({"day:20260310": measures}))

    assert document is not None
    assert document["content_performance"]["unique_texts_accessed"] == 1


def test_peaks_are_those_of_the_busiest_window() -> None:
    document = daily_metrics.VIEW.render(
        "20260310",
        Inputs(
            {
                "day:20260310": {"interactions": [9]},
                "window:202603101200": {"second/1": [2], "second/2": [4], "minute/0": [1]},
                "window:202603101205": {"second/1": [3], "minute/4": [5]},
            }
        ),
    )

    assert document is not None
    assert document["usage_statistics"]["peak_rps"] == 4
    assert document["usage_statistics"]["peak_concurrent_users"] == 5


# content_popularity


def test_texts_go_by_citations_users_and_name_and_are_cut_at_ten() -> None:
    texts = {f"text/t{number:02d}": [1, 1] for number in range(12)}
    day: Measures = {"interactions": [1], **texts, "text/z": [2], "text/y": [1, 2], "text/n": [0]}
    ranked = popularity("20260310", day__20260310=day)["top_foundational_texts"]

    assert [one["source"] for one in ranked] == ["z", "y", *(f"t{n:02d}" for n in range(8))]
    assert [one["rank"] for one in ranked] == list(range(1, 11))


def test_a_trend_compares_with_the_mean_of_seven_days() -> None:
    day: Measures = {"interactions": [1], "text/a": [3], "topic/duty": [3, 9_000_000, 2]}
    before: Measures = {"text/a": [7], "topic/duty": [7], "text/b": [9]}
    document = popularity("20260310", day__20260310=day, day__20260305=before)

    assert document["top_foundational_texts"][0]["trending_score"] == 0.75
    assert document["trending_topics"] == [
        {"topic": "duty", "query_count": 3, "growth_rate": 3.0, "satisfaction_score": 4.5}
    ]
    assert len(document["top_foundational_texts"]) == 1


def test_a_month_compares_with_the_whole_month_before() -> None:
    document = popularity(
        "202603",
        day__20260310={"interactions": [1], "text/a": [3], "topic/duty": [1]},
        day__20260331={"interactions": [2], "text/a": [1], "topic/duty": [2]},
        day__20260205={"interactions": [9], "text/a": [4], "topic/duty": [4]},
        month__202603={"source/a": [0, 2]},
    )

    assert document["data_points"] == 3
    assert document["date"] == "2026-03-01"
    assert (document["time_period"], document["ttl"]) == ("monthly", 3_456_000)
    assert document["top_foundational_texts"][0]["trending_score"] == 0.5
    assert document["top_foundational_texts"][0]["unique_users"] == 2
    assert document["trending_topics"][0]["growth_rate"] == 0.75


def test_without_an_interaction_there_is_no_popularity() -> None:
    before: Measures = {"interactions": [1]}

    assert content_popularity.VIEW.render("20260310", Inputs({"day:20260309": before})) is None
    assert content_popularity.VIEW.render("202603", Inputs({"day:20260228": before})) is None


@pytest.mark.parametrize(
    ("row", "efficiency"),
    [([2], None), ([2, 0, 0, 0, 1], 1.0), ([2, 0, 0, 2_400, 2], 1.0), ([2, 0, 0, 2_500, 2], 0.96)],
)
def test_efficiency_is_measured_against_twelve_hundred_ms(
    row: list[int], efficiency: float | None
) -> None:
    document = popularity("20260310", day__20260310={"interactions": [1], "personality/k": row})

    assert document["personality_rankings"][0]["efficiency_score"] == efficiency


def test_content_is_summed_over_sources_that_share_an_id_and_takes_the_commonest_topic() -> None:
    document = popularity(
        "20260310",
        **{
            "day__20260310": {"interactions": [1]},
            "source-day__20260310:a": {
                "verse/b_c/d": [2, 1_000_000, 2, 500_000, 1],
                "about/b_c/d/duty": [1],
                "about/b_c/d/karma": [2],
            },
            "source-day__20260310:a_b": {"verse/c/d": [1, 0, 1], "about/c/d/duty": [1]},
        },
    )

    assert document["trending_content"] == [
        {
            "rank": 1,
            "content_id": "a_b_c_d",
            "citations": 3,
            "relevance_score": 0.3333,
            "user_engagement": 0.5,
            "topic": "duty",
        }
    ]


def test_what_popularity_reads() -> None:
    day, month = (content_popularity.VIEW.reads(key) for key in ("20260303", "202603"))

    assert day.ranges == (
        ("day:20260224", "day:20260304"),
        ("source-day:20260303", "source-day:20260304"),
    )
    assert month.keys == ("month:202603", "month:202602")
    assert month.ranges == (
        ("day:202602", "day:202604"),
        ("source-day:202603", "source-day:202604"),
    )


# system_health


@pytest.mark.parametrize(
    ("row", "score", "status"),
    [
        ([1_000, 0], 1.0, "excellent"),
        ([1_000, 5], 0.9, "excellent"),
        ([10_000, 51], 0.898, "good"),
        ([10_000, 125], 0.75, "good"),
        ([10_000, 126], 0.748, "fair"),
        ([10_000, 250], 0.5, "fair"),
        ([10_000, 251], 0.498, "poor"),
        ([10, 10], 0.0, "poor"),
        ([1, 0, 0, 0, 3_000_000, 1], 0.75, "good"),
        ([1, 0, 0, 0, 0, 0, 0, 0, 500_000, 1], 0.75, "good"),
        ([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 500_000, 1], 0.75, "good"),
    ],
)
def test_health_is_the_mean_of_what_is_known(row: list[int], score: float, status: str) -> None:
    document = system_health.VIEW.render(
        "202603101200", Inputs({"window:202603101200": {"interactions": row}})
    )

    assert document is not None
    assert (score, status) == (document["overall_health_score"], document["health_status"])


@pytest.mark.parametrize(
    ("response", "score"), [("response/0", 1.0), ("response/240", 1.0), ("response/320", 0.7496)]
)
def test_health_falls_with_the_95th_percentile(response: str, score: float) -> None:
    measures: Measures = {"interactions": [1], response: [1]}
    document = system_health.VIEW.render("202603101200", Inputs({"window:202603101200": measures}))

    assert document is not None
    assert document["overall_health_score"] == score


def test_a_window_is_named_by_its_end_over_midnight() -> None:
    assert system_health.VIEW.document_id("202612312355") == (
        "system_health_performance_20270101_0000"
    )
    assert system_health.VIEW.starts_at_seconds("202603101205") == at(10) + 300
    assert system_health.VIEW.render("202603101200", Inputs()) is None


# engagement_summary


def summary(tier: str, now: Measures, before: Measures | None = None) -> dict[str, Any]:
    partials = {"month:202603": now, "month:202602": before or {}}
    document = engagement_summary.VIEW.render(f"{tier}:202603", Inputs(partials))
    assert document is not None
    return document


@pytest.mark.parametrize(
    ("now", "before", "trend"),
    [
        (520_001, 500_000, "increasing"),
        (520_000, 500_000, "stable"),
        (480_000, 500_000, "stable"),
        (479_999, 500_000, "decreasing"),
    ],
)
def test_a_mean_that_moves_by_more_than_two_percent_points_is_a_trend(
    now: int, before: int, trend: str
) -> None:
    document = summary("casual", {"tier/casual": [1, 0, now]}, {"tier/casual": [1, 0, before]})

    assert document["trend_analysis"]["engagement_trend"] == trend
    assert document["trend_analysis"]["growth_rate_monthly"] == 0
    assert document["trend_analysis"]["satisfaction_trend"] is None


def test_retention_compares_mean_quarters() -> None:
    now, before = {"tier/new": [2, 0, 0, 5]}, {"tier/new": [1, 0, 0, 2]}

    assert summary("new", now, before)["trend_analysis"]["retention_trend"] == "increasing"
    assert summary("new", now, now)["trend_analysis"]["retention_trend"] == "stable"


def test_a_tier_without_members_stands_beside_one_that_has_some() -> None:
    document = summary("power_user", {"tier/churned": [4]})

    assert (document["user_count"], document["percentage_of_total"]) == (0, 0.0)
    assert document["trend_analysis"]["growth_rate_monthly"] is None
    assert engagement_summary.VIEW.render("new:202603", Inputs()) is None


def test_churn_grows_like_any_tier_and_has_nothing_else_to_compare() -> None:
    document = summary("churned", {"tier/churned": [3]}, {"tier/churned": [2]})

    assert document["trend_analysis"] == {
        "growth_rate_monthly": 0.5,
        "engagement_trend": None,
        "satisfaction_trend": None,
        "retention_trend": None,
    }
    assert set(document["avg_metrics"].values()) == {None}


def test_patterns_are_the_two_commonest_of_the_tier_itself() -> None:
    measures = {
        "tier/new": [1],
        "tier-topic/new/a/b": [9],
        "tier-topic/new/x": [1],
        "tier-topic/new/y": [2],
        "tier-topic/new/z": [2],
        "tier-topic/casual/most": [9],
    }
    patterns = summary("new", {**measures})["common_patterns"]

    assert patterns["topic_preferences"] == ["a", "y"]
    assert patterns["preferred_personalities"] == []


# incidents_by_content


def test_incidents_are_cut_where_the_definitions_say() -> None:
    counts = {
        f"{kind}/{n:02d}": [20 - n] for kind in ("chapter", "verse", "category") for n in range(12)
    }
    measures: Measures = {"incidents": [4, 1, 2], **counts}
    document = incidents_by_content.VIEW.render(
        "202603:a", Inputs({"incident-month:202603:a": measures})
    )

    assert document is not None
    analysis = document["content_analysis"]
    assert analysis["most_flagged_chapters"] == ["00", "01", "02"]
    assert analysis["flagged_verses"] == [f"{number:02d}" for number in range(10)]
    assert analysis["common_violation_patterns"] == ["00", "01", "02"]
    assert analysis["false_positive_rate"] == 0.5
    assert document["moderation_actions"]["avg_resolution_time_hours"] is None
    assert document["trend_analysis"]["incident_growth_rate"] is None
    assert incidents_by_content.VIEW.document_id("202603:a%b") == "incidents_a~25b_202603"


# content_analytics


def test_ranks_are_dense_and_growth_is_in_percent() -> None:
    month: Measures = {"source/a": [2, 3], "source/b": [5], "source/c": [5], "source/d": [3]}
    before: Measures = {"source/a": [1, 2], "source/b": [9]}
    document = content_analytics.VIEW.render(
        "202603:a",
        Inputs(
            {
                "month:202603": month,
                "month:202602": before,
                "source-day:20260310:a": {"source": [2, 0, 0, 0, 1, 3]},
            }
        ),
    )

    assert document is not None
    assert document["comparative_metrics"] == {
        "vs_other_texts": {"usage_rank": 3},
        "growth_trends": {"usage_growth_percent": 100.0, "user_growth_percent": 50.0},
    }
    assert document["performance_metrics"]["search_ranking_position"] == 3.0


def test_chapters_and_topics_are_ranked_and_cut() -> None:
    verses = {f"verse/{chapter}/{verse}": [1] for chapter in "12" for verse in "abcd"}
    topics = {f"topic/t{number}": [1] for number in range(7)}
    measures: Measures = {"source": [9, 0, 0, 0, 10], **verses, **topics, "verse/3/x": [1]}
    document = content_analytics.VIEW.render(
        "202603:a", Inputs({"source-day:20260310:a": measures})
    )

    assert document is not None
    chapters = document["chapter_analytics"]
    assert [one["chapter"] for one in chapters] == ["1", "2", "3"]
    assert chapters[0]["popular_verses"] == ["1.a", "1.b", "1.c"]
    assert chapters[0]["citation_frequency"] == 0.4444
    primary = document["topic_analytics"]["primary_topics"]
    assert [one["topic"] for one in primary] == [f"t{number}" for number in range(5)]
    assert primary[0]["frequency"] == 0.1


def test_every_source_of_the_month_is_expanded() -> None:
    measures: Measures = {"source/a": [1], "source/b_c": [2], "tier/new": [1]}
    expand = content_analytics.VIEW.expand

    assert expand is not None
    assert expand("*:202603", Inputs({"month:202603": measures})) == ["202603:a", "202603:b_c"]
    assert content_analytics.VIEW.reads("*:202603").keys == ("month:202603",)
    assert content_analytics.VIEW.starts_at_seconds("*:202603") == at(1, 0)
