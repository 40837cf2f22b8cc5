"""The outside in memory: state, views, sources and dead letters with the conflicts of Cosmos DB.

Commits are atomic and bound to ETags. Trouble is part of the material: reads lag within the session
guarantee, answers get lost, and just before a commit another worker may take its turn.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from random import Random
from typing import Any

import msgspec

from cosmos_views.intake.dead_letters import DeadLetter
from cosmos_views.ledger.commits import (
    COMMIT_BYTES_MAX,
    OPERATIONS_MAX,
    Committed,
    Conflict,
    Operation,
    TooLarge,
    Transient,
    UnknownOutcome,
    Write,
    commit_bytes,
)
from cosmos_views.ledger.labels import digest
from pack import PACK

Document = dict[str, Any]
Stored = tuple[str, bytes]
"""ETag and JSON."""

SNAPSHOTS_KEPT = 4
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()


class Trouble:
    """What may go wrong, from a seed; nothing does at probability 0."""

    def __init__(self, random: Random, probability: float = 0.0) -> None:
        self._random = random
        self.probability = probability
        self.others_turn: Callable[[], None] | None = None
        """Lets another worker act between a reading and a commit."""
        self._nested = False

    def strikes(self) -> bool:
        return self.probability > 0 and self._random.random() < self.probability

    def age(self, most: int) -> int:
        """How many commits a reading lags."""
        return self._random.randint(0, most) if most > 0 and self.strikes() else 0

    def before_commit(self) -> None:
        if self.others_turn is not None and not self._nested and self.strikes():
            self._nested = True
            try:
                self.others_turn()
            finally:
                self._nested = False


class _Placed(msgspec.Struct):
    pk: str


class MemoryState:
    """The state container, as both stages and the publisher's feed use it."""

    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self._snapshots: dict[str, list[dict[str, Stored]]] = {}
        self._commits: dict[str, int] = {}
        self._etags = 0
        self.writes = 0
        self.operations_max = 0
        self.history = sha256()
        """Of everything that was ever committed, in order."""

    def read(
        self, pk: str, ids: Collection[str], session_token: str | None = None
    ) -> tuple[dict[str, Document], str | None]:
        if self._trouble.strikes() and self._trouble.strikes():
            raise Transient("a read failed")
        documents, token = self._seen(pk, session_token)
        return {one: _decoded(documents[one]) for one in ids if one in documents}, token

    def read_range(
        self,
        pk: str,
        start: str,
        end: str,
        session_token: str | None = None,
        limit: int | None = None,
    ) -> list[Document]:
        documents, _ = self._seen(pk, session_token)
        ids = sorted(one for one in documents if start <= one < end)
        return [_decoded(documents[one]) for one in ids[:limit]]

    def commit(self, pk: str, operations: Sequence[Operation]) -> Committed:
        self._trouble.before_commit()
        if not self._trouble.strikes():
            return self._apply(pk, operations)
        if self._trouble.strikes():
            raise Transient("throttled")
        if self._trouble.strikes():
            raise UnknownOutcome("lost on the way there")
        self._apply(pk, operations)
        raise UnknownOutcome("lost on the way back")

    def position(self, pk: str) -> str:
        return str(self._commits.get(pk, 0))

    def moved(self, pk: str, position: str) -> bool:
        return self._commits.get(pk, 0) > int(position)

    def documents(self, prefix: str) -> Iterator[Document]:
        """As they are, of all buckets."""
        for snapshots in self._snapshots.values():
            for document_id, stored in snapshots[-1].items():
                if document_id.startswith(prefix):
                    yield _decoded(stored)

    def _seen(self, pk: str, session_token: str | None) -> tuple[dict[str, Stored], str]:
        """The documents and the session token of a reading that is no older than asked for."""
        snapshots = self._snapshots.get(pk, [{}])
        commits = self._commits.get(pk, 0)
        age = self._trouble.age(min(len(snapshots) - 1, commits - int(session_token or 0)))
        return snapshots[-1 - age], str(commits - age)

    def _apply(self, pk: str, operations: Sequence[Operation]) -> Committed:
        self.operations_max = max(self.operations_max, len(operations))
        if len(operations) > OPERATIONS_MAX:
            raise TooLarge(f"{len(operations)} operations")
        documents = dict(self._snapshots.setdefault(pk, [{}])[-1])
        etags: dict[str, str] = {}
        written: list[bytes] = []
        for operation in operations:
            name = operation.document_id
            known = documents.get(name)
            if not isinstance(operation, Write):
                if known is None:
                    raise Conflict(name)
                del documents[name]
                written.append(f"-{pk} {name}".encode())
                continue
            if operation.etag != (None if known is None else known[0]):
                raise Conflict(name)
            body = _ENCODER.encode(operation.body)
            placed = msgspec.json.decode(body, type=_Placed)
            assert placed.pk == pk, "the service refuses another partition's document"
            self._etags += 1
            etags[name] = f"{self._etags}"
            documents[name] = etags[name], body
            written.append(f"+{pk} {name} ".encode() + body)
        if (size := commit_bytes(operations)) > COMMIT_BYTES_MAX:
            raise TooLarge(f"{size} bytes")
        self.history.update(b"\n".join(written))
        self.writes += len(operations)
        self._snapshots[pk] = [*self._snapshots[pk][1 - SNAPSHOTS_KEPT :], documents]
        self._commits[pk] = self._commits.get(pk, 0) + 1
        return Committed(etags, str(self._commits[pk]))


class MemoryViews:
    """The view containers."""

    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self._etags = 0
        self._stored: dict[tuple[str, str, str], Stored] = {}

    def read(self, view: str, document_id: str, partition: str) -> Document | None:
        found = self._stored.get((view, document_id, partition))
        return None if found is None else _decoded(found)

    def write(self, view: str, body: Document, etag: str | None) -> None:
        self._trouble.before_commit()
        lost = self._trouble.strikes()
        if lost and self._trouble.strikes():
            raise Transient("a view write was lost on the way there")
        place = view, body["id"], _partition(body)
        known = self._stored.get(place)
        if etag != (None if known is None else known[0]):
            raise Conflict(body["id"])
        self._etags += 1
        self._stored[place] = f"{self._etags}", _ENCODER.encode(body)
        if lost:
            raise Transient("the answer to a view write was lost")

    def documents(self, view: str) -> list[Document]:
        """What readers see: no tombstones."""
        shown = [_decoded(stored) for (of, *_), stored in self._stored.items() if of == view]
        return [document for document in shown if not document.get("empty")]


class MemorySources:
    """The source containers: the versions written, by document."""

    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self._versions: dict[str, list[bytes]] = {}
        self._keys: dict[str, str] = {}
        """By `_rid`."""
        self._fresh: set[str] = set()
        """Whose latest version not every replica shows yet."""

    def write(self, container: str, body: Document) -> None:
        # A point read shows no _lsn.
        shown = {name: value for name, value in body.items() if name != "_lsn"}
        key = _place(container, body.get("user_id", msgspec.UNSET), body["id"])
        self._versions[key] = [*self._versions.get(key, [])[-1:], _ENCODER.encode(shown)]
        self._keys[body["_rid"]] = key
        self._fresh.add(key)

    def pause(self, _seconds: float) -> None:
        """After a pause every replica shows what was written."""
        self._fresh.clear()

    def read(self, container: str, document_id: str, key: Sequence[Any]) -> bytes | None:
        if self._trouble.strikes() and self._trouble.strikes():
            raise Transient("a source read failed")
        return self._seen(_place(container, key[0], document_id))

    def by_rid(
        self, container: str, seconds: Mapping[str, int], since: int | None = None
    ) -> dict[str, bytes]:
        if self._trouble.strikes() and self._trouble.strikes():
            raise Transient("a query of a source failed")
        asked = set(seconds.values())
        found = {}
        for rid in seconds:
            if (raw := self._seen(self._keys[rid])) is not None:
                at = _DECODER.decode(raw)["_ts"]
                if at in asked or (since is not None and at >= since):
                    found[rid] = raw
        return found

    def _seen(self, key: str) -> bytes | None:
        versions = self._versions.get(key)
        if not versions:
            return None
        lags = key in self._fresh and self._trouble.strikes()
        return versions[0] if lags else versions[-1]


class MemoryPoison:
    """The poison container."""

    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self.letters: dict[str, DeadLetter] = {}

    def delete(self, source: str, letter_id: str) -> bool:
        return self.letters.pop(letter_id, None) is not None

    def write(self, letter: DeadLetter) -> None:
        if self._trouble.strikes() and self._trouble.strikes():
            raise Transient("the poison container is down")
        self.letters[letter.id] = letter


def _partition(body: Document) -> str:
    partition: str = body[PACK.views[body["document_type"]].partition_key]
    return partition


def rid_of(container: str, body: Document) -> str:
    """The same for all versions of a document."""
    return digest(_place(container, body.get("user_id", msgspec.UNSET), body["id"]))


def _place(container: str, partition_key: Any, document_id: str) -> str:
    shown = "absent" if partition_key is msgspec.UNSET else repr(partition_key)
    return f"{container}\0{shown}\0{document_id}"


def _decoded(stored: Stored) -> Document:
    document: Document = _DECODER.decode(stored[1])
    document["_etag"] = stored[0]
    return document
