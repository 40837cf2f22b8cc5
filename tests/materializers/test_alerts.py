"""Alerts compare exact quotients, in a fixed order."""

from typing import Any

import pytest

from materializers.alerts import raised

CALM = {
    "failed": 5,
    "requests": 100,
    "response_ms": 30_000,
    "responses": 10,
    "rating": 40_000_000,
    "ratings": 10,
}
"""Every figure just at its threshold."""


def test_at_the_threshold_nothing_is_raised() -> None:
    assert raised(**CALM) == []


def test_without_figures_nothing_is_raised() -> None:
    assert raised(failed=0, requests=0, response_ms=0, responses=0, rating=0, ratings=0) == []


@pytest.mark.parametrize(
    ("figures", "alert"),
    [
        (
            {"failed": 5_000_001, "requests": 100_000_000},
            ("error_rate", "critical", "too many interactions fail", 0.05, 0.05),
        ),
        (
            {"response_ms": 30_001},
            ("avg_response_time_ms", "critical", "responses are slow", 3_000.1, 3_000),
        ),
        (
            {"rating": 39_999_999},
            ("user_satisfaction_avg", "warning", "users are not satisfied", 4.0, 4),
        ),
        (
            {"failed": 1, "requests": 1},
            ("error_rate", "critical", "too many interactions fail", 1.0, 0.05),
        ),
        (
            {"response_ms": 3_001, "responses": 1},
            ("avg_response_time_ms", "critical", "responses are slow", 3_001.0, 3_000),
        ),
        (
            {"rating": 1_000_000, "ratings": 1},
            ("user_satisfaction_avg", "warning", "users are not satisfied", 1.0, 4),
        ),
    ],
)
def test_just_beyond_the_threshold_one_is_raised(
    figures: dict[str, int], alert: tuple[Any, ...]
) -> None:
    expected = dict(
        zip(("alert_type", "severity", "message", "value", "threshold"), alert, strict=True)
    )

    assert raised(**{**CALM, **figures}) == [expected]


def test_alerts_come_in_a_fixed_order() -> None:
    all_three = raised(
        failed=1, requests=1, response_ms=9_000, responses=1, rating=1_000_000, ratings=1
    )

    assert [alert["alert_type"] for alert in all_three] == [
        "error_rate",
        "avg_response_time_ms",
        "user_satisfaction_avg",
    ]
