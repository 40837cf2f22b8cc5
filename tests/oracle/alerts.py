"""The alerts of a day or a window, from its own exact figures."""

from fractions import Fraction
from typing import Any

from tests.oracle.arithmetic import shown


def alerts(
    error_rate: Fraction | None,
    avg_response_time_ms: Fraction | None,
    user_satisfaction_avg: Fraction | None,
) -> list[dict[str, Any]]:
    """In this order; `message` is outside every comparison and left out."""
    raised = []
    if error_rate is not None and error_rate > Fraction("0.05"):
        raised.append(_alert("error_rate", "critical", error_rate, 0.05))
    if avg_response_time_ms is not None and avg_response_time_ms > 3000:
        raised.append(_alert("avg_response_time_ms", "critical", avg_response_time_ms, 3000))
    if user_satisfaction_avg is not None and user_satisfaction_avg < 4:
        raised.append(_alert("user_satisfaction_avg", "warning", user_satisfaction_avg, 4))
    return raised


def _alert(alert_type: str, severity: str, value: Fraction, threshold: float) -> dict[str, Any]:
    return {
        "alert_type": alert_type,
        "severity": severity,
        "value": shown(value),
        "threshold": threshold,
    }
