"""Measures are rounded once, half-even, from the decimal that the document wrote."""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cosmos_views.ledger.fixed_point import (
    divided_half_even,
    millionths,
    seconds_to_milliseconds,
    whole_milliseconds,
)

shares = st.floats(min_value=0, max_value=1) | st.decimals(
    min_value=0, max_value=1, places=7, allow_nan=False
).map(float)
durations = st.floats(min_value=0, max_value=3_600_000) | st.decimals(
    min_value=0, max_value=3_600_000, places=1, allow_nan=False
).map(float)


def exactly(value: float, scale: int) -> int:
    return int((Decimal(repr(value)) * scale).to_integral_value(ROUND_HALF_EVEN))


@given(shares)
@example(0.0000005)
@example(0.0000015)
@example(0.9999995)
@example(1.0)
def test_scores_round_half_even_to_millionths(value: float) -> None:
    assert exactly(value, 1_000_000) == millionths(value)


@given(st.floats(min_value=1, max_value=5))
@example(4.0000005)
@example(2.0000015)
def test_ratings_round_half_even_to_millionths(value: float) -> None:
    assert exactly(value, 1_000_000) == millionths(value)


@given(durations)
@example(0.5)
@example(1.5)
@example(2.5)
@example(0.49999999999999994)
def test_milliseconds_round_half_even(value: float) -> None:
    assert exactly(value, 1) == whole_milliseconds(value)


@given(
    st.floats(min_value=0, max_value=604_800)
    | st.integers(min_value=0, max_value=6_048_000_000).map(lambda tenths: tenths / 10_000)
)
@example(0.0005)
@example(0.0015)
@example(604_799.9995)
def test_seconds_become_milliseconds_half_even(value: float) -> None:
    assert exactly(value, 1_000) == seconds_to_milliseconds(value)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0000005, 0), (0.0000015, 2), (0.0000025, 2), (0.92, 920_000)]
)
def test_a_half_goes_to_the_even_neighbour(value: float, expected: int) -> None:
    assert expected == millionths(value)


def test_whole_numbers_stay_exact() -> None:
    assert millionths(5) == 5_000_000
    assert whole_milliseconds(3_600_000) == 3_600_000
    assert seconds_to_milliseconds(503) == 503_000


@given(
    st.integers(min_value=-(10**18), max_value=10**18), st.integers(min_value=1, max_value=10**9)
)
@example(5, 10)
@example(15, 10)
@example(-5, 10)
@example(-15, 10)
def test_quotients_round_half_even(numerator: int, denominator: int) -> None:
    assert round(Fraction(numerator, denominator)) == divided_half_even(numerator, denominator)
