"""The proof of a user's history: what the facts that count say it must be, and what it is."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cosmos_views.ledger.instants import month_label, month_start
from cosmos_views.ledger.owners import hot_id
from cosmos_views.ledger.shards import Shard
from cosmos_views.ledger.snapshots import Difference, Snapshot
from materializers.users.carrying import touched_by_carried
from materializers.users.documents import hot_documents, load_user, month_documents, months_among
from materializers.users.history import (
    Carried,
    HotUser,
    Month,
    User,
    UserMonth,
    days_of,
    month_id,
)
from materializers.users.touched import Touched
from processors.facts import IncidentFact


def history(key: str, snapshot: Snapshot, facts: Sequence[tuple[str, Any]], since: str) -> User:
    """The history as these facts (entry id, fact) make it; before `since`, as it stands."""
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


def all_of(user: User) -> Touched:
    """Everything that a history contributes to."""
    carried = touched_by_carried(user)
    return Touched(
        days=frozenset(days_of(user.hot.seen)) | carried.days,
        months=frozenset(user.hot.active) | carried.months,
        sources=frozenset(user.hot.firsts) | carried.sources,
    )


def differences(key: str, expected: User | None, snapshot: Snapshot) -> list[Difference]:
    """What is wrong with the user's documents."""
    found = _stored(key, snapshot)
    right = expected or User.new(key, snapshot.pk, found.hot.user, "000000")
    wrong = [
        Difference(hot_id(key), name, must, actual)
        for name, must, actual in (
            ("active", right.hot.active, found.hot.active),
            ("seen", right.hot.seen, found.hot.seen),
            ("firsts", right.hot.firsts, found.hot.firsts),
            ("joins", _as_sets(right.hot.joins), _as_sets(found.hot.joins)),
        )
        if must != actual
    ]
    for month in sorted(right.months.keys() | found.months.keys()):
        if right.months.get(month, Month()) != found.months.get(month, Month()):
            wrong.append(Difference(month_id(key, month), "block", "its facts", "other counts"))
    return wrong


def repaired(
    key: str, expected: User | None, snapshot: Snapshot
) -> list[HotUser | UserMonth | Shard]:
    """The user's documents as they must be, the hot one first; the latest month stays the latest,
    and what stands in a shard stays there."""
    found = _stored(key, snapshot)
    right = expected or User.new(key, snapshot.pk, found.hot.user, "000000")
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


def _stored(key: str, snapshot: Snapshot) -> User:
    user = load_user(key, snapshot.documents, months_among(key, snapshot.documents))
    assert user is not None
    return user


def _as_sets(joins: Mapping[str, list[str]]) -> dict[str, set[str]]:
    return {name: set(incidents) for name, incidents in joins.items()}
