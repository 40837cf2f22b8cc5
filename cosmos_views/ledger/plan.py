"""The plan: given what was decided and what the ledger holds, what is new and what to write.

Pure: a plan is made from documents that were read. Whatever commit changes a fact of a user writes
that user's hot document, and a plan writes every document it depends on under the ETag that was
read, so a plan made from a stale reading cannot be committed. Planning again after a commit that
did land finds nothing left to do.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from cosmos_views.ledger.commits import Transient, Write, encoded_bytes
from cosmos_views.ledger.entries import Entry, Outcome, Verdict
from cosmos_views.ledger.instants import month_label
from cosmos_views.ledger.shards import Shard
from processors.facts import FACT_TYPES, Fact, IncidentFact, InteractionFact
from processors.joins import INTERACTIONS, candidates, join_key, joined, normal_interaction_id
from processors.user_documents import (
    further_ids,
    hot_documents,
    load_user,
    month_documents,
    months_among,
)
from processors.users import HotUser, MonthsMissing, User, UserMonth, hot_id, month_id

Documents = Mapping[str, Mapping[str, Any]]
"""Id → state document as read, with its `_etag`; an id that was read and not found is absent."""
INCIDENTS = "abuse_incidents"
MOVES_MAX = 60
"""Incidents of one interaction that one commit moves; with verdicts and months under 100."""
MOVES_BYTES_MAX = 200_000
"""Of the facts they move to: what each cites stands in its entry and again in the journal."""

V = TypeVar("V")


class Unread(Exception):
    """The plan depends on documents that were not read: read these as well and plan again."""

    def __init__(self, ids: set[str]) -> None:
        super().__init__(f"{len(ids)} documents")
        self.ids = ids


class Owner(msgspec.Struct, frozen=True, gc=False):
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
    """The fact counted so far and the fact to count now: of each verdict in turn, then of
    incidents whose interaction changed."""
    before: User | None = None
    after: User | None = None
    """The user's history without and with the change; None where no fact of a user changes."""
    as_of: int = 0
    """The greatest `_ts` among the versions decided."""
    partial: bool = False
    """The verdicts are not decided yet: plan them again once this is committed."""

    def settled(self, of: Sequence[V]) -> Iterator[tuple[V, tuple[Fact | None, Fact | None]]]:
        """Each verdict, or what stands for it, with its transition."""
        return iter(()) if self.partial else zip(of, self.transitions, strict=False)

    @property
    def retracted(self) -> list[Fact]:
        """Facts to take out."""
        return [old for old, new in self.transitions if old is not None and old != new]

    @property
    def counted(self) -> list[Fact]:
        """Facts to put in."""
        return [new for old, new in self.transitions if new is not None and old != new]


def plan(
    owner: Owner, verdicts: Sequence[Verdict], documents: Documents, read: Collection[str]
) -> Plan:
    """The plan of verdicts that are all newer than the ledger's.

    `documents` holds what exists of the ids in `read`, which include the verdicts' entries and the
    user's hot document. Raises Unread when the plan depends on more.
    """
    return _Planning(owner, verdicts, documents, read).make()


def counted_fact(source: str, entry: Mapping[str, Any] | None) -> Fact | None:
    """The fact that an entry holds as counted, if any."""
    if entry is None or entry["outcome"] != Outcome.COUNTED:
        return None
    return msgspec.convert(entry["fact"], FACT_TYPES[source])


class _Planning:
    def __init__(
        self,
        owner: Owner,
        verdicts: Sequence[Verdict],
        documents: Documents,
        read: Collection[str],
    ) -> None:
        self.owner = owner
        self.verdicts = verdicts
        self.documents = documents
        self.read = read
        self.hot = documents.get(hot_id(owner.key)) if owner.key else None
        self.user = owner.user or (self.hot["user"] if self.hot else None)
        self.decided = {verdict.entry_id: verdict.fact for verdict in verdicts}

    def make(self) -> Plan:
        result = Plan(self.owner)
        self._require_interactions()
        for verdict in self.verdicts:
            old = self._counted(verdict.source, verdict.entry_id)
            new = self._joined(verdict.fact)
            result.transitions.append((old, new))
            result.writes.append(self._write(_entry(self.owner, verdict, new)))
            result.as_of = max(result.as_of, verdict.version.ts or 0)
        moves = self._moves()
        together = _together(moves)
        if len(moves) > together:
            # Too many for one commit: move some before their interaction is decided, then plan
            # again. A crash in between leaves it undecided, and the rest is moved then.
            result = Plan(self.owner, partial=True)
        for entry, old, new in moves[:together]:
            entry.fact = new
            result.transitions.append((old, new))
            result.writes.append(self._write(entry))
        if self.owner.key is not None and (result.retracted or result.counted):
            self._count(result)
        return result

    def _require_interactions(self) -> None:
        """What the incidents may mean is asked for at once: a reading each would take long."""
        if self.user is not None:
            self._require(
                candidate
                for verdict in self.verdicts
                if isinstance(verdict.fact, IncidentFact) and verdict.fact.interaction is not None
                for candidate in candidates(self.user, verdict.fact.interaction)
            )

    def _joined(self, fact: Fact | None) -> Fact | None:
        if not isinstance(fact, IncidentFact) or self.user is None:
            return fact
        if fact.interaction is not None:
            self._require(candidates(self.user, fact.interaction))
        return joined(fact, self.user, self._interaction)

    def _interaction(self, interaction_id: str) -> InteractionFact | None:
        """What will be counted of an interaction once this plan is committed."""
        if interaction_id in self.decided:
            fact = self.decided[interaction_id]
        elif self.documents.get(interaction_id, {}).get("user") == self.owner.key:
            fact = self._counted(INTERACTIONS, interaction_id)
        else:
            # Of nobody, or of another user whose documents have no partition key value either.
            fact = None
        return fact if isinstance(fact, InteractionFact) else None

    def _moves(self) -> list[tuple[Entry, Fact | None, Fact | None]]:
        """Incidents that name an interaction decided here and now join other citations: (entry,
        fact so far, fact now). Their version stays. Also where the fact is the same as before:
        moving them in steps towards a version that never came may have been broken off."""
        joins = self._joins()
        if not joins:
            return []
        concerned = [
            incident_id
            for verdict in self.verdicts
            if verdict.source == INTERACTIONS
            for incident_id in joins.get(join_key(normal_interaction_id(verdict.document)), ())
            if incident_id not in self.decided
        ]
        self._require(concerned)
        moves = []
        for incident_id in sorted(set(concerned)):
            old = self._counted(INCIDENTS, incident_id)
            new = self._joined(old)
            if old != new:
                entry = msgspec.convert(self.documents[incident_id], Entry)
                moves.append((entry, old, new))
        return moves

    def _joins(self) -> Mapping[str, list[str]]:
        """Join key → incidents that name it, from the shards too where the user has some."""
        if self.hot is not None and self.hot.get("shards"):
            user = self._load_user()
            assert user is not None
            return user.hot.joins
        return self.hot.get("joins", {}) if self.hot else {}

    def _count(self, result: Plan) -> None:
        retracted, counted = result.retracted, result.counted
        self._require_months({month_label(fact.day) for fact in (*retracted, *counted)})
        before = result.before = self._load_user()
        after = result.after = before.copy() if before else self._new_user(counted)
        try:
            for fact in retracted:
                after.count(fact, -1)
            # In order of time, because a user's latest month only ever advances.
            for fact in sorted(counted, key=lambda fact: fact.day):
                after.count(fact, 1)
        except MonthsMissing as missing:
            self._require_months(missing.months)
            # Every earlier month was read, so the hot document is older than its months.
            raise Transient("a user's documents were read out of date") from missing
        changed = {month_label(fact.day) for fact in (*retracted, *counted)}
        if before is not None and before.first_day != after.first_day:
            # Whose first month it is decides tiers, so those months count anew.
            firsts = (before.first_day, after.first_day)
            moved = {month_label(day) for day in firsts if day is not None}
            self._require_months(moved)
            changed |= moved
        for month in sorted(changed):  # a set differs from process to process
            after.hot.changed[month] = max(after.hot.changed.get(month, 0), result.as_of)
        for verdict, (old, new) in result.settled(self.verdicts):
            if verdict.source == INCIDENTS:
                after.list_join(verdict.entry_id, _named(old), _named(new))
        result.writes.extend(self._user_writes(after))

    def _load_user(self) -> User | None:
        assert self.owner.key is not None
        months = months_among(self.owner.key, self.read)
        self._require(further_ids(self.owner.key, self.documents, months))
        return load_user(self.owner.key, self.documents, months)

    def _new_user(self, counted: Iterable[Fact]) -> User:
        assert self.owner.key is not None
        assert self.owner.user is not None, "only a readable user counts for the first time"
        earliest = min(month_label(fact.day) for fact in counted)
        return User.new(self.owner.key, self.owner.pk, self.owner.user, earliest)

    def _user_writes(self, user: User) -> list[Write]:
        """The hot document always, so that one ETag orders everything about the user, also shards
        that were only read; and every month that was read or begun, also unchanged."""
        writes = [self._write(body) for body in hot_documents(user)]
        for month in sorted(user.months):
            if month == user.hot.latest:
                continue
            if month in user.touched or month_id(user.key, month) in self.documents:
                writes.extend(self._write(body) for body in month_documents(user, month))
        return writes

    def _write(self, body: Entry | HotUser | UserMonth | Shard) -> Write:
        known = self.documents.get(body.id)
        return Write(body, body.id, None if known is None else known["_etag"])

    def _counted(self, source: str, entry_id: str) -> Fact | None:
        return counted_fact(source, self.documents.get(entry_id))

    def _require_months(self, months: set[str]) -> None:
        """Months before the latest have documents of their own."""
        if self.hot is not None and self.owner.key is not None:
            latest = self.hot["latest"]
            self._require(month_id(self.owner.key, month) for month in months if month < latest)

    def _require(self, ids: Iterable[str]) -> None:
        missing = {document_id for document_id in ids if document_id not in self.read}
        if missing:
            raise Unread(missing)


def _together(moves: Sequence[tuple[Entry, Fact | None, Fact | None]]) -> int:
    """How many of these one commit moves: at least one."""
    size = 0
    for place, (_, old, new) in enumerate(moves[:MOVES_MAX]):
        size += encoded_bytes(old) + encoded_bytes(new)
        if place and size > MOVES_BYTES_MAX:
            return place
    return min(len(moves), MOVES_MAX)


def _entry(owner: Owner, verdict: Verdict, fact: Fact | None) -> Entry:
    return Entry(
        id=verdict.entry_id,
        pk=owner.pk,
        document=verdict.document,
        outcome=verdict.outcome,
        etag=verdict.version.etag,
        ts=verdict.version.ts,
        lsn=verdict.version.lsn,
        user=owner.key,
        fact=fact,
        ttl=verdict.ttl,
        own_ttl=verdict.own_ttl,
    )


def _named(fact: Fact | None) -> str | None:
    """The interaction that an incident names."""
    return fact.interaction if isinstance(fact, IncidentFact) else None
