"""Rendering: from integer measures to the numbers a reader sees.

Division happens here and nowhere else, exactly, rounded half-even at the end: means and ratios to 4
decimals, USD to 6. An empty denominator is None, never 0 (views.md, section 1, "Numbers").
"""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, TypeVar

from cosmos_views.ledger.fixed_point import MILLION, divided_half_even
from cosmos_views.ledger.instants import DAY_SECONDS, month_start, next_month
from cosmos_views.ledger.labels import is_cut
from cosmos_views.publish.cells import is_kind, labels_of
from cosmos_views.publish.measures import Row

RATIO_SCALE = 10**4
USD_SCALE = 10**6
MINUTE_MS = 60_000

_NANO_USD_PER_MICRO_USD = 1_000

Cell = TypeVar("Cell")


def ratio(numerator: int, denominator: int) -> float | None:
    """numerator / denominator to 4 decimals; None for an empty denominator."""
    if not denominator:
        return None
    return divided_half_even(numerator * RATIO_SCALE, denominator) / RATIO_SCALE


def fraction4(value: Fraction) -> float:
    """An exact value to 4 decimals."""
    return divided_half_even(value.numerator * RATIO_SCALE, value.denominator) / RATIO_SCALE


def mean_score(total_millionths: int, count: int) -> float | None:
    """The mean of scores or ratings kept in millionths."""
    return ratio(total_millionths, count * MILLION)


def usd(nano_usd: int) -> float:
    """Nano-USD as USD to 6 decimals."""
    return divided_half_even(nano_usd, _NANO_USD_PER_MICRO_USD) / USD_SCALE


def row_of(layout: Callable[..., Cell], measures: Mapping[str, Row], cell: str) -> Cell:
    """A cell as its named measures, whose defaults stand for trailing zeros."""
    return layout(*measures.get(cell, ()))


def labelled(measures: Mapping[str, Row], kind: str) -> Iterator[tuple[str, Row]]:
    """(label, row) of every cell `{kind}/{label}`, by label."""
    return ((labels[0], row) for labels, row in cells_of(measures, kind))


def cells_of(measures: Mapping[str, Row], kind: str) -> Iterator[tuple[tuple[str, ...], Row]]:
    """(labels, row) of every cell of a kind, by name."""
    for name in sorted(measures):
        if is_kind(name, kind):
            yield labels_of(name), measures[name]


def top(counts: Mapping[str, int], most: int | None = None) -> list[str]:
    """Names by count, then by code point; names without a count are not ranked."""
    names = sorted(
        (name for name, count in counts.items() if count > 0),
        key=lambda name: (-counts[name], name),
    )
    return names[:most]


def growth(now: int, before: int) -> float | None:
    """(now − before) / before; None when there was nothing before."""
    return ratio(now - before, before)


def iso_day(label: str) -> str:
    """`YYYY-MM-DD` of a `YYYYMMDD` day."""
    return f"{label[:4]}-{label[4:6]}-{label[6:]}"


def period(month: str) -> dict[str, str]:
    """First day and exclusive end of a `YYYYMM` month."""
    return {
        "period_start": iso_day(f"{month}01"),
        "period_end": iso_day(f"{next_month(month)}01"),
    }


def month_of(document: Mapping[str, Any]) -> str:
    """The `YYYYMM` month of a monthly document, by its id, or where that was cut by its period."""
    if is_cut(document["id"]):
        return str(document["period_start"])[:7].replace("-", "")
    return str(document["id"].rpartition("_")[2])


def month_starts_at_seconds(month: str) -> int:
    """When a `YYYYMM` month begins, in seconds since 1970."""
    return month_start(month) * DAY_SECONDS
