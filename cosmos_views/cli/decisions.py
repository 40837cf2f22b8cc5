"""What the worker decided of the versions a replay wrote, read from the ledger itself.

The worker runs in another process, so its reports cannot be asked. But every version it decides
leaves an entry under an id that follows from the document's identity: the entry as it stood before
the version was written, and as it stands once it names that version, say what became of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from cosmos_views.cli.connection import Account
from cosmos_views.cli.lines import Line
from cosmos_views.cli.writing import Written
from cosmos_views.intake.dead_letters import CATEGORIES
from cosmos_views.intake.documents import Change
from cosmos_views.intake.ownership import Layout
from cosmos_views.ledger.entries import Outcome
from cosmos_views.ledger.foreign import of_form
from cosmos_views.ledger.labels import digest
from cosmos_views.ledger.owners import owner_key
from cosmos_views.store.erased import ErasedOwners
from cosmos_views.store.queries import by_ids
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.rebuild.horizon import beyond

LOOK_AT_ONCE = 2_000
"""Versions asked for in one look; the oldest first, because feeds are read in order."""

ERASED = "the owner was erased"
ENTRY_FIELDS = ("etag", "ts", "outcome", "fact")

Entry = dict[str, Any]


class _Entry(msgspec.Struct):
    """What is asked of an entry."""

    id: str
    outcome: Outcome
    etag: str | None = None
    ts: int | None = None
    fact: list[Any] | None = None


@dataclass
class Tally:
    """Where the written versions ended; each is in exactly one of the first five, or waiting."""

    counted: int = 0
    deleted: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    superseded: int = 0
    """A later version of the document came before the worker was seen to decide this one."""

    corrections: int = 0
    """Something else was counted of the document before, and has been retracted."""
    unchanged: int = 0
    """The document counted the same before: no measure changes."""
    notes: Counter[str] = field(default_factory=Counter)
    """What sources say of the facts counted, such as `unpriced`."""
    beyond_horizon: Counter[str] = field(default_factory=Counter)
    """Versions whose change not every view shows, because its period keeps the document it has: by
    `days` (no view of the day or month does) or `months` (only those of the day do)."""

    @property
    def applied(self) -> int:
        """Versions the worker decided."""
        decided = self.counted + self.deleted + self.superseded
        return decided + self.ignored.total() + self.dead.total()


@dataclass(slots=True)
class _Awaited:
    change: Change
    etag: str
    ts: int
    before: Entry | None


class Ledger:
    """Reads entries where the worker keeps them."""

    def __init__(self, target: Account) -> None:
        generation = target.generation()
        self._layout = Layout(generation.generation, generation.buckets)
        self._state = target.container("state")

    def entries(self, changes: Iterable[Change]) -> dict[str, Entry]:
        """The entries that exist, by id."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for change in changes:
            wanted[self._pk(change)].add(change.entry_id)
        found: dict[str, Entry] = {}
        for pk, ids in wanted.items():
            for entry in by_ids(self._state, pk, ids, ENTRY_FIELDS):
                if of_form(entry, _Entry, self._state.id) is not None:
                    found[entry["id"]] = entry
        return found

    def _pk(self, change: Change) -> str:
        name = change.entry_id if change.owner is None else owner_key(change.owner)
        return self._layout.pk_of(name)


class Decisions:
    """Follows written versions until the worker has decided them."""

    def __init__(self, target: Account) -> None:
        noted = (name for source in target.pack.sources for name in source.notes)
        self.tally = Tally(notes=Counter(dict.fromkeys(noted, 0)))
        self._horizon_seconds = target.generation().horizon_seconds
        self._pack = target.pack
        self._ledger = Ledger(target)
        self._poison = target.container("poison_messages")
        self._registry = ErasedOwners(StateStore(target.container("state")))
        self._erased: set[str] = set()
        self._waiting: dict[str, _Awaited] = {}

    @property
    def waiting(self) -> int:
        """Versions not yet seen decided."""
        return len(self._waiting)

    def before(self, lines: Sequence[Line]) -> dict[str, Entry]:
        """The entries of documents that are about to be written."""
        owners = {owner_key(one.change.owner) for one in lines if one.change.owner}
        self._erased |= self._registry.among(owners - self._erased)
        return self._ledger.entries(
            line.change for line in lines if line.change.entry_id not in self._waiting
        )

    def expect(self, written: Written, before: dict[str, Entry]) -> None:
        """Wait for this version; `before` is what `before()` said."""
        change = written.line.change
        if change.owner and owner_key(change.owner) in self._erased:
            # It leaves no entry, by which it could be seen.
            self.tally.ignored[ERASED] += 1
            return
        earlier = self._waiting.pop(change.entry_id, None)
        if earlier is not None:
            self.tally.superseded += 1
        self._waiting[change.entry_id] = _Awaited(
            change,
            written.etag,
            written.ts,
            earlier.before if earlier else before.get(change.entry_id),
        )

    def look(self, at_most: int = LOOK_AT_ONCE) -> int:
        """Ask the ledger about those waiting longest; how many turned out to be decided."""
        oldest = dict(islice(self._waiting.items(), at_most))
        entries = self._ledger.entries(one.change for one in oldest.values())
        dead: list[_Awaited] = []
        decided = 0
        for entry_id, entry in entries.items():
            awaited = oldest[entry_id]
            if entry.get("etag") == awaited.etag:
                self._settle(awaited, entry, dead)
            elif (entry.get("ts") or 0) > awaited.ts:
                # Somebody else has written the document since.
                self.tally.superseded += 1
            else:
                continue
            decided += 1
            del self._waiting[entry_id]
        self._categorize(dead)
        return decided

    def _settle(self, awaited: _Awaited, entry: Entry, dead: list[_Awaited]) -> None:
        tally = self.tally
        match Outcome(entry["outcome"]):
            case Outcome.COUNTED:
                tally.counted += 1
            case Outcome.DELETED:
                tally.deleted += 1
            case Outcome.IGNORED:
                tally.ignored[awaited.change.kind or ""] += 1
            case Outcome.DEAD:
                dead.append(awaited)
        source = self._pack.source(awaited.change.source)
        fact = entry.get("fact")
        old = None if awaited.before is None else awaited.before.get("fact")
        if fact is not None and fact == old:
            tally.unchanged += 1
        else:
            tally.corrections += old is not None
            kind = source.fact
            facts = [msgspec.convert(one, kind) for one in (old, fact) if one is not None]
            if where := beyond(self._horizon_seconds, [one.day for one in facts]):
                tally.beyond_horizon[where] += 1
        if fact is not None:
            counted = msgspec.convert(fact, source.fact)
            tally.notes.update(name for name, noted in source.notes.items() if noted(counted))

    def _categorize(self, dead: list[_Awaited]) -> None:
        """Ask the dead letters for their categories."""
        by_source: dict[str, list[str]] = defaultdict(list)
        for one in dead:
            letter = digest(one.change.entry_id, one.etag, str(one.ts))
            by_source[one.change.source].append(letter)
        for source, ids in by_source.items():
            letters = by_ids(self._poison, source, ids, ("category",))
            categories = {letter["id"]: letter.get("category") for letter in letters}
            self.tally.dead.update(
                category if (category := categories.get(one)) in CATEGORIES else "removed"
                for one in ids
            )
