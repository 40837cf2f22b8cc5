"""Cells: how rows are named and summed up by the contributions."""

from collections.abc import Iterable
from functools import lru_cache

from cosmos_views.publish.measures import Row

SEPARATOR = "/"
ONE = (1,)
"""The row of a cell that only counts."""


Mean = tuple[int, int]
"""A sum and its count."""


def sum_and_count(value: int | None) -> Mean:
    """A mean's two measures of one value: nothing where it is absent."""
    return (0, 0) if value is None else (value, 1)


@lru_cache(maxsize=16_384)
def cell_name(kind: str, *labels: str) -> str:
    """`{kind}/{label}/…`; a separator inside a label is escaped, so names never meet."""
    return SEPARATOR.join((kind, *map(_escaped, labels)))


def labels_of(name: str) -> tuple[str, ...]:
    """The labels behind the kind of a cell's name."""
    return tuple(_unescaped(part) for part in name.split(SEPARATOR)[1:])


def is_kind(name: str, kind: str) -> bool:
    """Whether a cell is of that kind."""
    return name.startswith(kind) and name[len(kind) : len(kind) + 1] == SEPARATOR


def sum_rows(rows: Iterable[Row]) -> list[int]:
    """Rows added place by place; shorter ones have lost their trailing zeros."""
    total: list[int] = []
    for row in rows:
        if len(row) > len(total):
            total.extend([0] * (len(row) - len(total)))
        for place, value in enumerate(row):
            total[place] += value
    return total


def _escaped(label: str) -> str:
    if SEPARATOR in label or "%" in label:
        return label.replace("%", "%25").replace(SEPARATOR, "%2F")
    return label


def _unescaped(label: str) -> str:
    return label.replace("%2F", SEPARATOR).replace("%25", "%") if "%" in label else label
