"""`python -m tests.interleaved`: what the check goes through, and what it finds."""

import argparse
import sys
import time

from tests.interleaved.laws import Untrue
from tests.interleaved.loading import changes
from tests.interleaved.scenarios import SCENARIOS, deeper, exploration


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.interleaved", description=__doc__)
    parser.add_argument("--deviations", type=int, default=0, help="so many more of each kind")
    parser.add_argument("--only", default="", help="scenarios and changes whose name holds this")
    options = parser.parse_args()
    found = missed = 0
    for scenario in SCENARIOS.values():
        if options.only in scenario.name:
            started = time.monotonic()
            explored = exploration(deeper(scenario, options.deviations)).run()
            seconds = time.monotonic() - started
            _print(
                f"| {scenario.name} | {explored.schedules:.1e} | {explored.moments} "
                f"| {explored.worlds} | {seconds:.0f} s |"
            )
    for change in changes():
        if options.only not in change.name:
            continue
        scenario = deeper(SCENARIOS[change.scenario], options.deviations)
        try:
            exploration(scenario, change).run()
            what = f"not found: {change.covered_by}" if change.covered_by else "MISSED"
            missed += not change.covered_by
        except Untrue as untrue:
            what = str(untrue)
            found += 1
        _print(f"| {change.rule} | {change.name} | {change.scenario} | {what} |")
    _print(f"{found} found, {missed} missed")
    return 1 if missed else 0


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
