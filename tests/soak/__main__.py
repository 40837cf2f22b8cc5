"""`python -m tests.soak --minutes 20`: exit code 1 where views or state are not as they must be."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TextIO

from tests.soak.soak import Soak


def main() -> int:
    """Run, and print the account as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=20, help="rounds begin for so long; the last one ends"
    )
    parser.add_argument("--ranges", type=int, default=4, help="physical partitions of each source")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--logs", type=Path, help="folder for the hosts' output (default: a new)")
    options = parser.parse_args()
    logs = options.logs or Path(tempfile.mkdtemp(prefix="soak-"))
    soak = Soak(options.seed, options.ranges, logs, note=lambda text: _say(sys.stderr, text))
    account = soak.run(options.minutes * 60)
    result = {"minutes": options.minutes, "ranges": options.ranges, "seed": options.seed}
    figures = {**vars(account), "injected": account.injected}
    _say(sys.stdout, json.dumps({**result, **figures}, indent=1))
    if account.differences:
        _say(sys.stderr, f"The hosts' output is in {logs}.")
    return 1 if account.differences else 0


def _say(stream: TextIO, text: str) -> None:
    stream.write(f"{text}\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
