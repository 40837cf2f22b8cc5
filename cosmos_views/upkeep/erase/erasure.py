"""Erasure of one owner's state in one generation: the tombstone, then everything is taken back.

The tombstone is set on the hot document, under its ETag. From then on no commit that counts for the
owner can land: whoever read the hot document before is refused by its ETag, whoever reads it later
ignores the change. So what is counted when the tombstone stands is all there is to take back, and
that goes the ordinary way: planned as deletions, committed with their journal, in chunks. Whatever
is done is found done by the next attempt.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cosmos_views.intake.ownership import Layout, version_of
from cosmos_views.intake.ports import State
from cosmos_views.ledger.commits import (
    OPERATIONS_MAX,
    CommitError,
    Delete,
    Operation,
    TooLarge,
    Write,
)
from cosmos_views.ledger.entries import Outcome, Verdict
from cosmos_views.ledger.owners import Tombstone, hot_id, is_bare, is_erased
from cosmos_views.ledger.plan import Owner, Plan, Unread, counted_fact
from cosmos_views.ledger.plan import plan as make_plan
from cosmos_views.owners import OwnerKind
from cosmos_views.pack import Pack
from cosmos_views.publish.journal import Journal, journal_id, journal_of
from cosmos_views.upkeep.attempts import Attempts

ENTRIES_PER_COMMIT = 50
"""Taken back together, with hot document, months and journal under one commit."""


@dataclass(frozen=True)
class Entombed:
    """An owner under a tombstone, in one generation."""

    pk: str
    key: str
    session_token: str | None
    """Readings with it are at least as new as the tombstone."""


def tombstone(kind: OwnerKind, state: State, layout: Layout, key: str) -> Entombed:
    """Set an owner's tombstone in one generation; one that stands stays. Raises Transient."""
    pk = layout.pk_of(key)
    name = hot_id(key)
    attempts = Attempts("the owner's hot document changes all the time")
    while True:
        found, token = state.read(pk, [name])
        hot = found.get(name)
        if is_erased(hot):
            return Entombed(pk, key, token)
        # Its counts stay until they have been taken back.
        body = Tombstone(name, pk) if hot is None else kind.entombed(hot)
        try:
            committed = state.commit(pk, [Write(body, name, None if hot is None else hot["_etag"])])
        except CommitError as failure:
            attempts.failed(failure)
            continue
        return Entombed(pk, key, committed.session_token)


@dataclass
class Erasing:
    """Takes back what is counted of one owner, under a tombstone that stands."""

    pack: Pack
    state: State
    at: Entombed
    owner: str
    now_ms: Callable[[], int]
    nonce: Callable[[], str]
    pace: Callable[[], None]
    _attempts: Attempts = field(
        default_factory=lambda: Attempts("what is counted of the owner could not be taken back")
    )

    def retract(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Delete entries (id, outcome, fact), and what they counted. Raises Transient."""
        counted = sorted(
            (one for one in entries if one["outcome"] == Outcome.COUNTED), key=self._first
        )
        left = [one["id"] for one in counted]
        size, token = ENTRIES_PER_COMMIT, self.at.session_token
        while left:
            chunk = left[:size]
            wanted = {*chunk, hot_id(self.at.key)}
            documents, token = self.state.read(self.at.pk, wanted, token)
            operations, partial = self._operations(chunk, documents, token)
            try:
                if operations:
                    token = self.state.commit(self.at.pk, operations).session_token
            except CommitError as failure:
                self._attempts.failed(failure)
                size = max(1, len(chunk) // 2) if isinstance(failure, TooLarge) else size
                continue
            self._attempts.succeeded()
            self.pace()
            left = left if partial else left[len(chunk) :]
        self.delete([one["id"] for one in entries if one["outcome"] != Outcome.COUNTED])

    def delete(self, ids: Collection[str]) -> None:
        """Delete documents that count nothing. Raises Transient."""
        left = sorted(ids)
        while left:
            chunk = left[:OPERATIONS_MAX]
            try:
                self.state.commit(self.at.pk, [Delete(one) for one in chunk])
            except CommitError as failure:
                self._attempts.failed(failure)
                found, _ = self.state.read(self.at.pk, chunk, self.at.session_token)
                left = [one for one in chunk if one in found] + left[len(chunk) :]
                continue
            self._attempts.succeeded()
            self.pace()
            left = left[len(chunk) :]

    def make_bare(self) -> None:
        """Leave the tombstone and nothing else, and count nothing of the owner's history any more.
        Raises Transient."""
        name = hot_id(self.at.key)
        while True:
            documents, token = self.state.read(self.at.pk, [name], self.at.session_token)
            hot = documents.get(name)
            if hot is None or is_bare(hot):
                # Only who removes the whole generation deletes a tombstone.
                return
            operations: list[Operation] = [Write(Tombstone(name, self.at.pk), name, hot["_etag"])]
            if delta := self.pack.owners.given_up(self.at.key, self._whole(documents, token)):
                journal = Journal(journal_id(self.now_ms(), self.nonce()), self.at.pk, delta)
                operations.append(Write(journal, journal.id, None))
            try:
                self.state.commit(self.at.pk, operations)
            except CommitError as failure:
                self._attempts.failed(failure)

    def _whole(
        self, documents: Mapping[str, Mapping[str, Any]], token: str | None
    ) -> Mapping[str, Mapping[str, Any]]:
        """All documents of the owner's history, of which the hot document was read."""
        read = set(documents)
        while more := self.pack.owners.whole_ids(self.at.key, documents) - read:
            documents = {**documents, **self.state.read(self.at.pk, more, token)[0]}
            read |= more
        return documents

    def _first(self, entry: Mapping[str, Any]) -> Any:
        source = _source(entry["id"])
        fact = counted_fact(self.pack.facts, source, entry)
        return self.pack.owners.retracted_first(source, fact)

    def _operations(
        self, chunk: Sequence[str], documents: Mapping[str, Mapping[str, Any]], token: str | None
    ) -> tuple[list[Operation], bool]:
        """What takes a chunk back, and whether it has to be planned once more after that."""
        present = [one for one in chunk if one in documents]
        deletes: list[Operation] = [Delete(one) for one in present]
        hot = documents.get(hot_id(self.at.key))
        counted = [one for one in present if documents[one]["outcome"] == Outcome.COUNTED]
        if hot is None or is_bare(hot) or not counted:
            # Without its history nothing tells what these were worth: reconcile finds it.
            return deletes, False
        owner = Owner(self.at.pk, self.at.key, self.owner)
        verdicts = [retraction(documents[one]) for one in counted]
        plan = planned(self.pack, self.state, owner, verdicts, documents, token)
        journal = journal_of(self.pack, self.at.pk, [plan], self.now_ms(), self.nonce())
        writes: list[Operation] = [
            one for one in plan.writes if plan.partial or one.document_id not in chunk
        ]
        if journal is not None:
            writes.append(Write(journal, journal.id, None))
        return (writes if plan.partial else writes + deletes), plan.partial


def facts_by_source(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The source of each counted entry."""
    return (_source(one["id"]) for one in entries if one["outcome"] == Outcome.COUNTED)


def planned(
    pack: Pack,
    state: State,
    owner: Owner,
    verdicts: Sequence[Verdict],
    documents: Mapping[str, Mapping[str, Any]],
    token: str | None,
) -> Plan:
    """The plan of one owner's verdicts, whose entries and hot document were read."""
    read = {one.entry_id for one in verdicts}
    read |= {hot_id(owner.key)} if owner.key is not None else set()
    while True:
        try:
            return make_plan(pack.owners, pack.facts, owner, verdicts, documents, read)
        except Unread as more:
            found, token = state.read(owner.pk, more.ids, token)
            documents = {**documents, **found}
            read |= more.ids


def retraction(entry: Mapping[str, Any]) -> Verdict:
    """The verdict that takes back what an entry counts, of the version it decided."""
    return Verdict(
        source=_source(entry["id"]),
        entry_id=entry["id"],
        document=entry["document"],
        version=version_of(entry),
        outcome=Outcome.DELETED,
        fact=None,
        ttl=None,
    )


def _source(entry_id: str) -> str:
    return entry_id.split(":")[1]
