"""The golden documents are what the worker publishes, what the oracle says, and complete."""

import json
import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from pack import PACK
from tests.materializers.goldens import GOLDENS, VIEWS_PATH, as_text, rendered, told
from tests.property.world import World

METADATA = "id document_type calculation_version generation data_as_of published_at ttl"
ALERT = "alert_type severity message value threshold"
PERIOD = "period_start period_end"

FIELDS = {
    "daily_metrics": f"""
        {METADATA} date system_performance.avg_response_time_ms
        system_performance.p95_response_time_ms system_performance.p99_response_time_ms
        system_performance.total_requests system_performance.successful_requests
        system_performance.error_rate system_performance.availability_percent
        usage_statistics.active_users usage_statistics.new_users usage_statistics.total_sessions
        usage_statistics.total_interactions usage_statistics.avg_session_duration_min
        usage_statistics.peak_rps usage_statistics.peak_concurrent_users
        content_performance.total_citations content_performance.unique_texts_accessed
        content_performance.avg_citation_relevance content_performance.content_discovery_rate
        ai_performance.personalities_used.*.requests
        ai_performance.personalities_used.*.satisfaction
        ai_performance.personalities_used.*.response_time ai_performance.model_performance.*.model
        ai_performance.model_performance.*.requests
        ai_performance.model_performance.*.avg_tokens_input
        ai_performance.model_performance.*.cached_input_share
        ai_performance.model_performance.*.avg_tokens_output
        ai_performance.model_performance.*.total_tokens_input
        ai_performance.model_performance.*.total_tokens_output
        ai_performance.model_performance.*.cost_usd
        ai_performance.model_performance.*.unpriced_requests
        ai_performance.model_performance.*.quality_score ai_performance.total_cost_usd
        ai_performance.rag_performance.avg_retrieval_time_ms
        ai_performance.rag_performance.avg_chunks_retrieved
        ai_performance.rag_performance.avg_relevance_score
        ai_performance.rag_performance.citation_accuracy quality_metrics.user_satisfaction_avg
        quality_metrics.content_accuracy_score quality_metrics.safety_score
        quality_metrics.citation_accuracy quality_metrics.response_relevance
        safety_metrics.total_abuse_reports safety_metrics.auto_flagged_content
        safety_metrics.human_reviews_required safety_metrics.safety_violations
        safety_metrics.content_moderation_accuracy business_metrics.session_completion_rate
        business_metrics.user_retention_rate data_completeness
        {" ".join(f"alerts[].{name}" for name in ALERT.split())}""",
    "content_popularity": f"""
        {METADATA} time_period date data_points top_foundational_texts[].rank
        top_foundational_texts[].source top_foundational_texts[].citations
        top_foundational_texts[].unique_users top_foundational_texts[].avg_rating
        top_foundational_texts[].trending_score trending_content[].rank
        trending_content[].content_id trending_content[].citations
        trending_content[].relevance_score trending_content[].user_engagement
        trending_content[].topic trending_topics[].topic trending_topics[].query_count
        trending_topics[].growth_rate trending_topics[].satisfaction_score
        personality_rankings[].rank personality_rankings[].personality
        personality_rankings[].interactions personality_rankings[].satisfaction
        personality_rankings[].response_quality personality_rankings[].efficiency_score""",
    "system_health": f"""
        {METADATA} metric_type timestamp time_window_minutes
        performance_metrics.avg_response_time_ms performance_metrics.p95_response_time_ms
        performance_metrics.requests_per_second performance_metrics.error_rate
        performance_metrics.availability quality_indicators.user_satisfaction
        quality_indicators.content_accuracy quality_indicators.citation_accuracy
        quality_indicators.safety_score overall_health_score health_status next_update_due
        {" ".join(f"active_alerts[].{name}" for name in ALERT.split())}""",
    "engagement_summary": f"""
        {METADATA} {PERIOD} engagement_tier tier_criteria.min_sessions_monthly
        tier_criteria.min_engagement_score tier_criteria.min_content_depth
        tier_criteria.retention_rate_threshold user_count sample_size percentage_of_total
        avg_metrics.sessions_per_month avg_metrics.engagement_score
        avg_metrics.session_duration_min avg_metrics.content_depth_score
        avg_metrics.satisfaction_rating common_patterns.preferred_personalities
        common_patterns.peak_usage_times common_patterns.topic_preferences
        trend_analysis.growth_rate_monthly trend_analysis.engagement_trend
        trend_analysis.satisfaction_trend trend_analysis.retention_trend""",
    "incidents_by_content": f"""
        {METADATA} {PERIOD} source time_period incident_summary.total_incidents
        incident_summary.by_severity.low incident_summary.by_severity.medium
        incident_summary.by_severity.high incident_summary.by_severity.critical
        incident_summary.by_severity.other incident_summary.by_type.inappropriate_query
        incident_summary.by_type.spam incident_summary.by_type.harassment
        incident_summary.by_type.misinformation incident_summary.by_type.other
        content_analysis.most_flagged_chapters content_analysis.flagged_verses
        content_analysis.common_violation_patterns content_analysis.false_positive_rate
        moderation_actions.warnings_issued moderation_actions.content_blocked
        moderation_actions.accounts_suspended moderation_actions.manual_reviews_pending
        moderation_actions.avg_resolution_time_hours trend_analysis.incident_growth_rate
        trend_analysis.resolution_efficiency sample_size""",
    "user_analytics": f"""
        {METADATA} {PERIOD} user_id analysis_period user_profile.user_tier
        user_profile.engagement_score user_profile.expertise_level user_profile.primary_interests
        user_profile.personality_affinity session_metrics.total_sessions
        session_metrics.avg_session_duration_min session_metrics.session_completion_rate
        session_metrics.peak_usage_hour session_metrics.preferred_session_length
        session_metrics.session_frequency_days interaction_metrics.total_interactions
        interaction_metrics.avg_interactions_per_session interaction_metrics.query_complexity_avg
        interaction_metrics.response_satisfaction_avg content_metrics.foundational_texts_accessed
        content_metrics.content_depth_score content_metrics.content_retention_rate
        behavioral_insights.usage_pattern behavioral_insights.peak_engagement_time
        cost.total_cost_usd cost.input_tokens cost.output_tokens
        quality_indicators.data_completeness quality_indicators.sample_size
        quality_indicators.statistical_significance""",
    "content_analytics": f"""
        {METADATA} {PERIOD} source usage_metrics.total_citations
        usage_metrics.unique_users_accessed usage_metrics.return_access_rate
        performance_metrics.avg_relevance_score performance_metrics.citation_accuracy_rate
        performance_metrics.user_satisfaction_avg performance_metrics.response_effectiveness
        performance_metrics.search_ranking_position quality_metrics.citation_completeness
        chapter_analytics[].chapter chapter_analytics[].usage_count
        chapter_analytics[].avg_relevance chapter_analytics[].popular_verses
        chapter_analytics[].citation_frequency topic_analytics.primary_topics[].topic
        topic_analytics.primary_topics[].frequency
        topic_analytics.primary_topics[].relevance_score
        topic_analytics.primary_topics[].user_engagement
        comparative_metrics.vs_other_texts.usage_rank
        comparative_metrics.growth_trends.usage_growth_percent
        comparative_metrics.growth_trends.user_growth_percent sample_size""",
}
"""View → the path of every field that its definition names, `*` for any name."""


@cache
def _world_of(_process: int) -> World:
    return told()


def world() -> World:
    """Told once per process: mutation testing forks, and must not see what the parent saw."""
    return _world_of(os.getpid())


def golden(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((VIEWS_PATH / f"{name}.json").read_text("utf-8"))
    return document


def values(document: Any, path: str) -> Iterator[Any]:
    """Everything that stands at a path."""
    name, _, rest = path.partition(".")
    if name == "*":
        found = list(document.values())
    else:
        value = document.get(name.removesuffix("[]"))
        found = value if name.endswith("[]") and value is not None else [value]
    for value in found:
        if not rest:
            yield value
        elif isinstance(value, dict):
            yield from values(value, rest)


def test_every_golden_is_what_the_worker_publishes() -> None:
    for name, document in rendered(world()).items():
        expected = (VIEWS_PATH / f"{name}.json").read_text(encoding="utf-8")
        assert expected == as_text(document), name


def test_there_is_no_golden_that_nobody_renders() -> None:
    expected = sorted(name for names in GOLDENS.values() for name in names)

    assert expected == sorted(path.stem for path in VIEWS_PATH.glob("*.json"))
    assert GOLDENS.keys() == PACK.views.keys()


def test_the_story_is_published_as_the_oracle_says() -> None:
    assert world().differences() == []


@pytest.mark.parametrize(
    ("view", "field"), [(view, field) for view, paths in FIELDS.items() for field in paths.split()]
)
def test_every_field_of_the_definitions_has_a_value_in_a_golden(view: str, field: str) -> None:
    shown = [value for name in GOLDENS[view] for value in values(golden(name), field)]

    assert [value for value in shown if value not in (None, 0, "", [], {})], f"{field}: {shown}"


@pytest.mark.parametrize("view", FIELDS)
def test_a_golden_has_no_field_that_the_definitions_do_not_name(view: str) -> None:
    for name in GOLDENS[view]:
        assert set(paths(golden(name))) <= set(FIELDS[view].split())


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Of every field that is no object, as `FIELDS` writes it."""
    if isinstance(value, dict):
        anything = path.endswith(("personalities_used", "model_performance"))
        for name, inner in value.items():
            yield from paths(inner, f"{path}.{'*' if anything else name}".removeprefix("."))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for inner in value:
            yield from paths(inner, f"{path}[]")
    elif not (path.endswith("alerts") and value == []):
        yield path
