"""Hosts as processes of their own, for tests that kill them.

Guarantee: no process outlives its `with` block; its console output is in `output` once it has
ended.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]

END_SECONDS_MAX = 300

# Short intervals: a test waits for leases to expire.
FAST = (
    *("--poll-delay", "0.05"),
    *("--lease-acquire", "0.1"),
    *("--lease-renew", "0.2"),
    *("--lease-expiration", "1.5"),
)


class HostProcess:
    def __init__(self, script_root: Path, settings: Mapping[str, str], *arguments: str) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "emulators.functions",
                "--script-root",
                str(script_root),
                *arguments,
            ],
            cwd=REPOSITORY,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""

    def kill(self) -> None:
        """As a crash: kill -9."""
        self._process.kill()
        self._end()

    def terminate(self) -> int:
        """SIGTERM, and the exit code it leads to."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def ask_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        self._end()
        return self._process.returncode

    def wait_for_line(self, part: str) -> str:
        """The first further console line that holds `part`."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output += line
            if part in line:
                return line
        raise AssertionError(f"ended without {part!r}:\n{self.output}")

    def _end(self) -> None:
        output, _ = self._process.communicate(timeout=END_SECONDS_MAX)
        self.output += output or ""


@contextmanager
def host_process(
    script_root: Path, settings: Mapping[str, str], *arguments: str
) -> Iterator[HostProcess]:
    process = HostProcess(script_root, settings, *arguments)
    try:
        yield process
    finally:
        if process._process.poll() is None:
            process.kill()
