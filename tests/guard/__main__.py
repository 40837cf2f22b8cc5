"""`python -m tests.guard`: write the digests anew; `--record` also the histories."""

import json
import sys

from tests.guard.guard import DIGESTS, HISTORIES, STORIES, left_behind, write_history
from tests.property.runner import long_history

RECORDED = {"mixed.jsonl": (11, 400), "busy.jsonl": (12, 300)}
"""Name → seed and least number of versions."""


def main() -> None:
    """Write the files."""
    if "--record" in sys.argv:
        for name, (seed, versions) in RECORDED.items():
            write_history(HISTORIES / name, long_history(seed, versions))
    digests = {story.name: left_behind(story) for story in STORIES}
    DIGESTS.write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
