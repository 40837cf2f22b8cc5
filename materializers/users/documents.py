"""A user's history as state documents, and back.

A history is stored as the hot document, one document per earlier month, and shards of both
(`shards.py`). What is written is what differs from what was read: the hot document always, since
its ETag orders everything about the user, a shard only where its entries are other than before.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from cosmos_views.ledger.commits import encoded_bytes
from cosmos_views.ledger.owners import hot_id, is_bare
from cosmos_views.ledger.shards import (
    KEPT_BYTES_MAX,
    SHARD_MARK,
    Entries,
    Shard,
    divided,
    entries_of,
    shard_ids,
    shard_of,
)
from materializers.users.history import Day, HotUser, Month, User, UserMonth, month_id

TOPICS, PERSONALITIES, FIRSTS, JOINS = "t", "p", "f", "j"
"""Maps whose entries stand in shards; beside them, under its number, the sources of each day."""


def load_user(key: str, documents: Mapping[str, Any], months: Iterable[str]) -> User | None:
    """A user's history from its state documents, of which these months were read, and the shards
    of all of them; None without a hot document, or where it is a tombstone and nothing else."""
    stored = documents.get(hot_id(key))
    if stored is None or is_bare(stored):
        return None
    hot = msgspec.convert(stored, HotUser, str_keys=True)
    blocks = {}
    for month in months:
        stored = documents.get(month_id(key, month))
        blocks[month] = (
            Month() if stored is None else msgspec.convert(stored["block"], Month, str_keys=True)
        )
    user = User(key, hot, blocks)
    for entries in _read_shards(user, hot.id, hot, documents):
        _put_into_hot(hot, entries)
    for month, block in user.months.items():
        for entries in _read_shards(user, month_id(key, month), block, documents):
            _put_into_month(block, entries)
    return user


def months_among(key: str, ids: Iterable[str]) -> list[str]:
    """Which months of a user these ids of state documents name, those of shards aside."""
    prefix = month_id(key, "")
    return [
        one.removeprefix(prefix) for one in ids if one.startswith(prefix) and SHARD_MARK not in one
    ]


def further_ids(key: str, documents: Mapping[str, Any], months: Iterable[str]) -> list[str]:
    """Ids of the shards that belong to a user's hot document and to these months' as read."""
    hot = documents.get(hot_id(key))
    if hot is None or is_bare(hot):
        return []
    blocks = {month: documents.get(month_id(key, month), {}).get("block", {}) for month in months}
    blocks[hot["latest"]] = hot["block"]
    ids = shard_ids(hot_id(key), hot.get("shards", 0))
    for month, block in blocks.items():
        ids += shard_ids(month_id(key, month), block.get("x", 0))
    return ids


def hot_documents(user: User) -> list[HotUser | Shard]:
    """The hot document; and of its shards and the latest month's, those that are not as read."""
    if not user.shards and encoded_bytes(user.hot) <= KEPT_BYTES_MAX:
        return [user.hot]
    before = user.shards.get(user.hot.id, [])
    block, shards = _stored_month(user, user.hot.latest)
    hot = msgspec.structs.replace(user.hot, block=block)
    if before or encoded_bytes(hot) > KEPT_BYTES_MAX:
        kept, held = divided(_entries_of_hot(hot), before)
        hot = msgspec.structs.replace(hot, firsts={}, joins={}, shards=len(held))
        _put_into_hot(hot, kept)
        shards += _changed(hot.id, hot.pk, before, held)
    return [hot, *shards]


def month_documents(user: User, month: str) -> list[UserMonth | Shard]:
    """The document of an earlier month; and of its shards, those that are not as read."""
    block, shards = _stored_month(user, month)
    return [UserMonth(month_id(user.key, month), user.hot.pk, block), *shards]


def _read_shards(
    user: User, document_id: str, body: HotUser | Month, documents: Mapping[str, Any]
) -> list[Entries]:
    """The shards of one document as they were read; a history counts none, because it is whole."""
    if not body.shards:
        return []
    ids = shard_ids(document_id, body.shards)
    body.shards = 0
    user.shards[document_id] = [entries_of(documents.get(one)) for one in ids]
    return user.shards[document_id]


def _stored_month(user: User, month: str) -> tuple[Month, list[Shard]]:
    """A month's block as it is stored, and its shards that are not as they were read."""
    block, document_id = user.months[month], month_id(user.key, month)
    before = user.shards.get(document_id, [])
    if not before and encoded_bytes(block) <= KEPT_BYTES_MAX:
        return block, []
    kept, held = divided(_entries_of_month(block), before)
    days = {number: msgspec.structs.replace(day, sources={}) for number, day in block.days.items()}
    stored = msgspec.structs.replace(
        block, days=days, topics={}, personalities={}, shards=len(held)
    )
    _put_into_month(stored, kept)
    return stored, _changed(document_id, user.hot.pk, before, held)


def _changed(document_id: str, pk: str, before: list[Entries], held: list[Entries]) -> list[Shard]:
    ids = shard_ids(document_id, len(held))
    return [
        shard_of(shard_id, pk, entries)
        for place, (shard_id, entries) in enumerate(zip(ids, held, strict=True))
        if place >= len(before) or entries != before[place]
    ]


def _entries_of_month(block: Month) -> Entries:
    """The entries of a month's wide maps: topics, personalities, and sources by day."""
    entries = {(TOPICS, topic): count for topic, count in block.topics.items()}
    entries |= {(PERSONALITIES, name): count for name, count in block.personalities.items()}
    for number, day in block.days.items():
        entries |= {(str(number), source): count for source, count in day.sources.items()}
    return entries


def _put_into_month(block: Month, entries: Entries) -> None:
    named = {TOPICS: block.topics, PERSONALITIES: block.personalities}
    for (name, label), count in entries.items():
        into = named.get(name)
        if into is None:
            into = block.days.setdefault(int(name), Day()).sources
        into[label] = count


def _entries_of_hot(hot: HotUser) -> Entries:
    """The entries of the hot document's own wide maps: one for each source and each open join."""
    entries = {(FIRSTS, source): day for source, day in hot.firsts.items()}
    entries |= {(JOINS, f"{key}/{one}"): 1 for key, listed in hot.joins.items() for one in listed}
    return entries


def _put_into_hot(hot: HotUser, entries: Entries) -> None:
    for (name, label), value in entries.items():
        if name == FIRSTS:
            hot.firsts[label] = value
        else:
            key, _, incident_id = label.partition("/")
            hot.joins.setdefault(key, []).append(incident_id)
