"""The oracle against figures that were worked out without it."""

import json
import os
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import Prices, SourceDocument, classify, comparable, compute_views
from tests.oracle.batches import BATCHES, read_batch
from tests.oracle.stories import WRITTEN

USER = "e45d45fe-d106-46b0-8bef-8bb87a179c0d"
AIDER = Path(
    os.environ.get("AIDER_INTERACTIONS")
    or Path(__file__).parents[3] / "shared" / "data" / "aider" / "interactions.jsonl"
)
with_real_usage = pytest.mark.skipif(not AIDER.exists(), reason=f"no real usage data at {AIDER}")


@cache
def worked_example() -> Any:
    documents = read_batch(BATCHES / "10_worked_example.jsonl")
    return compute_views(documents, now_seconds=WRITTEN)


def test_worked_example_day() -> None:
    day = worked_example()["daily_metrics"]["daily_metrics_20250805"]

    assert day["usage_statistics"] == {
        "active_users": 1,
        "new_users": 1,
        "total_sessions": 1,
        "total_interactions": 1,
        "avg_session_duration_min": 8.3833,
        "peak_rps": 1,
        "peak_concurrent_users": 1,
    }
    assert day["system_performance"] == {
        "avg_response_time_ms": 1250,
        "p95_response_time_ms": 1252,
        "p99_response_time_ms": 1252,
        "total_requests": 1,
        "successful_requests": 1,
        "error_rate": 0,
        "availability_percent": 100,
    }
    assert day["content_performance"]["total_citations"] == 1
    assert day["content_performance"]["avg_citation_relevance"] == 0.92
    assert day["ai_performance"]["total_cost_usd"] == 0.00121
    assert day["ai_performance"]["rag_performance"] == {
        "avg_retrieval_time_ms": 400,
        "avg_chunks_retrieved": 5,
        "avg_relevance_score": 0.84,
        "citation_accuracy": 0.96,
    }
    assert day["safety_metrics"] == {
        "total_abuse_reports": 0,
        "auto_flagged_content": 1,
        "human_reviews_required": 1,
        "safety_violations": 1,
        "content_moderation_accuracy": 1,
    }
    assert day["business_metrics"]["session_completion_rate"] == 1


def test_worked_example_price_is_exact() -> None:
    at = 1754404755127000

    assert Prices().nano_usd("gemini-2.5-flash", at, 234, 456) == 1_210_200


def test_worked_example_incident_joins_its_verse() -> None:
    views = worked_example()["incidents_by_content"]

    assert list(views) == ["incidents_bhagavad_gita_202508"]
    view = views["incidents_bhagavad_gita_202508"]
    assert view["incident_summary"]["total_incidents"] == 1
    assert view["incident_summary"]["by_severity"]["medium"] == 1
    assert view["incident_summary"]["by_type"]["inappropriate_query"] == 1
    assert view["content_analysis"] == {
        "most_flagged_chapters": ["2"],
        "flagged_verses": ["2.47"],
        "common_violation_patterns": ["harassment", "sexual_content"],
        "false_positive_rate": None,
    }
    assert view["moderation_actions"] == {
        "warnings_issued": 1,
        "content_blocked": 1,
        "accounts_suspended": 0,
        "manual_reviews_pending": 1,
        "avg_resolution_time_hours": 1.8455,
    }


def test_worked_example_window_ends_at_14_40() -> None:
    views = worked_example()["system_health"]

    assert list(views) == ["system_health_performance_20250805_1440"]
    view = views["system_health_performance_20250805_1440"]
    assert view["timestamp"] == "2025-08-05T14:40:00Z"
    assert view["next_update_due"] == "2025-08-05T14:45:00Z"


def test_worked_example_user_is_new_and_then_churned() -> None:
    tiers = {
        document_id: document["user_count"]
        for document_id, document in worked_example()["engagement_summary"].items()
        if document["user_count"]
    }

    assert tiers == {
        "engagement_summary_new_202508": 1,
        "engagement_summary_churned_202509": 1,
    }
    profile = worked_example()["user_analytics"][f"user_analytics_{USER}_202508"]
    assert profile["user_profile"]["user_tier"] == "new"


@cache
def real_usage() -> list[dict[str, Any]]:
    return [json.loads(line) for line in AIDER.read_text(encoding="utf-8").splitlines()]


@cache
def real_usage_views() -> Any:
    documents = [SourceDocument("user_interactions", body) for body in real_usage()]
    return compute_views(documents, now_seconds=WRITTEN)


@with_real_usage
@pytest.mark.parametrize(
    ("date", "interactions", "input_tokens", "output_tokens"),
    [("20240813", 13, 74_856, 1_907), ("20241101", 19, 213_533, 4_639)],
)
def test_real_usage_of_a_day(
    date: str, interactions: int, input_tokens: int, output_tokens: int
) -> None:
    day = real_usage_views()["daily_metrics"][f"daily_metrics_{date}"]

    models = day["ai_performance"]["model_performance"].values()
    assert day["usage_statistics"]["total_interactions"] == interactions
    assert sum(model["total_tokens_input"] for model in models) == input_tokens
    assert sum(model["total_tokens_output"] for model in models) == output_tokens


@with_real_usage
def test_real_usage_spans_188_days_and_starts_with_three_users() -> None:
    days = real_usage_views()["daily_metrics"]

    assert len(days) == 188
    assert days["daily_metrics_20240813"]["usage_statistics"]["active_users"] == 3


@with_real_usage
def test_real_model_ids_resolve_as_written_or_through_their_provider() -> None:
    prices = Prices()
    resolved = Counter(prices.reading(body["cost_data"]["model_used"]) for body in real_usage())

    assert resolved == {"as written": 2_049, "through its provider": 2_749, "unpriced": 765}


def test_every_fixture_document_of_shapes_and_quirks_is_valid() -> None:
    for name in ("10_worked_example", "20_shapes", "30_quirks"):
        for document in read_batch(BATCHES / f"{name}.jsonl"):
            assert classify(written(document)) in ("counted", "deleted", "ignored"), document


def test_every_poison_document_is_dead() -> None:
    for document in read_batch(BATCHES / "40_poison.jsonl"):
        assert classify(written(document))[0] == "dead", document


def written(document: SourceDocument) -> SourceDocument:
    return SourceDocument(document.source, {**document.body, "_ts": WRITTEN})


def test_comparable_strips_what_is_outside_comparison() -> None:
    published = {
        "id": "daily_metrics_20260310",
        "ttl": 31_536_000,
        "published_at": "2026-03-10T13:00:00Z",
        "data_as_of": "2026-03-10T12:59:00Z",
        "generation": 1,
        "stamp": {"generation": 1, "sequences": [4]},
        "calculation_version": "1",
        "_etag": '"5"',
        "_ts": 1_773_147_600,
        "alerts": [{"alert_type": "error_rate", "message": "5.1 % failed", "value": 0.051}],
    }

    assert comparable(published) == {
        "id": "daily_metrics_20260310",
        "ttl": 31_536_000,
        "alerts": [{"alert_type": "error_rate", "value": 0.051}],
    }
