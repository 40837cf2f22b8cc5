"""Means, shares, percentiles and rankings: exact inside, rounded only where a figure is shown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

Quantity = Fraction | int


def present(values: Iterable[Quantity | None]) -> list[Quantity]:
    return [value for value in values if value is not None]


def mean(values: Iterable[Quantity | None]) -> Fraction | None:
    """Over the present ones; None without any."""
    counted = present(values)
    return Fraction(sum(counted)) / len(counted) if counted else None


def ratio(part: Quantity, whole: Quantity) -> Fraction | None:
    """An empty denominator gives None, never 0."""
    return None if whole == 0 else Fraction(part) / whole


def growth(this: int, previous: int) -> Fraction | None:
    return ratio(this - previous, previous)


def shown(value: Quantity | None, places: int = 4) -> float | None:
    """Half-even to `places` decimals, as the JSON number it is published as."""
    if value is None:
        return None
    return float(Decimal(round(Fraction(value) * 10**places)).scaleb(-places))


def shown_usd(nano_usd: int) -> float:
    figure = shown(Fraction(nano_usd, 10**9), places=6)
    assert figure is not None
    return figure


def shown_minutes(milliseconds: Quantity | None) -> float | None:
    return None if milliseconds is None else shown(Fraction(milliseconds) / 60_000)


def ranked(counts: Mapping[str, Quantity], top: int | None = None) -> list[str]:
    """Names by count, higher first, then by code point."""
    return sorted(counts, key=lambda name: (-counts[name], name))[:top]


def ranked_by(
    names: Iterable[str], measures: Callable[[str], Sequence[Quantity]], top: int | None = None
) -> list[str]:
    """Names by several measures in turn, higher first, then by code point."""
    return sorted(names, key=lambda name: ([-m for m in measures(name)], name))[:top]


def _bucket_bounds() -> list[int]:
    bounds = list(range(102))
    while bounds[-1] < 3_600_001:
        following = max(bounds[-1] + 1, bounds[-1] * 102 // 100)
        bounds.append(min(following, 3_600_001))
    return bounds


BUCKET_BOUNDS = _bucket_bounds()


def percentile(milliseconds: Iterable[int | None], percent: int) -> int | None:
    """Nearest rank, reported as the middle of the bucket that the ranked value falls in."""
    values = sorted(value for value in milliseconds if value is not None)
    if not values:
        return None
    rank = -(-percent * len(values) // 100)
    value = values[rank - 1]
    upper_index = next(i for i, bound in enumerate(BUCKET_BOUNDS) if bound > value)
    lower, upper = BUCKET_BOUNDS[upper_index - 1], BUCKET_BOUNDS[upper_index]
    return lower + (upper - lower - 1) // 2
