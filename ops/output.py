"""How commands print: results on standard output, tables for people, JSON for pipes."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

PIPE_COLUMNS = 200
"""Width of a table that is not read on a terminal: wide enough not to fold."""


def console(stderr: bool = False) -> Console:
    """Standard output (or error); without colour or folding when it is no terminal."""
    out = Console(highlight=False, stderr=stderr)
    if out.is_terminal:
        return out
    return Console(width=PIPE_COLUMNS, highlight=False, stderr=stderr)


def print_json(value: Any) -> None:
    """One JSON value, readable by people too."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None
) -> Table:
    """A plain table: numbers right-aligned, None as an empty cell."""
    filled = [list(row) for row in rows]
    built = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(columns):
        values = [row[place] for row in filled if row[place] is not None]
        numeric = bool(values) and all(isinstance(value, int | float) for value in values)
        built.add_column(name, justify="right" if numeric else "left")
    for row in filled:
        built.add_row(*(cell(value) for value in row))
    return built


def cell(value: object) -> str:
    """One value as people read it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}".replace(",", " ")
        case float():
            return f"{value:,.6f}".rstrip("0").rstrip(".").replace(",", " ") or "0"
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def counts(by_name: dict[str, int]) -> str:
    """`invalid 50, malformed 25`, the most frequent first."""
    ordered = sorted(by_name.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {cell(number)}" for name, number in ordered)
