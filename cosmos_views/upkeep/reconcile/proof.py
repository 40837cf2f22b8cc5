"""The proof: what the ledger's entries say the state must be, compared with what it is.

Everything the worker keeps follows from the entries: users' histories from their facts, partials
and journal from facts and histories, views from partials. So from the entries of a bucket alone it
can be told, and named, what is wrong with the rest, and by how much.

Entries expire, and what they counted stays. So the proof begins with a month, `since`, of which and
since which no entry can have expired; what the state says of months before it stands as it is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cosmos_views.ledger.entries import TTL_AFTER_SOURCE_SECONDS
from cosmos_views.ledger.instants import DAY_SECONDS, month_label, month_start, next_month
from cosmos_views.ledger.plan import counted_fact
from cosmos_views.ledger.shards import SHARD_MARK, Shard
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
from materializers.carrying import touched_by_carried
from materializers.registry import OF_FACT, OF_USER
from materializers.touched import Touched
from processors.facts import Fact, IncidentFact
from processors.user_documents import hot_documents, load_user, month_documents, months_among
from processors.users import (
    Carried,
    HotUser,
    Month,
    User,
    UserMonth,
    days_of,
    hot_id,
    is_bare,
    month_id,
)

ENTRY_PREFIX, USER_PREFIX = "e:", "u:"
EVENT_AHEAD_DAYS = 2
"""An event may lie a day after its document's last write, and clocks differ."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it must be."""

    where: str
    """The state key, the user's state document, or the view document."""
    path: str
    expected: Any
    found: Any


@dataclass
class Snapshot:
    """All state documents of one bucket at one moment, by id."""

    pk: str
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    """Ids of documents of ours that cannot be read."""
    foreign: set[str] = field(default_factory=set)
    """Ids of documents that are not ours."""

    def under(self, prefix: str) -> Iterable[dict[str, Any]]:
        """Documents whose id begins with the prefix."""
        return (one for name, one in self.documents.items() if name.startswith(prefix))


@dataclass
class Expected:
    """What the entries of a bucket say."""

    measures: Delta
    users: dict[str, User]
    """User key → history; a user of whom nothing is counted has none."""
    lost: list[str]
    """Keys of users whose hot document is gone: only the sources can tell who they are, so their
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


def expected(snapshot: Snapshot, since: str = "") -> Expected:
    """State as it follows from the entries, and for months before `since` from the state."""
    measures: Delta = {}
    facts_of: dict[str, list[tuple[str, Fact]]] = {
        hot["id"].removeprefix(USER_PREFIX): []
        for hot in snapshot.under(USER_PREFIX)
        if "carried" in hot or (since and "user" in hot)
    }
    for entry in snapshot.under(ENTRY_PREFIX):
        fact = counted_fact(entry["id"].split(":")[1], entry)
        if fact is None:
            continue
        key = entry.get("user")
        if key is not None:
            facts_of.setdefault(key, []).append((entry["id"], fact))
            hot = snapshot.documents.get(hot_id(key))
            if hot is None or is_bare(hot):
                continue
        if month_label(fact.day) >= since:
            for of_fact in OF_FACT:
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
        user = _history(key, snapshot, facts, since)
        result.users[key] = user
        carried = touched_by_carried(user)
        touched = Touched(
            days=frozenset(days_of(user.hot.seen)) | carried.days,
            months=frozenset(user.hot.active) | carried.months,
            sources=frozenset(user.hot.firsts) | carried.sources,
        )
        for of_user in OF_USER:
            add_all(measures, of_user(user, touched))
    result.measures = _since(normalized_delta(measures), since)
    return result


def _history(key: str, snapshot: Snapshot, facts: Sequence[tuple[str, Fact]], since: str) -> User:
    ordered = sorted(facts, key=lambda one: (one[1].day, one[0]))
    hot = snapshot.documents[hot_id(key)]
    user = User.new(key, hot["pk"], hot["user"], "000000")
    # Of documents that are gone: nothing here can tell it anew.
    user.hot.carried = msgspec.convert(hot.get("carried"), Carried | None)
    if since:
        _keep(user, _stored(key, snapshot), snapshot, since)
    for entry_id, fact in ordered:
        if month_label(fact.day) >= since:
            user.count(fact, 1)
        if isinstance(fact, IncidentFact) and fact.interaction is not None:
            user.list_join(entry_id, None, fact.interaction)
    user.months.pop("000000", None)
    return user


def _keep(user: User, stored: User, snapshot: Snapshot, since: str) -> None:
    """What is stored of months before `since`, whose entries may have expired."""
    user.hot.active |= {month: mask for month, mask in stored.hot.active.items() if month < since}
    user.hot.seen |= {month: mask for month, mask in stored.hot.seen.items() if month < since}
    user.months |= {month: block for month, block in stored.months.items() if month < since}
    begins = month_start(since)
    user.hot.firsts |= {name: day for name, day in stored.hot.firsts.items() if day < begins}
    for name, incidents in stored.hot.joins.items():
        if gone := [one for one in incidents if one not in snapshot.documents]:
            user.hot.joins[name] = gone


def _since(delta: Delta, since: str) -> Delta:
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


def user_differences(must: Expected, snapshot: Snapshot) -> dict[str, list[Difference]]:
    """User key → what is wrong with the user's documents."""
    wrong: dict[str, list[Difference]] = {
        key: [Difference(hot_id(key), "$", "a hot document", None)] for key in must.lost
    }
    for hot in snapshot.under(USER_PREFIX):
        key = hot["id"].split(":")[1]
        if hot["id"] != hot_id(key) or SHARD_MARK in key or is_bare(hot):
            continue
        found = _stored(key, snapshot)
        right = must.users.get(key) or User.new(key, snapshot.pk, hot["user"], "000000")
        differences = [
            Difference(hot_id(key), name, expected, actual)
            for name, expected, actual in (
                ("active", right.hot.active, found.hot.active),
                ("seen", right.hot.seen, found.hot.seen),
                ("firsts", right.hot.firsts, found.hot.firsts),
                ("joins", _as_sets(right.hot.joins), _as_sets(found.hot.joins)),
            )
            if expected != actual
        ]
        for month in sorted(right.months.keys() | found.months.keys()):
            expected_block = right.months.get(month, Month())
            if expected_block != found.months.get(month, Month()):
                differences.append(
                    Difference(month_id(key, month), "block", "its facts", "other counts")
                )
        if differences:
            wrong[key] = differences
    return wrong


def differences_of(where: str, path: str, must: Any, found: Any) -> Iterator[Difference]:
    """What is not equal in two JSON values, path by path."""
    if isinstance(must, dict) and isinstance(found, dict):
        for name in sorted(must.keys() | found.keys()):
            yield from differences_of(where, f"{path}.{name}", must.get(name), found.get(name))
    elif must != found:
        yield Difference(where, path, must, found)


def repaired_user(
    key: str, must: Expected, snapshot: Snapshot
) -> list[HotUser | UserMonth | Shard]:
    """The user's documents as they must be, the hot one first; the latest month stays the latest,
    and what stands in a shard stays there."""
    found = _stored(key, snapshot)
    right = must.users.get(key) or User.new(key, snapshot.pk, found.hot.user, "000000")
    latest = max([found.hot.latest, *right.hot.active, *right.hot.seen])
    block = right.months.get(latest, Month())
    hot = msgspec.structs.replace(
        right.hot,
        latest=latest,
        block=block,
        changed=found.hot.changed,
        erased=found.hot.erased,
    )
    user = User(key, hot, right.months)
    user.shards = found.shards
    documents: list[HotUser | UserMonth | Shard] = [*hot_documents(user)]
    for month in sorted(right.months.keys() | found.months.keys()):
        block = user.months.setdefault(month, Month())
        known = month_id(key, month) in snapshot.documents
        if month != latest and (known or block != Month()):
            documents.extend(month_documents(user, month))
    return documents


def documents_of(key: str, snapshot: Snapshot) -> list[str]:
    """Ids of every state document of a user, entries included."""
    return [
        name
        for name, document in snapshot.documents.items()
        if document.get("user") == key or name.startswith(hot_id(key))
    ]


def _stored(key: str, snapshot: Snapshot) -> User:
    user = load_user(key, snapshot.documents, months_among(key, snapshot.documents))
    assert user is not None
    return user


def _as_sets(joins: Mapping[str, list[str]]) -> dict[str, set[str]]:
    return {name: set(incidents) for name, incidents in joins.items()}
