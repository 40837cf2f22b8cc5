"""Section 1 as stories: which documents count, and what their values mean."""

from decimal import Decimal
from typing import Any

import pytest

from tests.oracle import SourceDocument, classify, latest_versions
from tests.oracle.arithmetic import percentile
from tests.oracle.citations import read_citation
from tests.oracle.periods import moment
from tests.oracle.pricing import PriceOverride, Prices
from tests.oracle.stories import WRITTEN, citing, day, incident, interaction, session, view
from tests.oracle.values import instant


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, "counted"),
        ({"document_type": "interaction"}, "counted"),
        ({"document_type": "", "type": "usage_tracking"}, "counted"),
        ({"document_type": "session"}, "ignored"),
        ({"document_type": "weather", "user_rating": "bad"}, "ignored"),
        ({"document_type": "weather", "is_deleted": True}, "ignored"),
        ({"document_type": 5}, ("dead", "document_type")),
        ({"document_type": 5, "is_deleted": True}, ("dead", "document_type")),
        ({"document_type": None, "type": 5}, ("dead", "type")),
        ({"is_deleted": True, "user_rating": "bad"}, "deleted"),
        ({"deleted": True}, "deleted"),
        ({"deleted": False}, "counted"),
    ],
)
def test_kind_first_then_soft_delete_then_validity(fields: dict[str, Any], outcome: Any) -> None:
    assert classify(interaction(**fields)) == outcome


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"userId": 5}, "userId"),
        ({"user_id": "u" * 901}, "user_id"),
        ({"timestamp": "2026-03-10"}, "timestamp"),
        ({"cost_data": {"timestamp": "soon"}}, "cost_data.timestamp"),
        ({"timestamp": WRITTEN + 86_401}, "timestamp"),
        ({"response_time_ms": ""}, "response_time_ms"),
        ({"response_time_ms": 3_600_000.1}, "response_time_ms"),
        ({"cost_data": {"input_tokens": 1}, "inputTokens": 1.5}, "inputTokens"),
        ({"cost_data": []}, "cost_data"),
        ({"feedback_rating": True, "user_rating": 5}, "feedback_rating"),
        ({"user_feedback": {"accurate": 1}}, "user_feedback.accurate"),
        ({"quality_metrics": {"safety_score": 1.1}}, "quality_metrics.safety_score"),
        (citing("Gita 1.1", {"source": 5}), "foundational_texts_used[1].source"),
        ({"foundational_texts_used": [5]}, "foundational_texts_used[0]"),
    ],
)
def test_dead_letter_names_the_field(fields: dict[str, Any], path: str) -> None:
    assert classify(interaction(**fields)) == ("dead", path)


@pytest.mark.parametrize(
    "fields",
    [
        {"user_feedback": "good"},
        {"user_rating": 17},
        {"cost_data": {"input_tokens": 234.0}},
        {"processing_stages": {"generation_ms": "unnamed, unchecked"}},
        {"timestamp": WRITTEN + 86_400},
        {"user_id": "u" * 900},
        {"timestamp": "", "created_at": "2026-03-10T12:00:00Z"},
    ],
)
def test_tolerated(fields: dict[str, Any]) -> None:
    assert classify(interaction(**fields)) == "counted"


def test_session_that_ends_before_it_starts_is_dead() -> None:
    assert classify(session(end_time="2026-03-10T11:00:00Z")) == ("dead", "end_time")


def test_incident_resolved_before_it_was_created_is_dead() -> None:
    early = incident(resolution={"resolution_timestamp": "2026-03-10T11:00:00Z"})

    assert classify(early) == ("dead", "resolution.resolution_timestamp")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1),
        ("1970-01-01 00:00:01", 1),
        ("1970-01-01T01:00:01+01:00", 1),
        ("1969-12-31T23:00:01-01:00", 1),
        ("1970-01-01T00:00:01.9999999Z", Decimal("1.999999")),
        (99_999_999_999, 99_999_999_999),
        (100_000_000_000, 100_000_000),
        (1.5, Decimal("1.5")),
        ("1969-12-31T23:59:59Z", None),
        ("1970-01-01t00:00:01z", 1),
        ("1970-01-01T05:30:01+0530", 1),
        ("1970-01-01T05:00:01+05", 1),
        ("1969-12-31T24:00:00.000", 0),
        ("/Date(1500+0100)/", Decimal("1.5")),
        ("1970-01-01T00:00:01+24", None),
        ("1970-01-01  00:00:01", None),
        ("1970-01-01T00:00:01.", None),
        ("1970-01-01T00:00:01.1234567890", None),
        ("1970-01-01", None),
        ("1970-01-01T24:00:00.1", None),
        ("1970-01-01T00:00:60", None),
        ("2026-02-29T00:00:00", None),
        (True, None),
        (-1, None),
    ],
)
def test_times(value: Any, seconds: Decimal | int | None) -> None:
    assert instant(value) == (None if seconds is None else int(seconds * 1_000_000))


def test_an_empty_user_is_anonymous_and_counts_everywhere_but_among_users() -> None:
    documents = [
        interaction(str(number), user_id=user, **citing("Gita 1.1"))
        for number, user in enumerate(["", None, ...])
    ]
    shown = day(*documents)

    assert shown["usage_statistics"]["total_interactions"] == 3
    assert shown["usage_statistics"]["active_users"] == 0
    assert shown["usage_statistics"]["peak_concurrent_users"] == 0
    assert shown["usage_statistics"]["peak_rps"] == 3
    assert shown["content_performance"]["total_citations"] == 3
    assert shown["content_performance"]["content_discovery_rate"] is None
    assert view("user_analytics", *documents) == {}
    assert view("engagement_summary", *documents) == {}


def test_the_same_id_under_three_partition_key_values_is_three_documents() -> None:
    versions = [interaction(user_id=user) for user in ("", None, ..., "", None, ...)]

    assert len(latest_versions(versions)) == 3


def test_the_user_is_the_first_present_of_its_fields() -> None:
    documents = [
        interaction("a", user_id="", userId="ada"),
        interaction("b", user_id=None, partition_key="ada"),
        interaction("c", user_id="ada", userId="bob"),
    ]

    assert day(*documents)["usage_statistics"]["active_users"] == 1


def test_first_rating_wins_before_its_range_is_looked_at() -> None:
    shown = day(interaction("a", user_rating=6, feedback_rating=3), interaction("b", user_rating=2))

    assert shown["quality_metrics"]["user_satisfaction_avg"] == 2


def test_labels_over_128_characters_and_absent_ones_are_unknown() -> None:
    shown = day(
        interaction("a", personality_id="p" * 129),
        interaction("b"),
        interaction("c", personality_id="p" * 128),
    )

    used = shown["ai_performance"]["personalities_used"]
    assert {name: figures["requests"] for name, figures in used.items()} == {
        "unknown": 2,
        "p" * 128: 1,
    }


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ("Bhagavad Gita 2.47", ("bhagavad_gita", "2", "47")),
        ("  Dhammapada 1:5 ", ("dhammapada", "1", "5")),
        ("Srimad Bhagavatam 1.2.6", ("srimad_bhagavatam", "1", "2.6")),
        ("Meditations 5", ("meditations", "5", "unknown")),
        ("Bhagavad Gita 1.16-18", ("bhagavad_gita", "1", "16-18")),
        ("Bg. 2.47", ("bg", "2", "47")),
        ("Tao Te Ching", ("tao_te_ching", "unknown", "unknown")),
        ("2.47", ("unknown", "2", "47")),
        ({"source": "Bhagavad-Gita As It Is", "chapter": 2, "verse": " 47 "}, ("2", "47")),
        ({"source": "bhagavad_gita", "chapter": "9", "verse": "Bg. 2.47"}, ("2", "47")),
        ({"source": "bhagavad_gita", "chapter": "9", "verse": "Bg 16-18"}, ("9", "16-18")),
        ({"source": "bhagavad_gita", "chapter": "9", "verse": "2.47"}, ("9", "2.47")),
        ({"source": "bhagavad_gita", "chapter": "Ch. 9"}, ("9", "unknown")),
        ({"source": "?!"}, ("unknown", "unknown", "unknown")),
    ],
)
def test_citations(element: Any, expected: tuple[str, ...]) -> None:
    citation = read_citation(element, "element")

    where = ("bhagavad_gita", *expected) if len(expected) == 2 else expected
    assert (citation.source, citation.chapter, citation.verse) == where


def test_override_table_is_asked_first_and_the_latest_row_in_effect_wins() -> None:
    rows = [
        PriceOverride("GPT-4o*", moment(10 * 10**6), Decimal(1), Decimal(2)),
        PriceOverride("*", moment(20 * 10**6), Decimal(3), Decimal(4)),
    ]
    prices = Prices(rows)

    assert prices.nano_usd("house/gpt", 15 * 10**6, 1, 1) is None
    assert prices.nano_usd("gpt-4O-mini", 15 * 10**6, 1, 1) == 3_000
    assert prices.nano_usd("gpt-4O-mini", 20 * 10**6, 1, 1) == 7_000


def test_a_missing_token_count_or_an_unknown_model_is_unpriced_but_counted() -> None:
    documents = [
        interaction("a", cost_data={"model_used": "gpt-4o-mini", "input_tokens": 1_000_000}),
        interaction("b", model="house-model", inputTokens=10, outputTokens=20),
        interaction("c", model="house/model", inputTokens=30, outputTokens=40),
    ]
    models = day(*documents)["ai_performance"]["model_performance"]

    assert models["house_model"]["model"] == "house-model"
    assert models["house_model"]["requests"] == 2
    assert models["house_model"]["unpriced_requests"] == 2
    assert models["house_model"]["avg_tokens_output"] == 30
    assert models["gpt_4o_mini"]["unpriced_requests"] == 1
    assert models["gpt_4o_mini"]["total_tokens_input"] == 0
    assert models["gpt_4o_mini"]["avg_tokens_input"] is None


@pytest.mark.parametrize(
    ("values", "percent", "reported"),
    [
        ([], 95, None),
        ([0], 95, 0),
        ([100], 95, 100),
        ([1250], 95, 1252),
        (list(range(1, 101)), 95, 95),
        (list(range(1, 101)), 99, 99),
        ([5, 7], 50, 5),
    ],
)
def test_percentiles(values: list[int], percent: int, reported: int | None) -> None:
    assert percentile(values, percent) == reported


def test_a_period_is_published_once_the_clock_has_reached_its_start() -> None:
    late = interaction(timestamp="2026-03-10T12:04:00Z")
    midnight = 1_773_100_800

    assert view("daily_metrics", late, now=midnight - 1) == {}
    assert list(view("daily_metrics", late, now=midnight)) == ["daily_metrics_20260310"]
    assert view("system_health", late, now=midnight) == {}
    assert len(view("system_health", late, now=midnight + 12 * 3600)) == 1
    assert len(view("engagement_summary", late, now=midnight)) == 5


def test_an_unknown_container_kind_contributes_nothing() -> None:
    assert view("daily_metrics", interaction(document_type="weather")) == {}


def test_event_time_falls_back_to_the_time_of_writing() -> None:
    document = SourceDocument("user_interactions", {"id": "a", "_ts": 1_773_144_000})

    assert day(document)["data_completeness"] == 0
