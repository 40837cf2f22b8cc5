"""The proof: what the ledger's entries say the state must be, compared with what it is.

Everything the worker keeps follows from the entries: owners' histories from their facts, partials
and journal from facts and histories, views from partials. So from the entries of a bucket alone it
can be told, and named, what is wrong with the rest, and by how much.

Entries expire, and what they counted stays. So the proof begins with a month, `since`, of which and
since which no entry can have expired; what the state says of months before it stands as it is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cosmos_views.ledger.entries import TTL_AFTER_SOURCE_SECONDS
from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.instants import DAY_SECONDS, month_label, month_start, next_month
from cosmos_views.ledger.owners import hot_id, is_bare
from cosmos_views.ledger.plan import counted_fact
from cosmos_views.ledger.shards import SHARD_MARK
from cosmos_views.ledger.snapshots import Difference, Snapshot
from cosmos_views.pack import Pack
from cosmos_views.publish.journal import JOURNAL_FROM
from cosmos_views.publish.measures import (
    Delta,
    Measures,
    add_all,
    add_row,
    normalized,
    normalized_delta,
)
from cosmos_views.publish.partials import PARTIAL_PREFIX, state_key_of

ENTRY_PREFIX, OWNER_PREFIX = "e:", "u:"
EVENT_AHEAD_DAYS = 2
"""An event may lie a day after its document's last write, and clocks differ."""


@dataclass
class Expected:
    """What the entries of a bucket say."""

    measures: Delta
    owners: dict[str, Any]
    """Owner key → history; an owner of whom nothing is counted has none."""
    lost: list[str]
    """Keys of owners whose hot document is gone: only the sources can tell who they are, so their
    entries count for nothing here until the sources are walked."""
    since: str = ""
    """The month (`YYYYMM`) that the proof begins with; empty where it covers everything."""


def provable_since(now_seconds: int, began: int, ttls: Iterable[int]) -> str:
    """The first month of which no entry can have expired, given when the first may have been
    written (seconds since 1970) and the sources' TTLs in seconds (-1 for never); empty where none
    has expired at all."""
    expiring = [ttl for ttl in ttls if ttl > 0]
    if not expiring:
        return ""
    alive_seconds = min(expiring) + TTL_AFTER_SOURCE_SECONDS - EVENT_AHEAD_DAYS * DAY_SECONDS
    if now_seconds < began + alive_seconds:
        return ""
    day = -((alive_seconds - now_seconds) // DAY_SECONDS)
    month = month_label(day)
    return month if month_start(month) == day else next_month(month)


def expected(pack: Pack, snapshot: Snapshot, since: str = "") -> Expected:
    """State as it follows from the entries, and for months before `since` from the state."""
    measures: Delta = {}
    facts_of: dict[str, list[tuple[str, Fact]]] = {
        hot["id"].removeprefix(OWNER_PREFIX): []
        for hot in snapshot.under(OWNER_PREFIX)
        if "carried" in hot or (since and "user" in hot)
    }
    for entry in snapshot.under(ENTRY_PREFIX):
        fact = counted_fact(pack.facts, entry["id"].split(":")[1], entry)
        if fact is None:
            continue
        key = entry.get("user")
        if key is not None:
            facts_of.setdefault(key, []).append((entry["id"], fact))
            hot = snapshot.documents.get(hot_id(key))
            if hot is None or is_bare(hot):
                continue
        if month_label(fact.day) >= since:
            for of_fact in pack.of_fact:
                add_all(measures, of_fact(fact))
    result = Expected(measures, {}, [], since)
    for key, facts in facts_of.items():
        hot = snapshot.documents.get(hot_id(key))
        if hot is None:
            result.lost.append(key)
            continue
        if is_bare(hot):
            # Left to the erasure; whatever such entries had counted is taken out here.
            continue
        history = result.owners[key] = pack.owners.expected(key, snapshot, facts, since)
        add_all(measures, pack.owners.worth(history))
    result.measures = _since(normalized_delta(measures), since)
    return result


def owner_differences(
    pack: Pack, must: Expected, snapshot: Snapshot
) -> dict[str, list[Difference]]:
    """Owner key → what is wrong with the owner's documents."""
    wrong: dict[str, list[Difference]] = {
        key: [Difference(hot_id(key), "$", "a hot document", None)] for key in must.lost
    }
    for hot in snapshot.under(OWNER_PREFIX):
        key = hot["id"].split(":")[1]
        if hot["id"] != hot_id(key) or SHARD_MARK in key or is_bare(hot):
            continue
        if differences := pack.owners.differences(key, must.owners.get(key), snapshot):
            wrong[key] = differences
    return wrong


def _since(delta: Delta, since: str) -> Delta:
    """Of state keys `{grain}:{period}…`, those of periods from a month on; a key whose period is
    `-` counts documents of all times, so it is proved only where none can have expired."""
    return {key: cells for key, cells in delta.items() if key.split(":")[1][:6] >= since}


def found_measures(snapshot: Snapshot, since: str = "") -> Delta:
    """Partials and journal as they are, from a month on."""
    measures: Delta = {}
    for partial in snapshot.under(PARTIAL_PREFIX):
        into = measures.setdefault(state_key_of(partial["id"]), {})
        for cell, row in partial["cells"].items():
            add_row(into, cell, row)
    for journal in snapshot.under(JOURNAL_FROM):
        for key, cells in journal["delta"].items():
            into = measures.setdefault(key, {})
            for cell, row in cells.items():
                add_row(into, cell, row)
    return _since(normalized_delta(measures), since)


def measure_differences(must: Delta, found: Delta) -> list[Difference]:
    """Every cell of every state key that is not the sum of its contributions."""
    return [
        Difference(key, cell, must.get(key, {}).get(cell), found.get(key, {}).get(cell))
        for key in sorted(must.keys() | found.keys())
        for cell in sorted(must.get(key, {}).keys() | found.get(key, {}).keys())
        if must.get(key, {}).get(cell) != found.get(key, {}).get(cell)
    ]


def correction(must: Delta, found: Delta) -> Delta:
    """What has to be added to what is found."""
    delta: Delta = {}
    for sign, side in ((1, must), (-1, found)):
        for key, cells in side.items():
            into: Measures = delta.setdefault(key, {})
            for cell, row in cells.items():
                add_row(into, cell, row, sign)
    return normalized_delta({key: normalized(cells) for key, cells in delta.items()})


def differences_of(where: str, path: str, must: Any, found: Any) -> Iterator[Difference]:
    """What is not equal in two JSON values, path by path."""
    if isinstance(must, dict) and isinstance(found, dict):
        for name in sorted(must.keys() | found.keys()):
            yield from differences_of(where, f"{path}.{name}", must.get(name), found.get(name))
    elif must != found:
        yield Difference(where, path, must, found)


def documents_of(key: str, snapshot: Snapshot) -> list[str]:
    """Ids of every state document of an owner, entries included."""
    return [
        name
        for name, document in snapshot.documents.items()
        if document.get("user") == key or name.startswith(hot_id(key))
    ]
