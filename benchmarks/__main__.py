"""`python -m benchmarks`: every question in one run; writes `docs/benchmarks.md` and its plot."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    cold_start,
    decode,
    end_to_end,
    growth,
    request_units,
    stage_1,
    state_size,
)
from benchmarks.figures import FULL, QUICK, Figure, Scale
from benchmarks.notes import NOTES
from benchmarks.plot import as_svg
from benchmarks.report import as_json, as_markdown, machine

DOCS = Path(__file__).resolve().parents[1] / "docs"
QUESTIONS: dict[str, tuple[str, Callable[[Scale], list[Figure]]]] = {
    "cold_start": ("Cold start", cold_start.measure),
    "decode": ("The limit: decoding alone", decode.measure),
    "stage_1": ("Stage 1 alone, state in memory", stage_1.measure),
    "end_to_end": ("Stage 1 through the SDK and a local endpoint", end_to_end.measure),
    "request_units": ("Request units and operations per change", request_units.measure),
    "state_size": ("Size of state", state_size.measure),
    "growth": ("Growth", growth.measure),
}


def main() -> None:
    """Measure, print, and, all questions asked, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=QUESTIONS, nargs="+", help="print these, write nothing")
    parser.add_argument(
        "--quick", action="store_true", help="only see that all of it runs; write nothing"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    figures = {}
    for name in options.only or QUESTIONS:
        title, measure = QUESTIONS[name]
        print(f"{title} …", file=sys.stderr)
        figures[name] = measure(QUICK if options.quick else FULL)
    about = machine()
    titles = {name: title for name, (title, _) in QUESTIONS.items()}
    text = as_markdown(figures, titles, NOTES, about)
    print(json.dumps(as_json(figures, about), indent=2) if options.json else text)
    if not options.quick and not options.only:
        (DOCS / "benchmarks.md").write_text(text, "utf-8")
        (DOCS / "benchmarks.svg").write_text(as_svg(_panels(figures)), "utf-8")


def _panels(figures: dict[str, list[Figure]]) -> list[tuple[str, list[Figure]]]:
    rates = [*figures["decode"], *figures["stage_1"], *figures["end_to_end"]]
    costs = figures["request_units"]
    return [
        (
            "Documents or changes per second, one core (the mark is the figure to reach)",
            [one for one in rates if one.unit.endswith("/s")],
        ),
        (
            "Request units per change (less is better)",
            [one for one in costs if one.unit == "RU/change"],
        ),
    ]


if __name__ == "__main__":
    main()
