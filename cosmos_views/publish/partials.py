"""Partials: one bucket's folded share of the measures of a state key.

A partial is one document until it grows wide (a source cited in very many places on one day); then
new cells go to a further shard, and so on. A cell stays in the shard it was first put in, so a
document never outgrows its limit, nothing is ever truncated, and shards are just added up.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from cosmos_views.ledger.commits import Write, encoded_bytes
from cosmos_views.publish.measures import Measures, Row, add

PARTIAL_PREFIX = "p:"
SHARD_MARK = "~"
"""Stands in no state key: their labels are alphanumeric."""
SHARD_BYTES_MAX = 350_000
"""Small enough that a commit takes several."""
_BYTES_PER_NUMBER = 3
"""Room for a number to grow."""


class Partial(msgspec.Struct, omit_defaults=True):
    """The state document `p:{grain}:{key}`, or `p:{grain}:{key}~{n}` of a further shard."""

    id: str
    pk: str
    cells: Measures
    shards: int = 1
    """In the first shard: how many there are."""


def first_id(state_key: str) -> str:
    """The id of a state key's first shard."""
    return PARTIAL_PREFIX + state_key


def further_ids(documents: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Ids of the further shards of those first shards that have some."""
    return [
        _shard_id(document_id, number)
        for document_id, document in documents.items()
        for number in range(1, document.get("shards", 1))
    ]


def state_key_of(document_id: str) -> str:
    """The state key that a shard belongs to."""
    return document_id[len(PARTIAL_PREFIX) :].partition(SHARD_MARK)[0]


def merged(documents: Iterable[Mapping[str, Any]]) -> dict[str, Measures]:
    """State key → measures, over all shards and buckets; keys without any are absent."""
    total: dict[str, Measures] = {}
    for document in documents:
        key = state_key_of(document["id"])
        cells: Measures = document["cells"]
        total[key] = add(total[key], cells) if key in total else cells
    return {key: measures for key, measures in total.items() if measures}


def by_shard(
    state_key: str, delta: Measures, documents: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, list[int]]]:
    """The cells of a delta in the order of the shards that hold them, new ones last."""
    first = first_id(state_key)
    ids = [first, *further_ids({first: documents[first]} if first in documents else {})]
    place_of = {
        cell: place
        for place, one in enumerate(ids)
        if one in documents
        for cell in documents[one]["cells"]
    }
    return sorted(delta.items(), key=lambda cell: place_of.get(cell[0], len(ids)))


def added(
    pk: str, state_key: str, delta: Mapping[str, Row], documents: Mapping[str, Mapping[str, Any]]
) -> Iterator[Write]:
    """The writes that add a delta to a state key, all of whose shards are among `documents`."""
    first = first_id(state_key)
    ids = [first, *further_ids({first: documents[first]} if first in documents else {})]
    shards: list[Measures] = [documents[one]["cells"] if one in documents else {} for one in ids]
    changes: list[dict[str, Row]] = [{} for _ in shards]
    place_of = {cell: place for place, cells in enumerate(shards) for cell in cells}
    last_bytes = encoded_bytes(shards[-1])
    for cell, row in delta.items():
        place = place_of.get(cell)
        if place is None:
            cell_bytes = encoded_bytes({cell: row}) + _BYTES_PER_NUMBER * len(row)
            if last_bytes + cell_bytes > SHARD_BYTES_MAX and (shards[-1] or changes[-1]):
                ids.append(_shard_id(first, len(ids)))
                shards.append({})
                changes.append({})
                last_bytes = 0
            last_bytes += cell_bytes
            place = len(shards) - 1
        changes[place][cell] = row
    for place, (document_id, cells) in enumerate(zip(ids, shards, strict=True)):
        known = documents.get(document_id)
        grown = place == 0 and len(ids) != (1 if known is None else known.get("shards", 1))
        if changes[place] or grown:
            body = Partial(
                document_id, pk, add(cells, changes[place]), len(ids) if place == 0 else 1
            )
            yield Write(body, document_id, None if known is None else known["_etag"])


def _shard_id(first: str, number: int) -> str:
    return f"{first}{SHARD_MARK}{number}"
