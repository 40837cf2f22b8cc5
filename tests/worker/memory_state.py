"""State, views, sources and dead letters in memory, for volume: the same conflicts, no HTTP.

Commits are atomic and guarded by ETags as Cosmos DB guards them. With `chaos`, reads lag within
the session guarantee, and commits and writes fail before or after they took effect.
"""

from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import Any

import msgspec

from ledger.commits import (
    COMMIT_BYTES_MAX,
    OPERATIONS_MAX,
    Committed,
    Conflict,
    Operation,
    TooLarge,
    Transient,
    UnknownOutcome,
    Write,
)
from processors.dead_letters import DeadLetter

SNAPSHOTS_KEPT = 4
DEPTH_MAX = 2

Stored = tuple[str, bytes]
"""ETag and JSON."""


class Chaos:
    """Seeded trouble; `off` for good at the end of a run.

    Every call of a port is a point where others may run: `meanwhile` is what they do, and is never
    called more than `DEPTH_MAX` deep.
    """

    def __init__(self, random: Random, probability: float, interleaving: float = 0.0) -> None:
        self.random = random
        self.probability = probability
        self.interleaving = interleaving
        self.meanwhile: Callable[[], None] = lambda: None
        self._depth = 0

    def strikes(self) -> bool:
        return self.random.random() < self.probability

    def others_run(self) -> None:
        if self._depth < DEPTH_MAX and self.random.random() < self.interleaving:
            self._depth += 1
            try:
                self.meanwhile()
            finally:
                self._depth -= 1

    def off(self) -> None:
        self.probability = self.interleaving = 0.0


class MemoryState:
    """The state container: `processors.ports.State` and `materializers.fold.FoldState`."""

    def __init__(self, chaos: Chaos) -> None:
        self._chaos = chaos
        self._partitions: dict[str, list[dict[str, Stored]]] = {}
        self._commits: dict[str, int] = {}
        self._etag = 0
        self.writes = 0

    def documents(self, prefix: str) -> list[dict[str, Any]]:
        return [
            {**msgspec.json.decode(body), "_etag": etag}
            for snapshots in self._partitions.values()
            for document_id, (etag, body) in snapshots[-1].items()
            if document_id.startswith(prefix)
        ]

    def read(
        self, pk: str, ids: Collection[str], session_token: str | None = None
    ) -> tuple[dict[str, dict[str, Any]], str | None]:
        self._chaos.others_run()
        if self._chaos.strikes() and self._chaos.strikes():
            raise Transient("read failed")
        snapshot, number = self._snapshot(pk, session_token)
        return {one: _decoded(snapshot[one]) for one in ids if one in snapshot}, str(number)

    def read_range(
        self,
        pk: str,
        start: str,
        end: str,
        session_token: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        self._chaos.others_run()
        snapshot, _ = self._snapshot(pk, session_token)
        ids = sorted(one for one in snapshot if start <= one < end)
        return [_decoded(snapshot[one]) for one in ids[:limit]]

    def commit(self, pk: str, operations: Sequence[Operation]) -> Committed:
        self._chaos.others_run()
        if self._chaos.strikes():
            if self._chaos.random.random() < 0.3:
                raise Transient("throttled")
            if self._chaos.random.random() < 0.5:
                raise UnknownOutcome("lost on the way there")
            self._apply(pk, operations)
            raise UnknownOutcome("lost on the way back")
        return self._apply(pk, operations)

    def position(self, pk: str) -> str:
        return str(self._commits.get(pk, 0))

    def moved(self, pk: str, position: str) -> bool:
        return self._commits.get(pk, 0) > int(position)

    def _apply(self, pk: str, operations: Sequence[Operation]) -> Committed:
        if len(operations) > OPERATIONS_MAX:
            raise TooLarge("too many operations")
        snapshots = self._partitions.setdefault(pk, [{}])
        documents = dict(snapshots[-1])
        etags = {}
        size = 0
        for operation in operations:
            known = documents.get(operation.document_id)
            if isinstance(operation, Write):
                body = msgspec.json.encode(operation.body)
                size += len(body)
                if (known is None) != (operation.etag is None):
                    raise Conflict(operation.document_id)
                if known is not None and known[0] != operation.etag:
                    raise Conflict(operation.document_id)
                assert msgspec.json.decode(body)["pk"] == pk
                self._etag += 1
                etags[operation.document_id] = f"state-{self._etag}"
                documents[operation.document_id] = (etags[operation.document_id], body)
            elif known is None:
                raise Conflict(operation.document_id)
            else:
                del documents[operation.document_id]
        if size > COMMIT_BYTES_MAX:
            raise TooLarge("too many bytes")
        self.writes += len(operations)
        snapshots.append(documents)
        del snapshots[:-SNAPSHOTS_KEPT]
        self._commits[pk] = self._commits.get(pk, 0) + 1
        return Committed(etags, str(self._commits[pk]))

    def _snapshot(self, pk: str, session_token: str | None) -> tuple[dict[str, Stored], int]:
        """The documents, and how many commits they have seen: perhaps not the latest."""
        snapshots = self._partitions.get(pk, [{}])
        latest = self._commits.get(pk, 0)
        age = 0
        if self._chaos.strikes():
            newest_allowed = latest - int(session_token or 0)
            age = self._chaos.random.randint(0, min(len(snapshots) - 1, newest_allowed))
        return snapshots[-1 - age], latest - age


class MemoryViews:
    """The view containers: `materializers.publish.ViewDocuments`."""

    def __init__(self, chaos: Chaos) -> None:
        self._chaos = chaos
        self._etag = 0
        self._stored: dict[tuple[str, str], Stored] = {}

    def read(self, view: str, document_id: str, partition: str) -> dict[str, Any] | None:
        self._chaos.others_run()
        found = self._stored.get((view, document_id))
        return None if found is None else _decoded(found)

    def write(self, view: str, body: dict[str, Any], etag: str | None) -> None:
        self._chaos.others_run()
        fails = self._chaos.strikes()
        if fails and self._chaos.random.random() < 0.5:
            raise Transient("view write lost on the way there")
        place = view, body["id"]
        known = self._stored.get(place)
        if (None if known is None else known[0]) != etag:
            raise Conflict(body["id"])
        self._etag += 1
        self._stored[place] = (f"view-{self._etag}", msgspec.json.encode(body))
        if fails:
            raise Transient("view write lost on the way back")

    def documents(self, view: str) -> list[dict[str, Any]]:
        return [_decoded(stored) for (of, _), stored in self._stored.items() if of == view]


class MemorySources:
    """The source containers: what was written last, by container, partition key value and id."""

    def __init__(self, chaos: Chaos) -> None:
        self._chaos = chaos
        self._versions: dict[tuple[str, str, str], list[bytes]] = {}

    def write(self, container: str, body: dict[str, Any]) -> None:
        key = _place(container, body.get("user_id", msgspec.UNSET), body["id"])
        # A point read has no _lsn.
        stored = {name: value for name, value in body.items() if name != "_lsn"}
        self._versions.setdefault(key, []).append(msgspec.json.encode(stored))

    def read(self, container: str, document_id: str, partition_key: Any) -> bytes | None:
        self._chaos.others_run()
        if self._chaos.strikes():
            raise Transient("source read failed")
        versions = self._versions.get(_place(container, partition_key, document_id))
        return versions[-1] if versions else None


class MemoryPoison:
    """The poison container."""

    def __init__(self, chaos: Chaos) -> None:
        self._chaos = chaos
        self.letters: dict[str, DeadLetter] = {}

    def delete(self, source: str, letter_id: str) -> bool:
        return self.letters.pop(letter_id, None) is not None

    def write(self, letter: DeadLetter) -> None:
        if self._chaos.strikes():
            raise Transient("poison container is down")
        self.letters[letter.id] = letter


def _place(container: str, partition_key: Any, document_id: str) -> tuple[str, str, str]:
    shown = "absent" if partition_key is msgspec.UNSET else repr(partition_key)
    return container, shown, document_id


def _decoded(stored: Stored) -> dict[str, Any]:
    return {**msgspec.json.decode(stored[1]), "_etag": stored[0]}
