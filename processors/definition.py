"""The definition version: one name for everything that decides what a document counts as.

State made under one definition must not be continued under another: entries hold facts of the old
one, and their retraction would not cancel out. A worker whose definition differs from the
generation document's refuses to run.
"""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version

import msgspec

from ledger.labels import SOURCE_ALIASES, digest
from materializers.registry import VIEWS
from processors.pricing import Override

CODE_DEFINITION = 1
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
