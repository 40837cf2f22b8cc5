"""How commands print: results on standard output, tables for people, JSON for pipes."""

import json
import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

PIPE_COLUMNS = 200
"""Width of a table that is not read on a terminal: wide enough not to fold."""


def console(stderr: bool = False) -> Console:
    """Standard output (or error); without colour or folding when it is not a terminal. What it
    prints is text: `[/b]` in an owner id is not markup."""
    out = Console(highlight=False, markup=False, emoji=False, stderr=stderr)
    if not out.is_terminal:
        out.width = PIPE_COLUMNS
    return out


def in_any_encoding() -> None:
    """Print `?` for what standard output and error cannot encode, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_json(value: Any) -> None:
    """One JSON value, readable by people too where the encoding allows it."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    sys.stdout.write(text + "\n")


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
