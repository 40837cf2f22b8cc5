"""Refused copies: documents whose copy Blob storage does not take, such as over a leased blob.

One of them does not stop the archive: it is noted beside the cursors before the cursor moves past
it, and tried again in every run. So what is not archived stays findable until it is written, or is
gone from its source. A note names one version of a document by `_rid` and `_ts`, nothing else.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from cosmos_views.intake.ports import Sources
from cosmos_views.ledger.commits import OPERATIONS_MAX, Conflict, Delete, Transient, Write
from cosmos_views.ledger.feeds import Document
from cosmos_views.ledger.foreign import of_form
from cosmos_views.ledger.labels import digest
from cosmos_views.upkeep.cursors import CURSORS_PK
from cosmos_views.upkeep.trailing import CursorState

REFUSED_MAX = 1_000
"""Of one source. Above, something is wrong with the account: the archive stands still."""


class RefusedCopy(msgspec.Struct):
    """The state document `refused:{source}:{hash}`, of one version of a document."""

    id: str
    pk: str
    rid: str
    """The document's `_rid`."""
    ts: int
    """The version's `_ts`."""


@dataclass
class RefusedCopies:
    """Those of one source."""

    state: CursorState
    sources: Sources
    source: str

    def noted(self) -> list[RefusedCopy]:
        """What expires first comes first. Raises Transient."""
        start, end = f"refused:{self.source}:", f"refused:{self.source};"
        stored = self.state.read_range(CURSORS_PK, start, end)
        known = (of_form(one, RefusedCopy, "state") for one in stored)
        return sorted((one for one in known if one is not None), key=lambda one: one.ts)

    def note(self, documents: Iterable[Document]) -> None:
        """Safe to repeat. Raises Conflict where another worker notes the same, Transient."""
        held = {one.id for one in self.noted()}
        found = {one.id: one for one in map(self._of, documents)}
        new = [one for one in found.values() if one.id not in held]
        if len(held) + len(new) > REFUSED_MAX:
            raise Transient(f"more than {REFUSED_MAX} copies are refused")
        for start in range(0, len(new), OPERATIONS_MAX):
            some = new[start : start + OPERATIONS_MAX]
            self.state.commit(CURSORS_PK, [Write(one, one.id, None) for one in some])

    def forget(self, notes: Iterable[RefusedCopy]) -> None:
        """They are written, or gone. Raises CommitError, Transient."""
        for one in notes:
            with suppress(Conflict):  # another worker was first
                self.state.commit(CURSORS_PK, [Delete(one.id)])

    def read(self, notes: Sequence[RefusedCopy]) -> Mapping[str, Document]:
        """The documents, by `_rid`; those that still stand as they were noted. Raises Transient."""
        found = self.sources.by_rid(self.source, {one.rid: one.ts for one in notes})
        return {rid: json.loads(content) for rid, content in found.items()}

    def standing(self) -> Iterator[tuple[RefusedCopy, Document | None]]:
        """What is noted, each with its document as long as that stands. Raises Transient."""
        notes = self.noted()
        found = self.read(notes)
        yield from ((one, found.get(one.rid)) for one in notes)

    def _of(self, document: Document) -> RefusedCopy:
        rid, ts = document["_rid"], document["_ts"]
        # Another version is another note: so to forget one never takes a newer one along.
        return RefusedCopy(f"refused:{self.source}:{digest(f'{rid} {ts}')}", CURSORS_PK, rid, ts)
