"""`python -m tests.simulation.planted [--seeds 2000] [--only TEXT] [--markdown FILE]`.

Plants each known bug in a copy of the source and simulates seeds until one fails. Prints a table,
and with `--markdown` writes its rows into that of a file. Exit code 1 when a bug survives: then the
simulation has lost a tooth. A few bugs need more luck, or more documents, than seeds have: those
name the test that catches them, and it is run instead.
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
from subprocess import CompletedProcess
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    *("cosmos_views", "processors", "materializers", "emulators", "demo", "tests"),
    *("function_app.py", "pack.py", "containers.json", "host.json"),
    *("local.settings.sample.json", "pyproject.toml"),
)
_SEED = re.compile(r"^seed (\d+)$", re.MULTILINE)
_FAILED = "repeat: "
_HANGS = "Timeout ("
_TEST_FAILED = "\nFAILED "
_ERROR = "E   "
WHY_CHARACTERS_MAX = 90
HUNT_SECONDS_MAX = 3_600
TEST_SECONDS_MAX = 300
MARK = "<!-- written by python -m tests.simulation.planted --markdown -->"


class Bug(NamedTuple):
    """One change of one file; `old` stands in it exactly once."""

    name: str
    file: str
    old: str
    new: str
    test: str = ""
    """What catches it where seeds do not: a test's file and name."""


def bugs() -> list[Bug]:
    """The list, as `planted.toml` has it."""
    found = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["bug"]
    return [Bug(**one) for one in found]


class Caught(NamedTuple):
    """What became of one bug."""

    bug: Bug
    by: int | str | None
    """The first seed that failed, or the test that did; None where all were true."""
    why: str
    seconds: float
    seeds: int
    """How many would have been run."""

    @property
    def row(self) -> str:
        """As a line of a table."""
        match self.by:
            case None:
                by = "**its test passes**" if self.bug.test else f"**none of {self.seeds}**"
            case int():
                by = str(self.by)
            case str():
                by = f"`{self.by}`"
        why = self.why.replace("|", "/")[:WHY_CHARACTERS_MAX]
        return f"| {self.bug.name} | `{self.bug.file}` | {by} | {why} |"


def plant(bug: Bug, root: Path) -> None:
    """Make the change in a copy of the source."""
    path = root / bug.file
    text = path.read_text("utf-8")
    assert text.count(bug.old) == 1, f"{bug.name}: its text stands {text.count(bug.old)} times"
    path.write_text(text.replace(bug.old, bug.new), "utf-8")


def hunt(bug: Bug, seeds: int) -> Caught:
    """Simulate a copy with the bug until a seed fails, or run the bug's test there."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for name in COPIED:
            copy: Callable[..., object] = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, root / name)
        return _by_test(bug, root) if bug.test else _by_seeds(bug, seeds, root)


def _by_test(bug: Bug, root: Path) -> Caught:
    test = ("pytest", "-q", "-x", "-rfE", bug.test)
    _, before = _run(root, *test)
    assert re.search(r"^\d+ passed", before.stdout, re.MULTILINE), (
        f"{bug.test} does not pass without {bug.name}: {before.stdout[-2_000:]}{before.stderr}"
    )
    plant(bug, root)
    try:
        seconds, done = _run(root, *test, seconds_max=TEST_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return Caught(bug, bug.test, "it never ends", TEST_SECONDS_MAX, 0)
    if done.returncode == 0:
        return Caught(bug, None, "", seconds, 0)
    assert _TEST_FAILED in done.stdout, f"{bug.name}: {done.stdout[-2_000:]}{done.stderr}"
    why = next(line for line in done.stdout.splitlines() if line.startswith(_ERROR))
    return Caught(bug, bug.test, why.removeprefix(_ERROR).strip(), seconds, 0)


def _by_seeds(bug: Bug, seeds: int, root: Path) -> Caught:
    plant(bug, root)
    seconds, done = _run(root, "tests.simulation", "--seeds", str(seeds), "--first")
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


def _run(
    root: Path, module: str, *arguments: str, seconds_max: float = HUNT_SECONDS_MAX
) -> tuple[float, CompletedProcess[str]]:
    started = time.monotonic()
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, timeout=seconds_max
    )
    return time.monotonic() - started, done


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
            survivors += one.by is None
            sys.stdout.write(f"{one.row} {one.seconds:.0f} s\n")
            sys.stdout.flush()
            if options.markdown is not None:
                write_down(options.markdown, one)
    sys.stdout.write(f"{len(planted) - survivors} of {len(planted)} caught\n")
    return 1 if survivors else 0


def caught_in(path: Path) -> set[str]:
    """Names of the bugs that the table in a file shows as caught."""
    cells = [row.split(" | ") for row in path.read_text("utf-8").partition(MARK)[2].splitlines()]
    return {
        row[0].removeprefix("| ")
        for row in cells
        if len(row) > 2 and (row[2].isdigit() or row[2].startswith("`"))
    }


def write_down(path: Path, caught: Caught) -> None:
    """Put one row into the table that stands in a file behind the mark, in the order of the list;
    rows of bugs that are planted no more go."""
    text, mark, table = path.read_text("utf-8").partition(MARK)
    assert mark, f"{path} has no line {MARK}"
    rows = {row.split(" | ")[0].removeprefix("| "): row for row in table.splitlines()}
    rows[caught.bug.name] = caught.row
    kept = [rows[bug.name] for bug in bugs() if bug.name in rows]
    head = ["| bug | in | first seed, or test | what fails |", "|---|---|---|---|"]
    path.write_text("\n".join([f"{text}{mark}", "", *head, *kept, ""]), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
