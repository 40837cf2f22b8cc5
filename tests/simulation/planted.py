"""`python -m tests.simulation.planted [--seeds 2000] [--only TEXT] [--workers 1]`.

Plants each known bug in a copy of the source and simulates seeds until one fails. Prints a table;
exit code 1 when a bug survives all seeds: then the simulation has lost a tooth.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    *("ledger", "materializers", "processors", "store", "ops", "tests"),
    *("wiring.py", "settings.py", "logs.py"),
)
_FAILED = re.compile(r"repeat: python -m tests\.simulation --seed (\d+)")
SECONDS_MAX = 900


class Bug(NamedTuple):
    """One change of one file; `old` stands in it exactly once."""

    name: str
    file: str
    old: str
    new: str


def bugs() -> list[Bug]:
    """The list, as `planted.toml` has it."""
    found = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["bug"]
    return [Bug(**one) for one in found]


class Caught(NamedTuple):
    """What became of one bug."""

    bug: Bug
    seed: int | None
    """The first seed that failed; None where all were true."""
    why: str
    seconds: float


def plant(bug: Bug, root: Path) -> None:
    """Make the change in a copy of the source."""
    path = root / bug.file
    text = path.read_text("utf-8")
    assert text.count(bug.old) == 1, f"{bug.name}: its text stands {text.count(bug.old)} times"
    path.write_text(text.replace(bug.old, bug.new), "utf-8")


def hunt(bug: Bug, seeds: int) -> Caught:
    """Simulate a copy with the bug until a seed fails."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for name in COPIED:
            copy: Callable[..., object] = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, root / name)
        plant(bug, root)
        started = time.monotonic()
        command = [sys.executable, "-m", "tests.simulation", "--seeds", str(seeds), "--first"]
        try:
            done = subprocess.run(
                command, cwd=root, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
            )
            output = done.stdout + done.stderr
        except subprocess.TimeoutExpired as expired:
            output = f"hung: {expired}"
        seconds = time.monotonic() - started
    found = _FAILED.search(output)
    if found is None:
        broken = "Traceback" in output or "hung" in output
        return Caught(bug, -1 if broken else None, output[-200:] if broken else "", seconds)
    reason = output[: found.start()].strip().splitlines()
    return Caught(bug, int(found[1]), reason[0] if reason else "", seconds)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--only", default="", help="bugs whose name or file holds this")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args(arguments)
    planted = [bug for bug in bugs() if options.only in f"{bug.name} {bug.file}"]
    survivors = 0
    with ThreadPoolExecutor(options.workers) as pool:
        for caught in pool.map(lambda bug: hunt(bug, options.seeds), planted):
            survivors += caught.seed is None
            seed = "SURVIVES" if caught.seed is None else f"seed {caught.seed}"
            why = caught.why[:70]
            sys.stdout.write(f"| {caught.bug.name} | {seed} | {caught.seconds:.0f} s | {why} |\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(planted) - survivors} of {len(planted)} caught\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
