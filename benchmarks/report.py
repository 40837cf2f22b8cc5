"""The report: a table per question and a plot, from the figures of one run."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, shown

Figures = Mapping[str, Sequence[Figure]]
"""Question → its figures."""

LIBRARIES = ("msgspec", "orjson", "azure-cosmos", "azure-core", "azure-functions")
CPU_INFO = Path("/proc/cpuinfo")
WHERE_SHOWN = 6


def machine() -> dict[str, str]:
    """What the figures were measured on, and when."""
    return {
        "day": str(datetime.now(UTC).date()),
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def as_json(figures: Figures, about: Mapping[str, str]) -> dict[str, Any]:
    """Everything, for other programs."""
    return {
        "machine": dict(about),
        "questions": {
            question: [
                {
                    "what": one.what,
                    "value": one.value,
                    "unit": one.unit,
                    "peer": None if one.peer is None else one.peer.what,
                    "peer_value": None if one.peer is None else one.peer.value,
                    "ratio": one.ratio,
                    "reach": None if one.reach is None else one.reach.bound,
                    "reached": one.reached,
                    "where": one.where,
                }
                for one in some
            ]
            for question, some in figures.items()
        },
    }


def as_markdown(
    figures: Figures,
    titles: Mapping[str, str],
    notes: Mapping[str, str],
    about: Mapping[str, str],
) -> str:
    """The document `docs/benchmarks.md`, of figures measured on what `machine` said."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`, never by hand. Times are CPU time of the worker's process, the"
        " fastest of several rounds, unless a row says otherwise; machines differ and are busy, so"
        " the ratios count, each against a peer of the same run. Request units are modelled by the"
        " local endpoint from published figures; they are no bill.",
        "",
        f"{about['cpu']}, {about['cores']} cores, {about['system']}, Python {about['python']}, "
        + ", ".join(f"{name} {about[name]}" for name in LIBRARIES)
        + f"; {about['day']}.",
        "",
        "![Changes per second and request units per change](benchmarks.svg)",
    ]
    for question, some in figures.items():
        lines += ["", f"## {titles[question]}", "", *_table(some)]
        lines += _where(some)
        if question in notes:
            lines += ["", notes[question]]
    return "\n".join(lines) + "\n"


def _table(figures: Iterable[Figure]) -> list[str]:
    rows = ["| what | figure | beside | ratio | to reach | |", "|---|---:|---|---:|---:|---|"]
    for one in figures:
        peer = "" if one.peer is None else f"{one.peer.what}: {shown(one.peer.value)}"
        ratio = "" if one.ratio is None else f"{shown(one.ratio)} ×"
        reach = ""
        if one.reach is not None:
            reach = f"{'≥' if one.reach.at_least else '≤'} {shown(one.reach.bound)}"
        verdict = {None: "", True: "reached", False: "**missed**"}[one.reached]
        rows.append(
            f"| {one.what} | {shown(one.value)} {one.unit} | {peer} | {ratio} | {reach} |"
            f" {verdict} |"
        )
    return rows


def _where(figures: Iterable[Figure]) -> list[str]:
    split = [one for one in figures if one.where]
    if not split:
        return []
    lines = ["", "Where it goes:", ""]
    for one in split:
        largest = sorted(one.where.items(), key=lambda part: -part[1])[:WHERE_SHOWN]
        parts = ", ".join(f"{part} {share:.0%}" for part, share in largest)
        lines.append(f"- {one.what}: {parts}")
    return lines


def _cpu() -> str:
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
