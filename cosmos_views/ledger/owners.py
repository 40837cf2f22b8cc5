"""Owners: the entities whose documents are planned together, and what state says of each.

Of every owner there is one *hot* document, `u:{owner key}`: whatever counts for the owner writes
it, so its ETag orders all of that. What stands in it, beside a tombstone, is its kind's affair
(`plan.py`, `OwnerKind`).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from cosmos_views.ledger.labels import digest


class Tombstone(msgspec.Struct):
    """What stays of the hot document of an owner who was erased, for ever."""

    id: str
    pk: str
    erased: bool = True


@lru_cache(maxsize=16_384)
def owner_key(owner: str) -> str:
    """The owner's name in the state container: fixed length, safe in ids, not the id itself."""
    return digest(owner)


def hot_id(key: str) -> str:
    """The id of an owner's hot document."""
    return f"u:{key}"


def is_erased(hot: Mapping[str, Any] | None) -> bool:
    """Whether a hot document says that its owner is, or is being, erased."""
    return hot is not None and bool(hot.get("erased"))


def is_bare(hot: Mapping[str, Any]) -> bool:
    """Whether a hot document is a tombstone and nothing else."""
    return is_erased(hot) and "user" not in hot
