"""One view of one key: what is counted under two state keys, so that a journal can be split.

Their pack holds nothing else.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cosmos_views.pack import Pack
from cosmos_views.publish.view import SYMBOL, Inputs, Reads, View

KEY = "k"
STATE_KEYS = ("n:x", "n:y")
CELL = "n"
PACE_SECONDS = 60
ILL = 13
"""Whoever counts so much under the first cannot be rendered."""
ALL = f"{SYMBOL}all"


class Unrenderable(Exception):
    """What the view says of a count of ILL."""


def keys_of(state_key: str) -> Iterable[str]:
    """The first concerns the key; the second all keys there are, by a symbol."""
    return [KEY] if state_key == STATE_KEYS[0] else [ALL]


def reads(_key: str) -> Reads:
    return Reads(keys=STATE_KEYS)


def expand(_symbol: str, _inputs: Inputs) -> list[str]:
    return [KEY]


def render(_key: str, inputs: Inputs) -> dict[str, Any] | None:
    counts = [inputs.of(state_key).get(CELL, [0])[0] for state_key in STATE_KEYS]
    if counts[0] == ILL:
        raise Unrenderable
    return {"counts": counts} if any(counts) else None


VIEW = View(
    name="counts",
    partition_key="key",
    pace_seconds=PACE_SECONDS,
    ttl_seconds=604_800,
    calculation_version="1",
    keys_of=keys_of,
    starts_at_seconds=lambda _: 0,
    reads=reads,
    document_id=lambda key: key,
    partition=lambda key: key,
    key_of=lambda document: str(document["id"]),
    render=render,
    expand=expand,
)

PACK = Pack("interleaved", 1, Path(), (), {VIEW.name: VIEW})
