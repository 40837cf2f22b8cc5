"""Response times as a histogram with constant integer bounds.

Counts add up across buckets, days and workers, which percentiles do not. Bounds are 0, 1, …, 101,
then max(previous + 1, floor(1.02 × previous)) up to 3 600 001, so a reported percentile is exact up
to 100 ms and within 1 % above (views.md, section 1, "Percentiles").
"""

from bisect import bisect_right
from collections.abc import Mapping

RESPONSE_MS_MAX = 3_600_000


def _bounds() -> list[int]:
    bounds = list(range(102))
    while bounds[-1] <= RESPONSE_MS_MAX:
        bounds.append(min(max(bounds[-1] + 1, bounds[-1] * 102 // 100), RESPONSE_MS_MAX + 1))
    return bounds


BOUNDS = _bounds()


def bucket_of(response_ms: int) -> int:
    """The index of the bucket that holds a response time of 0 to 3 600 000 ms."""
    return response_ms if response_ms <= 100 else bisect_right(BOUNDS, response_ms) - 1


def reported_ms(bucket: int) -> int:
    """What a bucket [a, b) reports: its middle."""
    low, high = BOUNDS[bucket], BOUNDS[bucket + 1]
    return low + (high - low - 1) // 2


def percentile_ms(counts: Mapping[int, int], percent: int) -> int | None:
    """Nearest rank over bucket counts; None when there are none."""
    rank = -(-sum(counts.values()) * percent // 100)
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return reported_ms(bucket)
    return None
