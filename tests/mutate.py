"""`python -m tests.mutate [--sample 400] [--seed 1]`: mutants of the pure core, and who survives.

Works in a clone under a temporary directory, with mutmut 3 from `--python` (an environment that has
it and `requirements-dev.txt`). See docs/mutation.md.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
SETTINGS = """\
[mutmut]
source_paths=
    cosmos_views/ledger/
    cosmos_views/publish/
    processors/
    materializers/
pytest_add_cli_args_test_selection=
    tests/ledger
    tests/materializers
also_copy=
    cosmos_views
    emulators
    demo
    tests
    docs
    function_app.py
    pack.py
    containers.json
do_not_mutate=
    cosmos_views/publish/publisher.py
    cosmos_views/publish/view.py
"""


def main() -> None:
    """Run the sample, or all of them, and list what survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--sample", type=int, help="so many mutants, chosen by --seed; else all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--children", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["git", "clone", "-q", ROOT, directory], check=True)
        (Path(directory) / "setup.cfg").write_text(SETTINGS, encoding="utf-8")
        run = [options.python, "-m", "mutmut", "run", "--max-children", str(options.children)]
        environment = {**os.environ, "HYPOTHESIS_PROFILE": "mutation"}
        chosen: list[str] = []
        if options.sample:
            # The first run makes the mutants, so that some can be chosen.
            subprocess.run(
                [*run, "cosmos_views.ledger.buckets*"], cwd=directory, env=environment, check=True
            )
            chosen = sorted(results(options.python, directory))
            Random(options.seed).shuffle(chosen)
            chosen = chosen[: options.sample]
        subprocess.run([*run, *chosen], cwd=directory, env=environment, check=True)
        found = results(options.python, directory)
    outcomes = {name: found[name] for name in chosen or found}
    for name, outcome in sorted(outcomes.items()):
        if outcome not in ("killed", "not checked"):
            sys.stdout.write(f"{outcome}: {name}\n")
    sys.stdout.write(f"{dict(Counter(outcomes.values()))}\n")


def results(python: str, directory: str) -> dict[str, str]:
    """Mutant → outcome."""
    listed = subprocess.run(
        [python, "-m", "mutmut", "results", "--all", "true"],
        cwd=directory,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = (line.strip().split(": ") for line in listed.stdout.splitlines() if ": " in line)
    return dict(lines)


if __name__ == "__main__":
    main()
