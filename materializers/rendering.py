"""Rendering: from integer measures to the numbers a reader sees.

Division happens here and nowhere else, exactly, rounded half-even at the end: means and ratios to 4
decimals, USD to 6. An empty denominator is None, never 0 (views.md, section 1, "Numbers").
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from ledger.fixed_point import MILLION, divided_half_even
from materializers.measures import Row

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


def mean_score(total_millionths: int, count: int) -> float | None:
    """The mean of scores or ratings kept in millionths."""
    return ratio(total_millionths, count * MILLION)


def usd(nano_usd: int) -> float:
    """Nano-USD as USD to 6 decimals."""
    return divided_half_even(nano_usd, _NANO_USD_PER_MICRO_USD) / USD_SCALE


def row_of(layout: Callable[..., Cell], measures: Mapping[str, Row], cell: str) -> Cell:
    """A cell as its named measures, whose defaults stand for trailing zeros."""
    return layout(*measures.get(cell, ()))


def labelled(measures: Mapping[str, Row], prefix: str) -> Iterator[tuple[str, Row]]:
    """(label, row) of every cell named `{prefix}/{label}`, in label order."""
    start = f"{prefix}/"
    for cell in sorted(measures):
        if cell.startswith(start):
            yield cell[len(start) :], measures[cell]
