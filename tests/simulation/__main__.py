"""`python -m tests.simulation [--seeds 2000] [--seed 0] [--workers 2]`.

Runs one simulated world per seed; exit code 1 when any of them ends in something untrue. Each
failing seed is printed with the command that repeats it and with the smallest case that still
fails. `--without lost,split` leaves faults out, `--steps 1,4` makes only those writes.
"""

import argparse
import faulthandler
import gc
import os
import sys
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from tests.simulation.auditor import Untrue
from tests.simulation.faults import Kind
from tests.simulation.shrink import failure_of, shrunk
from tests.simulation.simulation import Case, Outcome, Simulation

SEEDS_PER_TASK = 20
FAILURES_SHOWN = 5
REPORT_SECONDS = 10.0
SEED_SECONDS_MAX = 900
"""A seed that takes longer will never end: what it does is dumped, and its process ends."""


def run_seeds(first: int, count: int) -> tuple[Outcome, list[tuple[Case, str]]]:
    """Consecutive seeds, whatever fails: (what they came to, what failed)."""
    total = Outcome()
    failures = []
    for seed in range(first, first + count):
        case = Case(seed)
        faulthandler.dump_traceback_later(SEED_SECONDS_MAX, exit=True)
        try:
            total += Simulation(case).run()
        except (Exception, Untrue) as failure:
            failures.append((case, f"{type(failure).__name__}: {failure}"))
    faulthandler.cancel_dump_traceback_later()
    return total, failures


def seldom_collect() -> None:
    """Worlds make much that refers to itself and little that lasts: an eighth less time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if options.seeds is None:
        return _run_one(options)
    if options.first:
        return _run_until_one_fails(options)
    started = reported = time.monotonic()
    total, failures, done = Outcome(), 0, 0
    tasks = list(_tasks(options.seed, options.seeds))
    with ProcessPoolExecutor(options.workers, initializer=seldom_collect) as pool:
        try:
            for outcome, failed in pool.map(run_seeds, *zip(*tasks, strict=True)):
                total += outcome
                done += SEEDS_PER_TASK
                failures += len(failed)
                for case, reason in failed:
                    say(f"\n{reason}\nrepeat: {case.command}")
                if failures >= FAILURES_SHOWN:
                    pool.shutdown(cancel_futures=True)
                    break
                if time.monotonic() - reported > REPORT_SECONDS:
                    reported = time.monotonic()
                    say(f"{done} seeds, {total.injected.total()} faults")
        except BrokenProcessPool:
            ended = options.seed + done
            say(f"\na world that never ends, or whose process died, comes soon after seed {ended}")
            say(f"find it: python -m tests.simulation --first --seed {ended} --seeds 100")
            return 1
    seconds = time.monotonic() - started
    say(f"{options.seeds} seeds from {options.seed}, {failures} failed, {seconds:.0f} s")
    say(
        f"{total.versions} versions, {total.calls} calls, {total.commits} commits, "
        f"{total.proofs} proofs, {total.injected.total()} faults:"
    )
    for kind, count in sorted(total.injected.items()):
        say(f"  {count:>9}  {kind}")
    return 1 if failures else 0


def _run_one(options: argparse.Namespace) -> int:
    without = frozenset(Kind(name) for name in (options.without or "").split(",") if name)
    steps = None
    if options.steps is not None:
        steps = tuple(int(one) for one in options.steps.split(",") if one)
    case = Case(options.seed, without, steps)
    failure = failure_of(case)
    if failure is None:
        say(f"true: {case.command}")
        return 0
    say("".join(traceback.format_exception(failure)))
    if options.shrink:
        smallest = shrunk(case)
        say(f"smallest: {smallest.command}\n{failure_of(smallest)}")
    else:
        say(f"repeat: {case.command}\nshrink: {case.command} --shrink")
    return 1


def _run_until_one_fails(options: argparse.Namespace) -> int:
    seldom_collect()
    for seed in range(options.seed, options.seed + options.seeds):
        case = Case(seed)
        say(f"seed {seed}")
        faulthandler.dump_traceback_later(SEED_SECONDS_MAX, exit=True)
        failure = failure_of(case)
        if failure is not None:
            say(f"{type(failure).__name__}: {failure}\nrepeat: {case.command}")
            return 1
    return 0


def _tasks(first: int, seeds: int) -> Iterator[tuple[int, int]]:
    for start in range(0, seeds, SEEDS_PER_TASK):
        yield first + start, min(SEEDS_PER_TASK, seeds - start)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, help="run so many; without it only one, in full")
    parser.add_argument("--seed", type=int, default=0, help="the first, or the only one")
    parser.add_argument("--first", action="store_true", help="end with the first that fails")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--without", help="faults that do not happen, by name")
    parser.add_argument("--steps", help="the writes that are made, by number")
    parser.add_argument("--shrink", action="store_true", help="look for the smallest case")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
