"""kill -9 at every boundary: a command of `python -m cosmos_views` in a process of its own, killed
at its n-th request.

A gate (`gates`) holds that request before it takes effect; then the process is killed, as the
kernel kills. Held before its n-th request is the same as killed after its n-1st took effect,
unseen; so all numbers together are all boundaries. Where requests are made side by side, as those
to Blob storage are, a gate can also hold answers. Nothing of the product knows that it is being
killed.

Processes are forked from one that has the command's modules loaded, which makes hundreds of kills
affordable. `KILLS_AT=all` takes every boundary instead of some.
"""

import contextlib
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from multiprocessing.process import BaseProcess
from random import Random

from emulators.cosmos import Endpoint
from tests.kills.gates import CosmosGate, Gate

KILLS_AT = os.environ.get("KILLS_AT", "some")
SEED = int(os.environ.get("KILLS_SEED", "1"))
POLL_SECONDS = 0.005
END_SECONDS_MAX = 600

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["cosmos_views.cli.main", "tests.kills.processes"])


class Command:
    """A command of `python -m cosmos_views`, run any number of times. Requests are those to Cosmos
    DB, unless a gate to another service is given."""

    def __init__(
        self, endpoint: Endpoint, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self._gate = CosmosGate(endpoint)
        self._arguments = arguments
        self._environment = dict(environment or {})

    def run(self) -> int:
        """The exit code of a run that nobody kills."""
        process = self._start()
        process.join(END_SECONDS_MAX)
        code = process.exitcode
        process.kill()
        process.join()
        assert code is not None, "the command did not end"
        return code

    def requests(self, gate: Gate | None = None) -> int:
        """Run to the end; how many boundaries that has."""
        gate = gate or self._gate
        gate.hold(10**9)
        assert self.run() == 0
        came, _ = gate.state()
        gate.drop()
        return came

    def kill_at(self, number: int, gate: Gate | None = None) -> bool:
        """Run, and kill -9 at the request of that number, from 0. False where the command made
        fewer and ended."""
        gate = gate or self._gate
        gate.hold(number)
        process = self._start()
        try:
            while process.is_alive():
                if gate.state()[1]:
                    return True
                time.sleep(POLL_SECONDS)
            assert process.exitcode == 0, f"exit code {process.exitcode}"
            return False
        finally:
            process.kill()
            process.join()
            gate.drop()

    def _start(self) -> BaseProcess:
        arguments = (self._arguments, self._environment)
        process = _FORKS.Process(target=_main, args=arguments, daemon=True)
        process.start()
        return process


def chosen(requests: int, some: int = 12) -> list[int]:
    """Boundaries to kill at: all of them, or some, spread over the whole run."""
    if KILLS_AT == "all" or requests <= some:
        return list(range(requests))
    random = Random(SEED)
    edges = [requests * number // some for number in range(some + 1)]
    return [random.randrange(start, end) for start, end in pairwise(edges)]


def _main(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    from cosmos_views.cli.main import main

    os.environ.update(environment)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        sys.exit(main(arguments))
