"""Sections 2 to 8 as stories: given these documents, then this view."""

from typing import Any

from tests.oracle.stories import citing, day, incident, interaction, session, view


def only(documents: dict[str, Any]) -> Any:
    assert len(documents) == 1, list(documents)
    return next(iter(documents.values()))


def test_day_exists_by_an_incident_alone_and_its_user_is_new() -> None:
    shown = day(incident(auto_detected=False))

    assert shown["usage_statistics"]["new_users"] == 1
    assert shown["usage_statistics"]["active_users"] == 0
    assert shown["safety_metrics"]["total_abuse_reports"] == 1
    assert shown["system_performance"]["error_rate"] is None
    assert shown["usage_statistics"]["peak_rps"] == 0


def test_discovery_counts_pairs_met_for_the_first_time() -> None:
    shown = day(
        interaction("a", timestamp="2026-03-01T00:00:00Z", **citing("Gita 1.1")),
        interaction("b", **citing("Gita 2.1", "Torah 1.1")),
    )

    assert shown["content_performance"]["content_discovery_rate"] == 0.5


def test_retention_looks_seven_days_back() -> None:
    documents = [
        interaction("a", timestamp="2026-03-03T23:59:59Z"),
        session("b", user_id="bob", start_time="2026-03-02T23:59:59Z"),
        interaction("c"),
        interaction("d", user_id="bob"),
    ]

    assert day(*documents)["business_metrics"]["user_retention_rate"] == 0.5


def test_alerts_compare_exact_figures_in_order() -> None:
    shown = day(interaction("a", status="failed", response_time_ms=3_001, user_rating=3.5))

    assert [alert["alert_type"] for alert in shown["alerts"]] == [
        "error_rate",
        "avg_response_time_ms",
        "user_satisfaction_avg",
    ]
    assert shown["alerts"][1]["value"] == 3_001


def test_popularity_trend_divides_by_seven_days_whatever_they_held() -> None:
    views = view(
        "content_popularity",
        interaction("a", timestamp="2026-03-05T00:00:00Z", **citing("Gita 1.1", "Gita 1.2")),
        interaction("b", **citing("Gita 1.1")),
    )
    shown = views["content_popularity_daily_20260310"]

    assert shown["top_foundational_texts"][0]["trending_score"] == 0.7778  # 1 / (1 + 2/7)
    assert shown["trending_topics"][0]["growth_rate"] == 7
    assert views["content_popularity_monthly_202603"]["data_points"] == 2


def test_popularity_ties_break_by_users_then_by_name() -> None:
    shown = view(
        "content_popularity",
        interaction("a", **citing("Beta 1.1", "Beta 1.2", "Zeta 1.1")),
        interaction("b", user_id="bob", **citing("Zeta 1.1", "Alpha 1.1", "Alpha 1.1")),
    )["content_popularity_daily_20260310"]

    assert [text["source"] for text in shown["top_foundational_texts"]] == [
        "zeta",
        "alpha",
        "beta",
    ]


def test_health_is_the_mean_of_what_is_available() -> None:
    shown = only(view("system_health", interaction(response_time_ms=6_000, user_rating=3)))

    # error rate 1, 3000 / p95 as reported, satisfaction 0.5
    assert shown["performance_metrics"]["p95_response_time_ms"] == 6_009  # the middle of its bucket
    assert shown["overall_health_score"] == 0.6664
    assert shown["health_status"] == "fair"


def test_last_window_of_a_day_is_named_by_the_next() -> None:
    shown = only(view("system_health", interaction(timestamp="2026-03-10T23:55:00Z")))

    assert shown["id"] == "system_health_performance_20260311_0000"


def power_month() -> list[Any]:
    days = [1, 8, 15, 22] * 5
    sessions = [
        session(
            f"s{number}",
            start_time=f"2026-03-{day:02}T10:00:00Z",
            content_depth_score=0.9,
            status="completed",
            duration_seconds=600,
        )
        for number, day in enumerate(days)
    ]
    interactions = [
        interaction(f"i{number}", timestamp=f"2026-03-{days[number % 20]:02}T10:00:00Z")
        for number in range(60)
    ]
    return [*sessions, *interactions]


def test_power_users_outrank_new_ones() -> None:
    views = view("engagement_summary", *power_month())
    power = views["engagement_summary_power_user_202603"]

    assert power["user_count"] == 1
    assert power["avg_metrics"]["engagement_score"] == 0.9765  # 0.83 / 0.85
    assert power["percentage_of_total"] == 1
    assert views["engagement_summary_churned_202604"]["user_count"] == 1
    assert views["engagement_summary_churned_202604"]["avg_metrics"]["engagement_score"] is None
    assert "engagement_summary_churned_202605" not in views


def test_one_session_less_is_engaged() -> None:
    views = view("engagement_summary", *power_month()[1:])

    assert views["engagement_summary_engaged_202603"]["user_count"] == 1


def test_first_day_by_an_incident_makes_a_later_user_casual() -> None:
    views = view(
        "engagement_summary",
        incident(created_at="2026-02-27T00:00:00Z"),
        interaction(),
    )

    assert views["engagement_summary_casual_202603"]["user_count"] == 1
    assert not any(document_id.endswith("202602") for document_id in views)


def test_trend_is_against_the_same_tier_of_the_month_before() -> None:
    views = view(
        "engagement_summary",
        interaction("a", user_rating=4),
        interaction("b", timestamp="2026-04-10T12:00:00Z", user_id="bob", user_rating=4.02),
        interaction("c", timestamp="2026-05-10T12:00:00Z", user_id="eve", user_rating=4.05),
    )

    april = views["engagement_summary_new_202604"]["trend_analysis"]
    may = views["engagement_summary_new_202605"]["trend_analysis"]
    assert april["satisfaction_trend"] == "stable"
    assert may["satisfaction_trend"] == "increasing"
    assert april["growth_rate_monthly"] == 0


def test_incident_counts_under_every_source_cited_whichever_came_first() -> None:
    documents = [
        incident(interaction_id="interaction_a", severity="high"),
        interaction("a", **citing("Gita 1.1", "Gita 1.1", "Torah 2.1")),
    ]

    for order in (documents, documents[::-1]):
        views = view("incidents_by_content", *order)
        assert sorted(views) == ["incidents_gita_202603", "incidents_torah_202603"]
        verses = views["incidents_gita_202603"]["content_analysis"]["flagged_verses"]
        assert verses == ["1.1"]


def test_incident_without_its_interaction_is_unattributed() -> None:
    for stranger in (
        interaction("a", user_id="bob", **citing("Gita 1.1")),
        interaction("a", is_deleted=True, **citing("Gita 1.1")),
        interaction("a"),
        interaction("other", **citing("Gita 1.1")),
    ):
        views = view("incidents_by_content", incident(interaction_id="a"), stranger)
        assert list(views) == ["incidents_unattributed_202603"]


def test_of_two_interactions_that_match_the_smaller_id_is_joined() -> None:
    views = view(
        "incidents_by_content",
        incident(interaction_id="a"),
        interaction("interaction_a", **citing("Torah 1.1")),
        interaction("a", **citing("Gita 1.1")),
    )

    assert list(views) == ["incidents_gita_202603"]


def test_incident_stays_in_its_own_month() -> None:
    views = view(
        "incidents_by_content",
        incident(interaction_id="a", created_at="2026-04-01T00:00:00Z"),
        interaction("a", timestamp="2026-03-31T23:59:59Z", **citing("Gita 1.1")),
    )

    assert list(views) == ["incidents_gita_202604"]


def test_user_analytics_of_a_quiet_month() -> None:
    shown = only(view("user_analytics", session(user_id="a/b%c"), session("t", user_id="a/b%c")))

    assert shown["id"] == "user_analytics_a~2Fb~25c_202603"
    assert shown["user_id"] == "a/b%c"
    assert shown["session_metrics"]["session_frequency_days"] == 0
    assert shown["session_metrics"]["preferred_session_length"] is None
    assert shown["session_metrics"]["peak_usage_hour"] is None
    assert shown["behavioral_insights"]["peak_engagement_time"] is None
    assert shown["quality_indicators"]["data_completeness"] is None


def test_the_longer_session_length_and_the_lowest_hour_win_ties() -> None:
    shown = only(
        view(
            "user_analytics",
            session("s", duration_seconds=299),
            session("t", duration_seconds=901),
            interaction("a", timestamp="2026-03-10T20:00:00Z"),
            interaction("b", timestamp="2026-03-11T03:00:00Z"),
        )
    )

    assert shown["session_metrics"]["preferred_session_length"] == "long"
    assert shown["session_metrics"]["peak_usage_hour"] == 3
    assert shown["behavioral_insights"]["peak_engagement_time"] == "evening"


def test_content_analytics_counts_citations_and_citing_interactions_apart() -> None:
    views = view(
        "content_analytics",
        interaction(
            "a",
            user_rating=5,
            **citing(
                "Torah 1.1",
                {"source": "gita", "chapter": 1, "verse": 1, "relevance_score": 0.5},
                {
                    "source": "gita",
                    "chapter": 2,
                    "verse": 1,
                    "relevance_score": 1,
                    "citation_text": "...",
                },
            ),
        ),
        interaction("b", timestamp="2026-03-11T12:00:00Z", user_rating=2, **citing("Gita 1.2")),
    )
    shown = views["content_analytics_gita_202603"]

    assert shown["usage_metrics"] == {
        "total_citations": 3,
        "unique_users_accessed": 1,
        "return_access_rate": 1,
    }
    assert shown["performance_metrics"]["avg_relevance_score"] == 0.75
    assert shown["performance_metrics"]["user_satisfaction_avg"] == 3.5
    assert shown["performance_metrics"]["search_ranking_position"] == 1.5
    assert shown["quality_metrics"]["citation_completeness"] == 0.3333
    assert [chapter["chapter"] for chapter in shown["chapter_analytics"]] == ["1", "2"]
    assert shown["chapter_analytics"][0]["popular_verses"] == ["1.1", "1.2"]
    ranks = {
        document["source"]: document["comparative_metrics"]["vs_other_texts"]["usage_rank"]
        for document in views.values()
    }
    assert ranks == {"gita": 1, "torah": 2}
