"""Shards: where the entries of an owner's wide maps are kept once one document has enough of them.

A document keeps the first entries itself; further ones go to shards, small documents of their own,
and an entry stays in the shard it was put in. So no document outgrows its limit, a commit writes
just the shards that a change touches, and an owner without very many sources has none.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

Entries = dict[tuple[str, str], int]
"""(map, label) → value."""
SHARD_MARK = "~"
"""Stands in no owner key and no month."""
KEPT_BYTES_MAX = 64_000
"""Of entries that a document keeps itself: some hundred, far more than people cite in a month."""
SHARD_BYTES_MAX = 16_000
"""Small, because a change of scattered entries writes as many shards in one commit."""
_BYTES_PER_ENTRY = 12
"""Quotes, colon, comma and number beside the label."""


class Shard(msgspec.Struct):
    """The state document `u:{user key}~{n}` or `u:{user key}:{YYYYMM}~{n}`, from 1."""

    id: str
    pk: str
    maps: dict[str, dict[str, int]]


def shard_ids(document_id: str, shards: int) -> list[str]:
    """The ids of a document's shards."""
    return [f"{document_id}{SHARD_MARK}{number}" for number in range(1, shards + 1)]


def shard_of(document_id: str, pk: str, entries: Entries) -> Shard:
    """The document of one shard."""
    maps: dict[str, dict[str, int]] = {}
    for (name, label), value in entries.items():
        maps.setdefault(name, {})[label] = value
    return Shard(document_id, pk, maps)


def entries_of(shard: Mapping[str, Any] | None) -> Entries:
    """What a shard holds, as it was read; nothing where it was not found."""
    maps = {} if shard is None else shard["maps"]
    return {(name, label): value for name, of in maps.items() for label, value in of.items()}


def divided(entries: Entries, shards: Sequence[Entries]) -> tuple[Entries, list[Entries]]:
    """The entries as (what the document keeps, what each shard holds); `shards` as they were."""
    held = [{one: entries[one] for one in shard if one in entries} for shard in shards]
    kept = dict(entries)
    for shard in held:
        for one in shard:
            del kept[one]
    kept_bytes = _bytes(kept)
    sizes = [_bytes(shard) for shard in held]
    place = _emptiest(sizes)
    while kept_bytes > KEPT_BYTES_MAX:
        entry, value = kept.popitem()
        entry_bytes = _bytes([entry])
        kept_bytes -= entry_bytes
        if not held or sizes[place] + entry_bytes > SHARD_BYTES_MAX:
            # As few shards as can be: one is filled before the next is looked for.
            place = _emptiest(sizes)
            if not held or sizes[place] + entry_bytes > SHARD_BYTES_MAX:
                place = len(held)
                held.append({})
                sizes.append(0)
        held[place][entry] = value
        sizes[place] += entry_bytes
    return kept, held


def _emptiest(sizes: Sequence[int]) -> int:
    return min(range(len(sizes)), key=sizes.__getitem__, default=0)


def _bytes(entries: Entries | Sequence[tuple[str, str]]) -> int:
    return sum(len(label.encode()) + _BYTES_PER_ENTRY for _, label in entries)
