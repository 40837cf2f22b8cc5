"""The plan: given what was decided and what the ledger holds, what is new and what to write.

Pure: a plan is made from documents that were read, and every document it depends on is among its
writes under the ETag that was read, so a plan made from a stale reading cannot be committed.
Planning again after a commit that did land finds nothing left to do.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ledger.commits import Write
from ledger.entries import Entry, Outcome, Verdict
from ledger.facts import FACT_TYPES, Fact, InteractionFact
from ledger.instants import month_label
from ledger.users import HotUser, Month, User, UserMonth, hot_id, month_id

Documents = Mapping[str, Mapping[str, Any]]
"""Id → state document as read, with its `_etag`; an id that was read and not found is absent."""


@dataclass(frozen=True)
class Owner:
    """Whose documents are planned together: a user, or one anonymous document (`key` None)."""

    pk: str
    key: str | None
    user: str | None


@dataclass
class Plan:
    """What one owner's verdicts change."""

    owner: Owner
    writes: list[Write] = field(default_factory=list)
    transitions: list[tuple[Fact | None, Fact | None]] = field(default_factory=list)
    """For each verdict the fact counted so far and the fact to count now."""
    before: User | None = None
    after: User | None = None
    """The user's history without and with the change; None where no fact of a user changes."""
    as_of: int = 0
    """The greatest `_ts` among the versions decided."""

    @property
    def retracted(self) -> list[Fact]:
        """Facts to take out."""
        return [old for old, new in self.transitions if old is not None and old != new]

    @property
    def counted(self) -> list[Fact]:
        """Facts to put in."""
        return [new for old, new in self.transitions if new is not None and old != new]

    @property
    def touched_days(self) -> frozenset[int]:
        """Epoch days of the facts put in or taken out."""
        return frozenset(fact.day for fact in (*self.retracted, *self.counted))

    @property
    def touched_sources(self) -> frozenset[str]:
        """Sources cited by the facts put in or taken out."""
        return frozenset(
            citation.source
            for fact in (*self.retracted, *self.counted)
            if isinstance(fact, InteractionFact)
            for citation in fact.citations
        )


def months_to_read(owner: Owner, verdicts: Collection[Verdict], documents: Documents) -> set[str]:
    """The earlier months whose blocks a plan of these verdicts surely needs."""
    hot = documents.get(hot_id(owner.key)) if owner.key else None
    if hot is None:
        return set()
    months = set()
    for verdict in verdicts:
        old = counted_fact(verdict.source, documents.get(verdict.entry_id))
        if old != verdict.fact:
            months |= {month_label(fact.day) for fact in (old, verdict.fact) if fact is not None}
    return {month for month in months if month < hot["latest"]}


def plan(
    owner: Owner,
    verdicts: Sequence[Verdict],
    documents: Documents,
    months_read: Collection[str],
) -> Plan:
    """The plan of verdicts that are all newer than the ledger's.

    `documents` holds the entries, the hot document and the months named in `months_read`, as far as
    they exist. Raises MonthsMissing when the change reaches into a month that was not read.
    """
    result = Plan(owner)
    for verdict in verdicts:
        known = documents.get(verdict.entry_id)
        result.transitions.append((counted_fact(verdict.source, known), verdict.fact))
        result.writes.append(
            Write(
                _entry(owner, verdict), verdict.entry_id, None if known is None else known["_etag"]
            )
        )
        result.as_of = max(result.as_of, verdict.version.ts or 0)
    if owner.key is not None and (result.retracted or result.counted):
        result.before = _user(owner, documents, months_read)
        result.after = _user(owner, documents, months_read)
        _count(owner, result)
        result.writes.extend(_user_writes(owner, result.after, documents))
    return result


def _count(owner: Owner, result: Plan) -> None:
    if result.after is None:
        earliest = min(month_label(fact.day) for fact in result.counted)
        assert owner.key is not None
        assert owner.user is not None, "only a readable user counts for the first time"
        result.after = User.new(owner.key, owner.pk, owner.user, earliest)
    for fact in result.retracted:
        result.after.count(fact, -1)
    for fact in result.counted:
        result.after.count(fact, 1)


def counted_fact(source: str, entry: Mapping[str, Any] | None) -> Fact | None:
    """The fact that an entry holds as counted, if any."""
    if entry is None or entry["outcome"] != Outcome.COUNTED:
        return None
    return msgspec.convert(entry["fact"], FACT_TYPES[source])


def _entry(owner: Owner, verdict: Verdict) -> Entry:
    return Entry(
        id=verdict.entry_id,
        pk=owner.pk,
        document=verdict.document,
        outcome=verdict.outcome,
        etag=verdict.version.etag,
        ts=verdict.version.ts,
        lsn=verdict.version.lsn,
        user=owner.key,
        fact=None if verdict.fact is None else msgspec.to_builtins(verdict.fact),
        ttl=verdict.ttl,
    )


def _user(owner: Owner, documents: Documents, months_read: Collection[str]) -> User | None:
    assert owner.key is not None
    hot = documents.get(hot_id(owner.key))
    if hot is None:
        return None
    months = {}
    for month in months_read:
        stored = documents.get(month_id(owner.key, month))
        months[month] = (
            Month() if stored is None else msgspec.convert(stored["block"], Month, str_keys=True)
        )
    return User(owner.key, msgspec.convert(hot, HotUser, str_keys=True), months)


def _user_writes(owner: Owner, user: User | None, documents: Documents) -> list[Write]:
    """The hot document always, so that one ETag orders everything about the user; and every month
    that was read or begun, also unchanged, because the plan depends on it."""
    assert user is not None
    writes = [_write(user.hot, user.hot.id, documents)]
    for month, block in sorted(user.months.items()):
        document_id = month_id(user.key, month)
        known = document_id in documents
        if month != user.hot.latest and (known or month in user.touched):
            writes.append(_write(UserMonth(document_id, owner.pk, block), document_id, documents))
    return writes


def _write(body: msgspec.Struct, document_id: str, documents: Documents) -> Write:
    known = documents.get(document_id)
    return Write(body, document_id, None if known is None else known["_etag"])
