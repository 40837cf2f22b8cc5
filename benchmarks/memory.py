"""Stage 1 over state in memory, so that its own work can be timed alone.

Documents are kept as JSON. What reading and committing take is summed in `outside_seconds`: through
the SDK it is what `end_to_end` measures.
"""

import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from time import thread_time
from typing import Any, NoReturn

import msgspec

from cosmos_views.intake.batch import Outside, Processor
from cosmos_views.intake.ownership import Layout
from cosmos_views.ledger.commits import Committed, Operation, Write
from cosmos_views.source import Source
from pack import PACK

TTL_SECONDS = 31_536_000
NOW_MS = 1_773_619_200_000
"""The end of the measured day."""


@dataclass
class MemoryState:
    """`State` of stage 1, for one worker: nobody else writes, so nothing ever conflicts."""

    documents: dict[str, bytes] = field(default_factory=dict)
    outside_seconds: float = 0.0
    journal_bytes: int = 0

    def copy(self) -> "MemoryState":
        """The same documents, to begin from again."""
        return MemoryState(dict(self.documents))

    def read(
        self, pk: str, ids: Collection[str], session_token: str | None = None
    ) -> tuple[dict[str, dict[str, Any]], str | None]:
        started = thread_time()
        known = self.documents
        found = {
            one: {**msgspec.json.decode(known[one]), "_etag": "e"} for one in ids if one in known
        }
        self.outside_seconds += thread_time() - started
        return found, session_token or pk

    def commit(self, pk: str, operations: Sequence[Operation]) -> Committed:
        started = thread_time()
        for operation in operations:
            assert isinstance(operation, Write), "stage 1 deletes nothing"
            body = msgspec.json.encode(operation.body)
            if operation.document_id.startswith("j:"):
                self.journal_bytes += len(body)
            else:
                self.documents[operation.document_id] = body
        self.outside_seconds += thread_time() - started
        return Committed({}, pk)


def sources() -> dict[str, Source[Any]]:
    """The three sources by container."""
    return {source.container: source for source in PACK.sources}


def processors(state: MemoryState, of: dict[str, Source[Any]]) -> dict[str, Processor]:
    """Stage 1 over that state, in one bucket."""
    nonces = itertools.count()
    outside = Outside(
        pack=PACK,
        state=state,
        sources=_Nothing(),
        poison=_Nothing(),
        layout=lambda: Layout(1, 1),
        now_ms=lambda: NOW_MS,
        nonce=lambda: f"{next(nonces):012x}",
        jitter=lambda: 0.5,
        wait=lambda _: None,
    )
    return {name: Processor(source, TTL_SECONDS, outside) for name, source in of.items()}


def apply(
    state: MemoryState, batches: Iterable[tuple[str, str]], of: dict[str, Source[Any]]
) -> int:
    """Put batches through stage 1; returns how many changes were counted."""
    stage_1 = processors(state, of)
    return sum(stage_1[source].process(text, {}).counted for source, text in batches)


class _Nothing:
    """Sources and dead letters, which this traffic never needs."""

    def read(self, *_: object) -> NoReturn:
        raise AssertionError("no change of a benchmark is doubtful")

    def write(self, *_: object) -> NoReturn:
        raise AssertionError("no change of a benchmark is poison")

    delete = write
    by_rid = read
