"""The store of the check: values that never change, so that a moment can be gone on from twice.

Each bucket keeps the moment before its last write, which a reading may show that carries no newer
session token; the view document likewise. What is counted is kept beside the documents as the laws
need it, where no code under test can see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from cosmos_views.ledger.commits import Operation, Write
from tests.interleaved.view import CELL, STATE_KEYS

RUN_SECONDS_MAX = 240
"""What lives no longer may be gone before a publisher's run ends: here it is gone at once."""

Counts = tuple[int, ...]
"""By state key."""
NOTHING: Counts = (0,) * len(STATE_KEYS)


class Stored(NamedTuple):
    """A document of a bucket."""

    id: str
    etag: str
    body: bytes


Documents = tuple[Stored, ...]
"""In id order."""


class Change(NamedTuple):
    """One operation of a commit; `body` None for a deletion."""

    id: str
    body: bytes | None
    etag: str | None


@dataclass(frozen=True, eq=False)
class Partition:
    """A bucket. Equal ones are the same object: whoever makes them sees to that."""

    pk: str
    lsn: int = 0
    documents: Documents = ()
    before: Documents = ()
    """One write earlier."""
    written: Counts = NOTHING
    """Everything that was ever put in its journal."""
    folded: tuple[Counts, ...] = (NOTHING,)
    """What its partials came to after each fold, by the head's sequence."""

    def at(self, age: int) -> Documents:
        return self.before if age else self.documents


class Page(NamedTuple):
    """The view's document; `body` None where there is none."""

    version: int
    body: bytes | None
    before: tuple[int, bytes | None]
    """One write earlier."""


@dataclass(frozen=True, eq=False)
class World:
    """Everything outside the actors. Equal ones are the same object, as with partitions."""

    partitions: tuple[Partition, ...]
    page: Page
    generation: int
    now_seconds: int
    rebuilt: bool = False
    """The rebuild has come to its end."""

    def partition(self, pk: str) -> Partition:
        return next(one for one in self.partitions if one.pk == pk)

    def in_force(self) -> tuple[Partition, ...]:
        return tuple(p for p in self.partitions if p.pk.startswith(f"{self.generation}:"))


class Refused(NamedTuple):
    """A write that was not applied, and the document at fault."""

    id: str


def decoded(stored: Stored) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(stored.body)
    document["_etag"] = stored.etag
    return document


def changes_of(operations: Sequence[Operation]) -> tuple[Change, ...]:
    return tuple(
        Change(one.document_id, msgspec.json.encode(one.body), one.etag)
        if isinstance(one, Write)
        else Change(one.document_id, None, None)
        for one in operations
    )


def applied(partition: Partition, changes: tuple[Change, ...]) -> Documents | Refused:
    """The documents after a commit, all or nothing."""
    documents = {one.id: one for one in partition.documents}
    etag = str(partition.lsn + 1)
    for change in changes:
        known = documents.get(change.id)
        if change.body is None:
            if known is None:
                return Refused(change.id)
            del documents[change.id]
        elif change.etag != (None if known is None else known.etag):
            return Refused(change.id)
        else:
            documents[change.id] = Stored(change.id, etag, change.body)
    return tuple(documents[name] for name in sorted(documents))


def paged(page: Page, body: bytes, etag: str | None) -> Page | Refused:
    """The view's document after it was created or replaced."""
    if etag != (None if page.body is None else str(page.version)):
        return Refused("the view's document")
    lives = msgspec.json.decode(body)["ttl"] > RUN_SECONDS_MAX
    return Page(page.version + 1, body if lives else None, (page.version, page.body))


def counts_under(documents: Documents, prefix: str) -> Counts:
    """What partials (`p:`) or journal documents (`j:`) come to."""
    total = dict.fromkeys(STATE_KEYS, 0)
    for one in documents:
        if not one.id.startswith(prefix):
            continue
        body = msgspec.json.decode(one.body)
        delta = {one.id[2:]: body["cells"]} if prefix == "p:" else body["delta"]
        for state_key, cells in delta.items():
            if state_key in total:
                total[state_key] += sum(cells.get(CELL, ()))
    return tuple(total.values())


def plus(*counts: Counts) -> Counts:
    return tuple(map(sum, zip(*counts, strict=True)))


def put_by(changes: Sequence[Change]) -> Counts | None:
    """What stage 1 puts into a journal; None for a commit of stage 2, which writes the head."""
    if not all(one.id.startswith("j:") for one in changes):
        return None
    return counts_under(tuple(Stored(one.id, "", one.body) for one in changes if one.body), "j:")
