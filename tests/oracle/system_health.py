"""Section 4, `metric_type: performance`: one document per five-minute window."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.oracle.alerts import alerts
from tests.oracle.arithmetic import mean, percentile, ratio, shown
from tests.oracle.daily_metrics import accuracy_share
from tests.oracle.interactions import Interaction
from tests.oracle.periods import WINDOW_MINUTES, has_begun, iso_time, window_start
from tests.oracle.world import World

Document = dict[str, Any]
TTL_SECONDS = 86_400
WINDOW = timedelta(minutes=WINDOW_MINUTES)


def system_health(world: World, now_seconds: int) -> Iterator[Document]:
    windows: dict[datetime, list[Interaction]] = defaultdict(list)
    for interaction in world.interactions_of(world.days()):
        windows[window_start(interaction.at)].append(interaction)
    for start, interactions in sorted(windows.items()):
        if has_begun(start, now_seconds):
            yield _document(start + WINDOW, interactions)


def _document(end: datetime, interactions: Sequence[Interaction]) -> Document:
    error_rate = ratio(sum(each.failed for each in interactions), len(interactions))
    assert error_rate is not None, "a window exists by its interactions"
    avg_response = mean(each.response_ms for each in interactions)
    p95_response = percentile((each.response_ms for each in interactions), 95)
    satisfaction = mean(each.rating for each in interactions)
    citation_accuracy = mean(each.citation_accuracy for each in interactions)
    safety_score = mean(each.safety_score for each in interactions)
    health = _health(error_rate, p95_response, satisfaction, citation_accuracy, safety_score)
    return {
        "id": f"system_health_performance_{end:%Y%m%d_%H%M}",
        "document_type": "system_health",
        "metric_type": "performance",
        "ttl": TTL_SECONDS,
        "timestamp": iso_time(end),
        "time_window_minutes": WINDOW_MINUTES,
        "performance_metrics": {
            "avg_response_time_ms": shown(avg_response),
            "p95_response_time_ms": p95_response,
            "requests_per_second": shown(Fraction(len(interactions), 300)),
            "error_rate": shown(error_rate),
            "availability": shown(1 - error_rate),
        },
        "quality_indicators": {
            "user_satisfaction": shown(satisfaction),
            "content_accuracy": shown(accuracy_share(interactions)),
            "citation_accuracy": shown(citation_accuracy),
            "safety_score": shown(safety_score),
        },
        "active_alerts": alerts(error_rate, avg_response, satisfaction),
        "overall_health_score": shown(health),
        "health_status": _status(health),
        "next_update_due": iso_time(end + WINDOW),
    }


def _health(
    error_rate: Fraction,
    p95_response: int | None,
    satisfaction: Fraction | None,
    citation_accuracy: Fraction | None,
    safety_score: Fraction | None,
) -> Fraction:
    """The mean of those available; the error rate always is."""
    speed = None
    if p95_response is not None:
        speed = min(Fraction(1), Fraction(3000, p95_response)) if p95_response else Fraction(1)
    health = mean(
        [
            1 - min(Fraction(1), error_rate / Fraction("0.05")),
            speed,
            None if satisfaction is None else (satisfaction - 1) / 4,
            citation_accuracy,
            safety_score,
        ]
    )
    assert health is not None
    return health


def _status(health: Fraction) -> str:
    if health >= Fraction("0.90"):
        return "excellent"
    if health >= Fraction("0.75"):
        return "good"
    return "fair" if health >= Fraction("0.50") else "poor"
