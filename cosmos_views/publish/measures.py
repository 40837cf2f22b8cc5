"""The algebra: measures are integers under names, and the only operation on them is `+`.

A *cell* is a named row of measures that belong together (a sum and its count, say), stored as a
list of integers; `Measures` maps cell names to rows, and `Delta` maps state keys to measures. Rows
add pointwise, a missing place counts as 0, trailing zeros and empty rows are dropped. So with `+`:

- order and grouping do not matter, and everything has an inverse (a retraction);
- equal measures are equal values, and equal bytes once encoded with sorted keys.

A mean is kept as (sum, count) and divided only when a view is rendered.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from operator import neg
from typing import NamedTuple

Row = Sequence[int]
Measures = dict[str, list[int]]
Delta = dict[str, Measures]
Contribution = tuple[str, str, Row]
"""(key, cell, row): what one fact or one owner adds to one cell of one key."""


class Turned(NamedTuple):
    """What a plan changes of an owner's history."""

    counted: Iterable[Contribution]
    """What the history is worth now, wherever that may differ."""
    retracted: Iterable[Contribution]
    """What it was worth there before."""
    state_keys: Sequence[str]
    """State keys to publish although they have no measure."""


def add_all(delta: Delta, contributions: Iterable[Contribution], sign: int = 1) -> None:
    """Add (`sign` 1) or retract (-1) contributions, in place. Zeros stay until `normalized`."""
    for key, cell, row in contributions:
        measures = delta.get(key)
        if measures is None:
            measures = delta[key] = {}
        add_row(measures, cell, row, sign)


def add_row(measures: Measures, cell: str, row: Row, sign: int = 1) -> None:
    """Add one row to one cell, in place."""
    have = measures.get(cell)
    if have is None:
        measures[cell] = list(row) if sign == 1 else [-value for value in row]
        return
    if len(have) < len(row):
        have.extend([0] * (len(row) - len(have)))
    for place, value in enumerate(row):
        if value:
            have[place] += sign * value


def difference(added: Iterable[Contribution], retracted: Iterable[Contribution]) -> Delta:
    """What is added less what is retracted, normalized.

    Rows are gathered by cell and added up at once, because most cells get one row and few get many.
    """
    gathered: dict[str, dict[str, list[Row]]] = {}
    taken = ((key, cell, tuple(map(neg, row))) for key, cell, row in retracted)
    for key, cell, row in chain(added, taken):
        cells = gathered.get(key)
        if cells is None:
            cells = gathered[key] = {}
        rows = cells.get(cell)
        if rows is None:
            cells[cell] = [row]
        else:
            rows.append(row)
    delta: Delta = {}
    for key in sorted(gathered):
        cells = gathered[key]
        measures: Measures = {}
        for cell in sorted(cells):
            rows = cells[cell]
            total = list(rows[0] if len(rows) == 1 else map(sum, zip_longest(*rows, fillvalue=0)))
            while total and not total[-1]:
                total.pop()
            if total:
                measures[cell] = total
        if measures:
            delta[key] = measures
    return delta


def add(left: Mapping[str, Row], right: Mapping[str, Row]) -> Measures:
    """left + right, normalized; neither is changed."""
    total: Measures = {cell: list(row) for cell, row in left.items()}
    for cell, row in right.items():
        add_row(total, cell, row)
    return normalized(total)


def sum_measures(parts: Iterable[Mapping[str, Row]]) -> Measures:
    """The sum of measures, not normalized."""
    total: Measures = {}
    for part in parts:
        for cell, row in part.items():
            add_row(total, cell, row)
    return total


def normalized(measures: Mapping[str, Row]) -> Measures:
    """The one way to write these measures: no trailing zeros, no empty rows, cells sorted."""
    result: Measures = {}
    for cell in sorted(measures):
        row = list(measures[cell])
        while row and not row[-1]:
            row.pop()
        if row:
            result[cell] = row
    return result


def normalized_delta(delta: Mapping[str, Mapping[str, Row]]) -> Delta:
    """The delta without keys that do not change."""
    result: Delta = {}
    for key in sorted(delta):
        measures = normalized(delta[key])
        if measures:
            result[key] = measures
    return result


def is_negative(measures: Mapping[str, Row]) -> bool:
    """Whether any measure is below zero: one half of a move was read before the other."""
    return any(value < 0 for row in measures.values() for value in row)
