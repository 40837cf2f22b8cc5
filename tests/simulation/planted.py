"""`python -m tests.simulation.planted [--seeds 2000] [--only TEXT] [--markdown FILE]`.

Plants each known bug in a copy of the source and simulates seeds until one fails. Prints a table,
and with `--markdown` writes its rows into that of a file. Exit code 1 when a bug survives: then the
simulation has lost a tooth.
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
_SEED = re.compile(r"^seed (\d+)$", re.MULTILINE)
_FAILED = "repeat: "
_HANGS = "Timeout ("
WHY_CHARACTERS_MAX = 90
MARK = "<!-- written by python -m tests.simulation.planted --markdown -->"


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
    seeds: int
    """How many would have been run."""

    @property
    def row(self) -> str:
        """As a line of a table."""
        seed = f"**none of {self.seeds}**" if self.seed is None else str(self.seed)
        why = self.why.replace("|", "/")[:WHY_CHARACTERS_MAX]
        return f"| {self.bug.name} | `{self.bug.file}` | {seed} | {why} |"


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
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
    seeds_run = list(_SEED.finditer(done.stdout))
    if done.returncode == 0 or not seeds_run:
        assert done.returncode == 0, f"{bug.name}: nothing runs\n{done.stderr[-2_000:]}"
        return Caught(bug, None, "", seconds, seeds)
    failed = int(seeds_run[-1][1])
    if _HANGS in done.stderr:
        return Caught(bug, failed, "it never ends", seconds, seeds)
    assert _FAILED in done.stdout, f"{bug.name}: {done.stderr[-2_000:]}"
    why = done.stdout[seeds_run[-1].end() :].split("\n")[1]
    return Caught(bug, failed, why, seconds, seeds)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--only", default="", help="bugs whose name or file holds this")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--markdown", type=Path, help="a file that the table is written into")
    parser.add_argument(
        "--missing", action="store_true", help="bugs that the table in that file shows uncaught"
    )
    options = parser.parse_args(arguments)
    if options.missing and options.markdown is None:
        parser.error("--missing goes with --markdown, whose table says which are")
    planted = [bug for bug in bugs() if options.only in f"{bug.name} {bug.file}"]
    if options.missing:
        caught = caught_in(options.markdown)
        planted = [bug for bug in planted if bug.name not in caught]
    survivors = 0
    with ThreadPoolExecutor(options.workers) as pool:
        for one in pool.map(lambda bug: hunt(bug, options.seeds), planted):
            survivors += one.seed is None
            sys.stdout.write(f"{one.row} {one.seconds:.0f} s\n")
            sys.stdout.flush()
            if options.markdown is not None:
                write_down(options.markdown, one)
    sys.stdout.write(f"{len(planted) - survivors} of {len(planted)} caught\n")
    return 1 if survivors else 0


def caught_in(path: Path) -> set[str]:
    """Names of the bugs that the table in a file shows as caught."""
    cells = [row.split(" | ") for row in path.read_text("utf-8").partition(MARK)[2].splitlines()]
    return {row[0].removeprefix("| ") for row in cells if len(row) > 2 and row[2].isdigit()}


def write_down(path: Path, caught: Caught) -> None:
    """Put one row into the table that stands in a file behind the mark, in the order of the list;
    rows of bugs that are planted no more go."""
    text, mark, table = path.read_text("utf-8").partition(MARK)
    assert mark, f"{path} has no line {MARK}"
    rows = {row.split(" | ")[0].removeprefix("| "): row for row in table.splitlines()}
    rows[caught.bug.name] = caught.row
    kept = [rows[bug.name] for bug in bugs() if bug.name in rows]
    head = ["| bug | in | first seed | what fails |", "|---|---|---|---|"]
    path.write_text("\n".join([f"{text}{mark}", "", *head, *kept, ""]), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
