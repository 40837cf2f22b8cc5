"""Processes of the ground, as a terminal starts and stops them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
END_SECONDS_MAX = 300


def ran(*arguments: object) -> subprocess.CompletedProcess[str]:
    """`python -m demo …` until it ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "demo", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def started(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """`python -m demo …` as a process group of its own, ended with the block at the latest."""
    process = subprocess.Popen(
        [sys.executable, "-m", "demo", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def line_with(process: subprocess.Popen[str], text: str) -> str:
    """The next line of its output that holds this text."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        if text in line:
            return line
        seen.append(line)
    raise AssertionError(f"it ended without {text!r}: {''.join(seen)}")


def interrupt(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Ctrl-C, which reaches the whole group; (exit code, what it still said)."""
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=END_SECONDS_MAX)
    return process.returncode, rest
