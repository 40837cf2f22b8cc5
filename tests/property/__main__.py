"""`python -m tests.property --examples 20000 [--seed 0] [--workers 2] [--versions 200]`.

Runs one generated history per seed and compares all seven views with the oracle. Exit code 1 when
any of them is false; each failing seed is printed with the command that repeats it.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from random import SystemRandom
from typing import NamedTuple

from tests.property.runner import VERSIONS_MIN, run

SEEDS_PER_TASK = 5
FAILURES_SHOWN = 5
REPORT_SECONDS = 5.0


class Result(NamedTuple):
    """What some seeds came to."""

    histories: int
    versions: int
    failures: list[tuple[int, str]]


def run_seeds(first: int, count: int, versions_min: int) -> Result:
    """Run the histories of consecutive seeds, whatever fails."""
    versions = 0
    failures = []
    for seed in range(first, first + count):
        try:
            versions += run(seed, versions_min)
        except Exception as error:
            failures.append((seed, f"{type(error).__name__}: {error}"))
    return Result(count, versions, failures)


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    first = SystemRandom().randrange(2**31) if options.seed is None else options.seed
    say(f"{options.examples} histories of at least {options.versions} versions, seed {first}")
    started = reported = time.monotonic()
    histories = versions = 0
    failures: list[tuple[int, str]] = []
    with ProcessPoolExecutor(options.workers) as pool:
        for result in pool.map(run_seeds, *zip(*_tasks(first, options), strict=True)):
            histories += result.histories
            versions += result.versions
            failures += result.failures
            for seed, reason in result.failures:
                say(f"\n{reason}\nrepeat: python -m tests.property --examples 1 --seed {seed}")
            if len(failures) >= FAILURES_SHOWN:
                pool.shutdown(cancel_futures=True)
                break
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                say(f"{histories} histories, {versions} versions")
    seconds = time.monotonic() - started
    say(
        f"{histories} histories, {versions} versions, {len(failures)} with differences, "
        f"seed {first}, {seconds:.0f} s"
    )
    return 1 if failures else 0


def _tasks(first: int, options: argparse.Namespace) -> Iterator[tuple[int, int, int]]:
    for start in range(0, options.examples, SEEDS_PER_TASK):
        count = min(SEEDS_PER_TASK, options.examples - start)
        yield first + start, count, options.versions


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.property", description=__doc__)
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--seed", type=int, help="first seed; without it a new one, printed")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--versions", type=int, default=VERSIONS_MIN)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
