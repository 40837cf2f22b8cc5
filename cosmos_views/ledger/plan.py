"""The plan: given what was decided and what the ledger holds, what is new and what to write.

Pure: a plan is made from documents that were read. Whatever commit changes a fact of an owner
writes that owner's hot document, and a plan writes every document it depends on under the ETag that
was read, so a plan made from a stale reading cannot be committed. Planning again after a commit
that did land finds nothing left to do.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec

from cosmos_views.ledger.commits import Write, encoded_bytes
from cosmos_views.ledger.entries import Entry, Outcome, Verdict
from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.owners import hot_id

Documents = Mapping[str, Mapping[str, Any]]
"""Id → state document as read, with its `_etag`; an id that was read and not found is absent."""
MOVES_MAX = 60
"""Dependent facts that one commit moves; with verdicts and history under 100 documents."""
MOVES_BYTES_MAX = 200_000
"""Of the facts they move to: what each holds stands in its entry and again in the journal."""

V = TypeVar("V")


class Unread(Exception):
    """The plan depends on documents that were not read: read these as well and plan again."""

    def __init__(self, ids: set[str]) -> None:
        super().__init__(f"{len(ids)} documents")
        self.ids = ids


class Owner(msgspec.Struct, frozen=True, gc=False):
    """Whose documents are planned together: an owner, or one document by itself (`key` None)."""

    pk: str
    key: str | None
    name: str | None
    """As documents name the owner."""


@dataclass
class Plan:
    """What one owner's verdicts change."""

    owner: Owner
    writes: list[Write] = field(default_factory=list)
    transitions: list[tuple[Fact | None, Fact | None]] = field(default_factory=list)
    """The fact counted so far and the fact to count now: of each verdict in turn, then of what
    depends on them."""
    before: Any = None
    after: Any = None
    """The owner's history without and with the change; None where no fact of an owner changes."""
    as_of: int = 0
    """The greatest `_ts` among the versions decided."""
    partial: bool = False
    """The verdicts are not decided yet: plan them again once this is committed."""

    def settled(self, of: Sequence[V]) -> Iterator[tuple[V, tuple[Fact | None, Fact | None]]]:
        """Each verdict, or what stands for it, with its transition."""
        return iter(()) if self.partial else zip(of, self.transitions, strict=False)

    @property
    def retracted(self) -> list[Any]:
        """Facts to take out."""
        return [old for old, new in self.transitions if old is not None and old != new]

    @property
    def counted(self) -> list[Any]:
        """Facts to put in."""
        return [new for old, new in self.transitions if new is not None and old != new]


class Move(msgspec.Struct):
    """A fact that changes because of what another document says; its version stays."""

    entry: Entry
    old: Fact | None
    new: Fact | None


class Memory(Protocol):
    """What is remembered of the owner of one plan. Every method may raise Unread."""

    def ask(self) -> None:
        """Ask at once for what the verdicts may depend on: a reading each would take long."""

    def resolve(self, fact: Fact | None) -> Fact | None:
        """The fact with what other documents of the owner say about it."""

    def moves(self) -> list[Move]:
        """Counted facts that resolve otherwise now that the verdicts are decided. Also where they
        are the same as before: moving them in steps towards a version that never came may have
        been broken off."""

    def count(self, plan: Plan) -> Iterable[msgspec.Struct]:
        """Take the plan's facts out of and into the history, note it before and after, and say
        which documents it now is, the hot one first."""


class PlannedOwners(Protocol):
    """What planning asks of a kind of owners."""

    def memory(self, planning: "Planning") -> Memory:
        """What is remembered of the owner of one plan."""


def plan(
    kind: PlannedOwners,
    facts: Mapping[str, type[Fact]],
    owner: Owner,
    verdicts: Sequence[Verdict],
    documents: Documents,
    read: Collection[str],
) -> Plan:
    """The plan of verdicts that are all newer than the ledger's.

    `facts` is the type of fact by source; `documents` holds what exists of the ids in `read`, which
    include the verdicts' entries and the owner's hot document. Raises Unread when the plan depends
    on more.
    """
    return Planning(kind, facts, owner, verdicts, documents, read).make()


def counted_fact(
    facts: Mapping[str, type[Fact]], source: str, entry: Mapping[str, Any] | None
) -> Any:
    """The fact that an entry holds as counted, if any."""
    if entry is None or entry["outcome"] != Outcome.COUNTED:
        return None
    return msgspec.convert(entry["fact"], facts[source])


class Planning:
    """One plan in the making, as the kind of its owner sees it."""

    def __init__(
        self,
        kind: PlannedOwners,
        facts: Mapping[str, type[Fact]],
        owner: Owner,
        verdicts: Sequence[Verdict],
        documents: Documents,
        read: Collection[str],
    ) -> None:
        self.facts = facts
        self.owner = owner
        self.verdicts = verdicts
        self.documents = documents
        self.read = read
        self.hot = documents.get(hot_id(owner.key)) if owner.key else None
        self.decided = {verdict.entry_id: verdict.fact for verdict in verdicts}
        self._memory = kind.memory(self)

    def make(self) -> Plan:
        """The plan. Raises Unread."""
        result = Plan(self.owner)
        memory = self._memory
        memory.ask()
        for verdict in self.verdicts:
            old = self.counted(verdict.source, verdict.entry_id)
            new = memory.resolve(verdict.fact)
            result.transitions.append((old, new))
            result.writes.append(self._write(_entry(self.owner, verdict, new)))
            result.as_of = max(result.as_of, verdict.version.ts or 0)
        moves = memory.moves()
        together = _together(moves)
        if len(moves) > together:
            # Too many for one commit: move some before what they depend on is decided, then plan
            # again. A crash in between leaves it undecided, and the rest is moved then.
            result = Plan(self.owner, partial=True)
        for move in moves[:together]:
            move.entry.fact = move.new
            result.transitions.append((move.old, move.new))
            result.writes.append(self._write(move.entry))
        if self.owner.key is not None and (result.retracted or result.counted):
            result.writes.extend(map(self._write, memory.count(result)))
        return result

    def counted(self, source: str, entry_id: str) -> Any:
        """The fact that an entry holds as counted, if any."""
        return counted_fact(self.facts, source, self.documents.get(entry_id))

    def require(self, ids: Iterable[str]) -> None:
        """Raises Unread where any of these was not read."""
        missing = {document_id for document_id in ids if document_id not in self.read}
        if missing:
            raise Unread(missing)

    def _write(self, body: Any) -> Write:
        known = self.documents.get(body.id)
        return Write(body, body.id, None if known is None else known["_etag"])


def _together(moves: Sequence[Move]) -> int:
    """How many of these one commit moves: at least one."""
    size = 0
    for place, move in enumerate(moves[:MOVES_MAX]):
        size += encoded_bytes(move.old) + encoded_bytes(move.new)
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
