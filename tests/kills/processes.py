"""kill -9 at every boundary: a command of `python -m ops` in a process of its own, killed at its
n-th request.

The endpoint holds that request before it takes effect; then the process is killed, as the kernel
kills. Held before its n-th request is the same as killed after its n-1st took effect, unseen; so
all numbers together are all boundaries. Nothing of the product knows that it is being killed.

Processes are forked from one that has the command's modules loaded, which makes hundreds of kills
affordable. `KILLS_AT=all` takes every boundary instead of some.
"""

import contextlib
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from multiprocessing.process import BaseProcess
from random import Random

from local.cosmos import Endpoint

KILLS_AT = os.environ.get("KILLS_AT", "some")
SEED = int(os.environ.get("KILLS_SEED", "1"))
HELD_MS = 600_000
POLL_SECONDS = 0.005
END_SECONDS_MAX = 120

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["ops.__main__", "tests.kills.processes"])


class Command:
    """A command of `python -m ops`, run any number of times."""

    def __init__(self, endpoint: Endpoint, *arguments: str) -> None:
        self._endpoint = endpoint
        self._arguments = arguments

    def run(self) -> int:
        """The exit code of a run that nobody kills."""
        process = self._start()
        process.join(END_SECONDS_MAX)
        code = process.exitcode
        process.kill()
        process.join()
        assert code is not None, "the command did not end"
        return code

    def requests(self) -> int:
        """Run to the end; how many boundaries that has."""
        rule = self._endpoint.faults.add(skip=10**9, drop=True)
        assert self.run() == 0
        (report,) = [one for one in self._endpoint.faults.list() if one.id == rule]
        self._endpoint.faults.remove(rule)
        return report.matched

    def kill_at(self, number: int) -> bool:
        """Run, and kill -9 at the request of that number, from 0, which has no effect. False where
        the command made fewer and ended."""
        rule = self._endpoint.faults.add(skip=number, times=1, delay_ms=HELD_MS, drop=True)
        process = self._start()
        try:
            while process.is_alive():
                (report,) = [one for one in self._endpoint.faults.list() if one.id == rule]
                if report.fired:
                    return True
                time.sleep(POLL_SECONDS)
            assert process.exitcode == 0, f"exit code {process.exitcode}"
            return False
        finally:
            process.kill()
            process.join()
            self._endpoint.faults.remove(rule)

    def _start(self) -> BaseProcess:
        process = _FORKS.Process(target=_main, args=(self._arguments,), daemon=True)
        process.start()
        return process


def chosen(requests: int, some: int = 12) -> list[int]:
    """Boundaries to kill at: all of them, or some, spread over the whole run."""
    if KILLS_AT == "all" or requests <= some:
        return list(range(requests))
    random = Random(SEED)
    edges = [requests * number // some for number in range(some + 1)]
    return [random.randrange(start, end) for start, end in pairwise(edges)]


def _main(arguments: Sequence[str]) -> None:
    from ops.__main__ import main

    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        sys.exit(main(arguments))
