"""system_health, `metric_type` performance: one document per five-minute window that had traffic
(views.md, section 4)."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from cosmos_views.ledger.fixed_point import MILLION
from cosmos_views.ledger.instants import (
    DAY_SECONDS,
    MINUTE_SECONDS,
    SECOND_US,
    WINDOW_SECONDS,
    day_of_label,
    iso,
    window_label,
)
from cosmos_views.publish import histogram
from cosmos_views.publish.rendering import fraction4, labelled, mean_score, ratio, row_of
from cosmos_views.publish.view import Inputs, Reads, View
from materializers import alerts
from materializers.grains.window import Window

PERFORMANCE = "performance"
ERROR_RATE_MAX = Fraction(5, 100)
P95_MS_GOOD = 3_000
STATUSES = ((Fraction(90, 100), "excellent"), (Fraction(75, 100), "good"), (Fraction(1, 2), "fair"))
POOR = "poor"


def keys_of(state_key: str) -> Iterable[str]:
    """A window is published when its own measures change."""
    grain, _, label = state_key.partition(":")
    return [label] if grain == "window" else []


def starts_at_seconds(window: str) -> int:
    """When a window (`YYYYMMDDHHMM`, its start) begins."""
    minutes = int(window[8:10]) * 60 + int(window[10:])
    return day_of_label(window[:8]) * DAY_SECONDS + minutes * MINUTE_SECONDS


def render(window: str, inputs: Inputs) -> dict[str, Any] | None:
    """The document of one window; None without an interaction."""
    measures = inputs.of(f"window:{window}")
    total = row_of(Window, measures, "interactions")
    if not total.requests:
        return None
    responses = {int(bucket): row[0] for bucket, row in labelled(measures, "response")}
    p95_ms = histogram.percentile_ms(responses, 95)
    health = _health(total, p95_ms)
    end = starts_at_seconds(window) + WINDOW_SECONDS
    return {
        "metric_type": PERFORMANCE,
        "timestamp": iso(end * SECOND_US),
        "time_window_minutes": WINDOW_SECONDS // MINUTE_SECONDS,
        "performance_metrics": {
            "avg_response_time_ms": ratio(total.response_ms, total.responses),
            "p95_response_time_ms": p95_ms,
            "requests_per_second": ratio(total.requests, WINDOW_SECONDS),
            "error_rate": ratio(total.failed, total.requests),
            "availability": ratio(total.requests - total.failed, total.requests),
        },
        "quality_indicators": {
            "user_satisfaction": mean_score(total.rating, total.ratings),
            "content_accuracy": ratio(total.accurate, total.assessed),
            "citation_accuracy": mean_score(total.citation_accuracy, total.citation_accuracies),
            "safety_score": mean_score(total.safety_score, total.safety_scores),
        },
        "active_alerts": alerts.raised(
            failed=total.failed,
            requests=total.requests,
            response_ms=total.response_ms,
            responses=total.responses,
            rating=total.rating,
            ratings=total.ratings,
        ),
        "overall_health_score": fraction4(health),
        "health_status": next((name for least, name in STATUSES if health >= least), POOR),
        "next_update_due": iso((end + WINDOW_SECONDS) * SECOND_US),
    }


def _health(total: Window, p95_ms: int | None) -> Fraction:
    """The mean of the parts that are available; the error rate always is."""
    parts = [1 - min(Fraction(1), Fraction(total.failed, total.requests) / ERROR_RATE_MAX)]
    if p95_ms is not None:
        parts.append(min(Fraction(1), Fraction(P95_MS_GOOD, p95_ms)) if p95_ms else Fraction(1))
    if total.ratings:
        parts.append((Fraction(total.rating, total.ratings * MILLION) - 1) / 4)
    if total.citation_accuracies:
        parts.append(Fraction(total.citation_accuracy, total.citation_accuracies * MILLION))
    if total.safety_scores:
        parts.append(Fraction(total.safety_score, total.safety_scores * MILLION))
    return sum(parts, Fraction(0)) / len(parts)


def document_id(window: str) -> str:
    """Named by the window's end."""
    end = window_label(starts_at_seconds(window) // WINDOW_SECONDS + 1)
    return f"system_health_{PERFORMANCE}_{end[:8]}_{end[8:]}"


def key_of(document: Mapping[str, Any]) -> str:
    """The window that ends when the id says."""
    end = "".join(document["id"].split("_")[-2:])
    return window_label(starts_at_seconds(end) // WINDOW_SECONDS - 1)


VIEW = View(
    name="system_health",
    partition_key="metric_type",
    pace_seconds=60,
    ttl_seconds=86_400,
    calculation_version="1",
    keys_of=keys_of,
    starts_at_seconds=starts_at_seconds,
    reads=lambda window: Reads(keys=(f"window:{window}",)),
    document_id=document_id,
    partition=lambda _window: PERFORMANCE,
    key_of=key_of,
    render=render,
    periods=(),
    columns={
        "metric": "metric_type",
        "window end": "timestamp",
        "health": "health_status",
        "score": "overall_health_score",
        "requests/s": "performance_metrics.requests_per_second",
        "avg ms": "performance_metrics.avg_response_time_ms",
        "p95 ms": "performance_metrics.p95_response_time_ms",
        "errors": "performance_metrics.error_rate",
        "changes": "changes_counted",
        "dead letters": "dead_letters",
        "request units": "request_charge",
    },
)
