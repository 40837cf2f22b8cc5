"""The definition version: one name for everything that decides what a document counts as.

State made under one definition must not be continued under another: entries hold facts of the old
one, and their retraction would not cancel out. A worker whose definition differs from the
generation document's refuses to run.
"""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import msgspec

from cosmos_views.ledger.labels import SOURCE_ALIASES, digest
from materializers.registry import VIEWS
from processors.pricing import Override, load_overrides

PACKAGE_VERSION = "0.1.0"
CODE_DEFINITION = 3
"""Raise it whenever decoding, upcasters, facts, user histories or contributions change."""


@cache
def definition_version(overrides: Sequence[Override]) -> str:
    """The definition of this worker, such as `1-3f2a…`: code, tables and price library."""
    tables = msgspec.json.encode(
        [
            version("genai-prices"),
            sorted(SOURCE_ALIASES.items()),
            overrides,
            sorted(VIEWS),
        ]
    )
    return f"{CODE_DEFINITION}-{digest(tables.decode())[:12]}"


@cache
def worker_version() -> str:
    """This worker, such as `0.1.0+1-3f2a….9c01`: package, definition, digest of stage 1's code.

    Another one after every deployment that may judge a document otherwise, also after a fix that
    leaves the definition as it is: dead letters carry it, so that each worker tries each once.
    """
    rooms = Path(__file__).parent, Path(__file__).parents[1] / "ledger"
    code = [path.read_text("utf-8") for room in rooms for path in sorted(room.glob("*.py"))]
    return f"{PACKAGE_VERSION}+{definition_version(load_overrides())}.{digest(*code)[:8]}"
