"""Alerts of a day or a window, from its own figures, in a fixed order (views.md, section 2).

Thresholds compare exact quotients, not the rounded values shown.
"""

from typing import Any

from cosmos_views.ledger.fixed_point import MILLION
from cosmos_views.publish.rendering import mean_score, ratio

ERROR_RATE_PERCENT_MAX = 5
RESPONSE_MS_MAX = 3_000
SATISFACTION_MIN = 4


def raised(
    *, failed: int, requests: int, response_ms: int, responses: int, rating: int, ratings: int
) -> list[dict[str, Any]]:
    """The alerts that these sums and counts raise; `rating` is in millionths."""
    alerts = []
    if requests and 100 * failed > ERROR_RATE_PERCENT_MAX * requests:
        alerts.append(
            _alert(
                "error_rate",
                "critical",
                "too many interactions fail",
                ratio(failed, requests),
                ERROR_RATE_PERCENT_MAX / 100,
            )
        )
    if responses and response_ms > RESPONSE_MS_MAX * responses:
        alerts.append(
            _alert(
                "avg_response_time_ms",
                "critical",
                "responses are slow",
                ratio(response_ms, responses),
                RESPONSE_MS_MAX,
            )
        )
    if ratings and rating < SATISFACTION_MIN * ratings * MILLION:
        alerts.append(
            _alert(
                "user_satisfaction_avg",
                "warning",
                "users are not satisfied",
                mean_score(rating, ratings),
                SATISFACTION_MIN,
            )
        )
    return alerts


def _alert(
    alert_type: str, severity: str, message: str, value: float | None, threshold: float
) -> dict[str, Any]:
    return {
        "alert_type": alert_type,
        "severity": severity,
        "message": message,
        "value": value,
        "threshold": threshold,
    }
