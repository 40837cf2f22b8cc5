"""Percentiles are exact up to 100 ms and within 1 % above, and buckets add up."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.publish.histogram import BOUNDS, _bounds, bucket_of, percentile_ms, reported_ms

times = st.integers(min_value=0, max_value=3_600_000) | st.integers(min_value=90, max_value=300)


def test_bounds_are_those_of_the_definition() -> None:
    assert list(range(102)) == BOUNDS[:102]
    assert BOUNDS[102:106] == [103, 105, 107, 109]
    assert BOUNDS[-1] == 3_600_001
    for low, high in pairwise(BOUNDS[101:-1]):
        assert high == max(low + 1, low * 102 // 100)
    assert BOUNDS[-2] <= 3_600_000
    assert _bounds() == BOUNDS


@given(times)
def test_a_time_lies_in_its_bucket(time_ms: int) -> None:
    bucket = bucket_of(time_ms)

    assert BOUNDS[bucket] <= time_ms < BOUNDS[bucket + 1]
    assert abs(reported_ms(bucket) - time_ms) <= time_ms / 100
    assert BOUNDS[bucket] <= reported_ms(bucket) < BOUNDS[bucket + 1]


@given(st.lists(times, min_size=1, max_size=40), st.sampled_from((50, 95, 99, 100)))
def test_a_percentile_is_the_nearest_rank_within_one_percent(some: list[int], of: int) -> None:
    rank = -(-len(some) * of // 100)
    exact = sorted(some)[rank - 1]
    found = percentile_ms(Counter(map(bucket_of, some)), of)

    assert found is not None
    assert abs(found - exact) <= exact / 100
    if exact <= 100:
        assert exact == found


@given(st.lists(times, max_size=20), st.lists(times, max_size=20))
def test_histograms_of_parts_add_up_to_that_of_the_whole(left: list[int], right: list[int]) -> None:
    parts = Counter(map(bucket_of, left)) + Counter(map(bucket_of, right))

    assert percentile_ms(Counter(map(bucket_of, left + right)), 95) == percentile_ms(parts, 95)


def test_nothing_has_no_percentile() -> None:
    assert percentile_ms({}, 95) is None


@pytest.mark.parametrize(
    ("time_ms", "reported"),
    [(0, 0), (100, 100), (101, 101), (102, 101), (103, 103), (1250, 1252), (3_600_000, 3_576_191)],
)
def test_reported_times(time_ms: int, reported: int) -> None:
    assert reported == reported_ms(bucket_of(time_ms))
