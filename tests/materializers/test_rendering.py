"""Division happens once, exactly, and an empty denominator is no value."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.publish.rendering import (
    cells_of,
    fraction4,
    growth,
    iso_day,
    labelled,
    mean_score,
    month_starts_at_seconds,
    period,
    ratio,
    row_of,
    top,
    usd,
)
from materializers.grains.day import Text


@given(st.integers(min_value=-(10**9), max_value=10**9), st.integers(min_value=1, max_value=10**6))
def test_ratios_are_the_exact_quotient_to_four_decimals(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    expected = round(exact * 10_000) / 10_000

    assert expected == ratio(numerator, denominator)
    assert expected == fraction4(exact)
    assert expected == mean_score(numerator * 1_000_000, denominator)


def test_of_nothing_there_is_no_ratio() -> None:
    assert ratio(1, 0) is None
    assert mean_score(0, 0) is None
    assert growth(3, 0) is None


@pytest.mark.parametrize(
    ("now", "before", "expected"), [(3, 2, 0.5), (0, 4, -1.0), (4, 4, 0.0), (1, 3, -0.6667)]
)
def test_growth_is_relative_to_before(now: int, before: int, expected: float) -> None:
    assert expected == growth(now, before)


@pytest.mark.parametrize(
    ("nano_usd", "expected"),
    [(1_210_200, 0.00121), (500, 0.0), (501, 0.000001), (1_500, 0.000002), (2_500, 0.000002)],
)
def test_money_is_shown_to_six_decimals_half_even(nano_usd: int, expected: float) -> None:
    assert expected == usd(nano_usd)


def test_a_short_row_has_lost_its_trailing_zeros() -> None:
    assert row_of(Text, {"text/x": [3]}, "text/x") == Text(3, 0, 0, 0)
    assert row_of(Text, {}, "text/x") == Text()


def test_cells_of_a_kind_come_by_name() -> None:
    measures = {"text/b": [2], "text/a%2Fc": [1], "texts": [9], "verse/2/47": [4]}

    assert list(labelled(measures, "text")) == [("a/c", [1]), ("b", [2])]
    assert list(cells_of(measures, "verse")) == [(("2", "47"), [4])]


def test_rankings_go_by_count_then_code_point() -> None:
    counts = {"b": 2, "a": 2, "B": 2, "most": 3, "none": 0, "less": -1}

    assert top(counts) == ["most", "B", "a", "b"]
    assert top(counts, 2) == ["most", "B"]


def test_periods_end_with_the_first_day_after() -> None:
    assert period("202412") == {"period_start": "2024-12-01", "period_end": "2025-01-01"}
    assert iso_day("20260310") == "2026-03-10"
    assert month_starts_at_seconds("202603") == 1_772_323_200
