"""Walking the sources: what the ledger has not decided is named, and put through stage 1.

The walk is a trailing reader with cursors of its own, `reconcile-{generation}`. They stand from
before the first repair until the walk has ended: so an interrupted one goes on, and what a repair
has taken out of the ledger is always looked for. What was written within the last minute may be on
its way to a trigger, and is left to it.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cosmos_views.intake.batch import Processor
from cosmos_views.intake.documents import Change
from cosmos_views.intake.ownership import Layout, version_of
from cosmos_views.intake.raw_json import as_text
from cosmos_views.ledger.commits import CommitError, Write
from cosmos_views.ledger.feeds import WHOLE, Document
from cosmos_views.ledger.owners import owner_key
from cosmos_views.ledger.snapshots import Difference
from cosmos_views.ledger.versions import Order, order
from cosmos_views.store.erased import ErasedOwners
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.archive.copies import change_of
from cosmos_views.upkeep.cursors import CURSORS_PK, new_cursor
from cosmos_views.upkeep.rebuild.removal import remove_range
from cosmos_views.upkeep.trailing import (
    PAGES_MAX,
    SECONDS_MAX,
    Allowance,
    TrailingReader,
    Unwritten,
)

IN_FLIGHT_SECONDS = 60
PAGE_DOCUMENTS = 500
CORRELATION = {"invocation_id": "reconcile"}


class Moving(Exception):
    """The store changed while it was read or repaired; the message says what to do."""


@dataclass
class Walk:
    """One walk over all sources."""

    state: StateStore
    audits: Sequence[TrailingReader]
    processors: dict[str, Processor]
    layout: Layout
    dry_run: bool
    pace: Callable[[], None]
    noted: Callable[[int], None]
    in_flight_seconds: int = IN_FLIGHT_SECONDS
    found: list[Difference] = field(default_factory=list)
    """Documents whose latest version had not been decided."""
    lost: int = 0
    walked: int = 0

    @property
    def unfinished(self) -> bool:
        """Whether a walk was begun and has not ended."""
        return bool(self.state.ids(CURSORS_PK, *self._cursors, 1))

    def begin(self) -> None:
        """From the beginning of every source; from now on it is unfinished. Raises Moving."""
        self._forget()
        # Of no container, so that they only say that a walk is due.
        due = [new_cursor(self._name, one.container, "", WHOLE) for one in self.audits]
        try:
            self.state.commit(CURSORS_PK, [Write(one, one.id, None) for one in due])
        except CommitError as error:
            raise Moving("another reconcile has begun: run again when it has ended") from error

    def run(self) -> None:
        """Begin, or go on. Raises Moving, Transient."""
        for audit in self.audits:
            reader = replace(
                audit,
                name=lambda: self._name,
                delay_seconds=self.in_flight_seconds,
                page_documents=PAGE_DOCUMENTS,
                handle=self._handle_of(audit.container),
            )
            if self.dry_run:
                reader.state = Unwritten(reader.state)
            reading = reader.run(Allowance(PAGES_MAX, SECONDS_MAX, time.monotonic))
            for failure in reading.failures:
                raise failure
            if not reading.caught_up:
                raise Moving(
                    "another reconcile walks the same sources: run again when it has ended"
                )
        if not self.dry_run:
            self._forget()

    @property
    def _name(self) -> str:
        # A dry run begins at the beginning, and leaves another walk's place alone.
        return f"reconcile-{'dry-' if self.dry_run else ''}{self.layout.generation}"

    @property
    def _cursors(self) -> tuple[str, str]:
        return f"cursor:{self._name}:", f"cursor:{self._name};"

    def _forget(self) -> None:
        for _ in remove_range(self.state, CURSORS_PK, *self._cursors, self.pace):
            pass

    def _handle_of(self, source: str) -> Callable[[Sequence[Document]], Counter[str]]:
        def handle(documents: Sequence[Document]) -> Counter[str]:
            self.page(source, documents)
            self.walked += len(documents)
            self.noted(self.walked)
            self.pace()
            return Counter()

        return handle

    def page(self, source: str, documents: Sequence[Document]) -> None:
        """Look at some documents. Raises Transient."""
        changes = [change_of(self.processors[source].source, one) for one in documents]
        entries = self._entries(changes)
        undecided: list[Document] = []
        newer: list[tuple[Change, Difference]] = []
        for document, change in zip(documents, changes, strict=True):
            entry = entries.get(change.entry_id)
            standing = order(change.version, None if entry is None else version_of(entry))
            if standing is Order.DUPLICATE:
                continue
            undecided.append(document)
            if standing is Order.NEWER:
                decided = None if entry is None else entry.get("etag")
                where = f"{source}/{change.document_id}"
                newer.append((change, Difference(where, "version", change.version.etag, decided)))
        if not undecided:
            return
        named = self._not_erased(newer)
        lost = len(named)
        if not self.dry_run:
            report = self.processors[source].process(
                as_text(undecided), CORRELATION, as_stored=True
            )
            lost = report.delivered - report.duplicates - report.superseded - report.erased
        self.lost += lost
        if lost:
            self.found += named

    def _entries(self, changes: Sequence[Change]) -> dict[str, dict[str, Any]]:
        wanted: dict[str, set[str]] = defaultdict(set)
        for change in changes:
            name = change.entry_id if change.owner is None else owner_key(change.owner)
            wanted[self.layout.pk_of(name)].add(change.entry_id)
        found: dict[str, dict[str, Any]] = {}
        for pk, ids in wanted.items():
            found |= self.state.read(pk, ids)[0]
        return found

    def _not_erased(self, newer: Sequence[tuple[Change, Difference]]) -> list[Difference]:
        keys = {owner_key(change.owner) for change, _ in newer if change.owner is not None}
        gone = ErasedOwners(self.state).among(keys)
        return [
            difference
            for change, difference in newer
            if change.owner is None or owner_key(change.owner) not in gone
        ]
