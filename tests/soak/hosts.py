"""Host processes that share leases, and are killed and started again.

Their console output goes to files, because nobody reads it while they run.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from tests.emulators.functions.processes import REPOSITORY

ARGUMENTS = (
    "--no-http",
    "--raw-dates",  # rewritten, some invalid times become valid, and the oracle does not know
    *("--poll-delay", "0.2"),
    *("--lease-acquire", "0.5"),
    *("--lease-renew", "0.5"),
    *("--lease-expiration", "3"),
    *("--retry-delay-scale", "0.05"),
)


class Hosts:
    """So many hosts with one and the same app."""

    def __init__(self, number: int, settings: Mapping[str, str], logs: Path) -> None:
        self._settings = settings
        self._logs: list[IO[bytes]] = [
            (logs / f"host-{place}.log").open("ab") for place in range(number)
        ]
        self._processes = [self._start(place) for place in range(number)]

    def kill(self, place: int) -> None:
        """kill -9, and another one in its place."""
        self._processes[place].kill()
        self._processes[place].wait()
        self._processes[place] = self._start(place)

    def ended(self) -> list[int]:
        """Exit codes of hosts that have ended by themselves; none ever should."""
        return [code for one in self._processes if (code := one.poll()) is not None]

    def close(self) -> None:
        """End them all."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
        for log in self._logs:
            log.close()

    def _start(self, place: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "emulators.functions"),
                *("--script-root", str(REPOSITORY)),
                *ARGUMENTS,
            ],
            cwd=REPOSITORY,
            env={**os.environ, **self._settings},
            stdout=self._logs[place],
            stderr=subprocess.STDOUT,
        )
