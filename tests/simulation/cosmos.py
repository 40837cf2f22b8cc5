"""A model of Cosmos DB: partitions, ETags, atomic batches, change feed, TTL, LSNs, replicas.

Every version of every document is kept with the LSN that wrote it, so a replica that lags, a feed
read from a position and a failover that loses the last writes are all readings at an earlier LSN.
What the model leaves out: indexes, throughput, and queries beyond those the stores send.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import msgspec

Document = dict[str, Any]
Key = str
"""The JSON of a partition key value; empty where the document has none."""

LAG_SECONDS_MAX = 0.45
"""A write is on every replica after so long: shorter than the pause in which doubts are settled."""
ITEM_BYTES_MAX = 2_000_000
BATCH_BYTES_MAX = 2_000_000
BATCH_OPERATIONS_MAX = 100
EPK_MAX = 0x10000
MINIMUM, MAXIMUM = "", "FF"

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode


class Status(Exception):
    """The service's refusal of an operation."""

    def __init__(self, code: int, index: int | None = None) -> None:
        super().__init__(str(code))
        self.code = code
        self.index = index
        """The operation of a batch that was refused."""


class Version(NamedTuple):
    """One version of a document; `body` None where it was deleted."""

    lsn: int
    ts: int
    etag: str
    body: bytes | None
    expires_at: float
    hashed: int


class Range(NamedTuple):
    """Hashed partition keys, the end not included."""

    start: int
    end: int


@dataclass
class Physical:
    """One physical partition."""

    number: int
    covers: Range
    lsn: int = 0
    written_at: list[tuple[int, float]] = field(default_factory=list)
    """(LSN, when it was written), ascending; the latest ones."""


@dataclass(frozen=True)
class Operation:
    """One write. `etag` as If-Match."""

    kind: str
    """`create`, `replace`, `upsert` or `delete`."""
    document_id: str
    body: Document | None = None
    etag: str | None = None


class Container:
    """One container."""

    def __init__(
        self,
        name: str,
        partition_key: str,
        default_ttl: int,
        now: Callable[[], float],
        random: Random,
    ) -> None:
        self.name = name
        self.field = partition_key.removeprefix("/")
        self.default_ttl = default_ttl
        self.now = now
        self.random = random
        self.oldest: Callable[[], bool] | None = None
        """Decides whether a reading comes from the replica that lags most."""
        self.lagging = 0.0
        """With this probability a reading comes from a replica that lags."""
        self.physicals = [Physical(0, Range(0, EPK_MAX))]
        self.history: dict[Key, dict[str, list[Version]]] = {}
        self.on_commit: list[Callable[[Key, Sequence[tuple[Operation, Version | None]]], None]] = []
        self._etags = 0
        self._numbers = 0

    # Reading.

    def read(self, key: Key, document_id: str, session: str | None) -> tuple[Document | None, str]:
        """(the document or None, the session token of the reading)."""
        physical = self.physical_of(key)
        lsn = self._replica(physical, session)
        version = self._at(key, document_id, lsn)
        return None if version is None else self._shown(version), _token(physical, lsn)

    def all(
        self,
        key: Key | None,
        session: str | None = None,
        named: Callable[[str], bool] = lambda _: True,
    ) -> tuple[list[Document], str]:
        """What exists under a partition key value, or anywhere, as one replica shows it."""
        keys = list(self.history) if key is None else [key]
        found: list[Document] = []
        physical = self.physicals[0]
        lsn = physical.lsn
        for one in keys:
            physical = self.physical_of(one)
            lsn = self._replica(physical, session)
            for document_id in self.history.get(one, ()):
                version = self._at(one, document_id, lsn) if named(document_id) else None
                if version is not None:
                    found.append(self._shown(version))
        return found, _token(physical, lsn)

    def latest(self) -> Iterator[tuple[Key, Document]]:
        """Every document that exists, as written last."""
        for key, documents in self.history.items():
            for document_id in documents:
                version = self._at(key, document_id, 1 << 60)
                if version is not None:
                    yield key, self._shown(version)

    def feed(
        self, covers: Range, key: Key | None, position: int, count: int
    ) -> tuple[list[Document], int, Physical]:
        """(about `count` documents last written after a position, the position after them, their
        physical partition). Latest versions only, in LSN order; what one transaction wrote stays
        together."""
        physical = self.physical_of(key) if key is not None else self.physical_at(covers.start)
        lsn = self._replica(physical, None)
        keys = [key] if key is not None else list(self.history)
        changed = [
            version
            for one in keys
            if one is not None and covers.start <= hashed(one) < covers.end
            for document_id in self.history.get(one, ())
            if (version := self._at(one, document_id, lsn)) is not None and version.lsn > position
        ]
        changed.sort(key=lambda version: version.lsn)
        page = changed[:count]
        while len(page) < len(changed) and changed[len(page)].lsn == page[-1].lsn:
            page.append(changed[len(page)])
        after = page[-1].lsn if page else max(position, lsn if not changed else position)
        return [{**self._shown(one), "_lsn": one.lsn} for one in page], after, physical

    def physical_of(self, key: Key) -> Physical:
        return self.physical_at(hashed(key))

    def physical_at(self, place: int) -> Physical:
        for physical in self.physicals:
            if physical.covers.start <= place < physical.covers.end:
                return physical
        raise AssertionError(place)

    # Writing.

    def write(self, key: Key, operations: Sequence[Operation]) -> list[str | None]:
        """Apply all or nothing; the new ETags. Raises Status."""
        physical = self.physical_of(key)
        documents = self.history.setdefault(key, {})
        if len(operations) > BATCH_OPERATIONS_MAX:
            raise Status(400)
        now = self.now()
        lsn = physical.lsn + 1
        place = hashed(key)
        written: list[tuple[Operation, Version | None]] = []
        size = 0
        new: dict[str, Version] = {}
        for index, operation in enumerate(operations):
            name = operation.document_id
            known = new.get(name) or self._at(key, name, physical.lsn)
            if known is not None and known.body is None:
                known = None
            _check(operation, known, index)
            body = None
            expires_at = float("inf")
            if operation.body is not None:
                if set(name) & set("/\\?#") or not name or len(name.encode()) > 1_023:
                    raise Status(400, index)
                body = _ENCODE(operation.body)
                size += len(body)
                if len(body) > ITEM_BYTES_MAX:
                    raise Status(413, index)
                expires_at = self._expires_at(operation.body, now)
            self._etags += 1
            new[name] = Version(
                lsn, int(now), f'"{self.name}-{self._etags}"', body, expires_at, place
            )
            written.append((operation, known))
        if size > BATCH_BYTES_MAX:
            raise Status(413)
        physical.lsn = lsn
        physical.written_at.append((lsn, now))
        del physical.written_at[:-200]
        for name, version in new.items():
            documents.setdefault(name, []).append(version)
        for hook in self.on_commit:
            hook(key, written)
        return [None if one.body is None else new[one.document_id].etag for one in operations]

    def key_of(self, body: Document) -> Key:
        """The partition key value of a document."""
        return key_of(body.get(self.field, msgspec.UNSET))

    # What happens to a partition.

    def split(self, physical: Physical) -> None:
        """Two in the place of one; both go on from its LSN."""
        start, end = physical.covers
        if end - start < 2:
            return
        middle = (start + end) // 2
        self.physicals.remove(physical)
        for covers in (Range(start, middle), Range(middle, end)):
            self._numbers += 1
            self.physicals.append(
                Physical(self._numbers, covers, physical.lsn, list(physical.written_at))
            )
        self.physicals.sort(key=lambda one: one.covers)

    def merge(self, place: int) -> None:
        """One in the place of two neighbours; LSNs no longer follow time."""
        if place + 1 >= len(self.physicals):
            return
        left, right = self.physicals[place : place + 2]
        self._numbers += 1
        latest = max((left, right), key=lambda one: one.lsn)
        self.physicals[place : place + 2] = [
            Physical(
                self._numbers,
                Range(left.covers.start, right.covers.end),
                latest.lsn,
                sorted({*left.written_at, *right.written_at})[-200:],
            )
        ]

    def fail_over(self, physical: Physical, lost: int) -> int:
        """Lose the last writes of a partition; LSNs are given again. How many were lost."""
        lsn = max(0, physical.lsn - lost)
        for key, documents in self.history.items():
            if not physical.covers.start <= hashed(key) < physical.covers.end:
                continue
            for name in list(documents):
                documents[name] = [one for one in documents[name] if one.lsn <= lsn]
                if not documents[name]:
                    del documents[name]
        lost = physical.lsn - lsn
        physical.lsn = lsn
        physical.written_at = [one for one in physical.written_at if one[0] <= lsn]
        return lost

    def _at(self, key: Key, document_id: str, lsn: int) -> Version | None:
        for version in reversed(self.history.get(key, {}).get(document_id, ())):
            if version.lsn <= lsn:
                if version.body is None or version.expires_at <= self.now():
                    return None
                return version
        return None

    def _replica(self, physical: Physical, session: str | None) -> int:
        """Up to which LSN a reading sees."""
        if self.oldest is not None:
            return self._least(physical, session) if self.oldest() else physical.lsn
        if not self.lagging or self.random.random() >= self.lagging:
            return physical.lsn
        return self.random.randint(self._least(physical, session), physical.lsn)

    def _least(self, physical: Physical, session: str | None) -> int:
        """The oldest LSN that a reading within this session may show now."""
        everywhere = self.now() - LAG_SECONDS_MAX
        least = max((lsn for lsn, at in physical.written_at if at <= everywhere), default=0)
        if session is not None:
            least = max(least, lsn_of(session))
        return min(least, physical.lsn)

    def _expires_at(self, body: Document, now: float) -> float:
        if self.default_ttl == 0:
            return float("inf")
        own = body.get("ttl")
        ttl = own if isinstance(own, int) and not isinstance(own, bool) else self.default_ttl
        return float("inf") if ttl <= 0 else int(now) + ttl

    def _shown(self, version: Version) -> Document:
        assert version.body is not None
        document: Document = _DECODE(version.body)
        document["_etag"] = version.etag
        document["_ts"] = version.ts
        document["_rid"] = self.name
        return document


def _check(operation: Operation, known: Version | None, index: int) -> None:
    if operation.kind == "create":
        if known is not None:
            raise Status(409, index)
    elif operation.kind != "upsert" and known is None:
        raise Status(404, index)
    elif operation.etag is not None and known is not None and known.etag != operation.etag:
        raise Status(412, index)


def key_of(value: Any) -> Key:
    """The name of a partition key value; UNSET for none."""
    return "" if value is msgspec.UNSET else _ENCODE(value).decode()


def hashed(key: Key) -> int:
    """Where a partition key value lies among physical partitions."""
    return zlib.crc32(key.encode()) & (EPK_MAX - 1)


def range_text(covers: Range) -> tuple[str, str]:
    """As feed ranges are written."""
    end = MAXIMUM if covers.end == EPK_MAX else f"{covers.end:04X}"
    return (MINIMUM if covers.start == 0 else f"{covers.start:04X}"), end


def range_of(minimum: str, maximum: str) -> Range:
    """The range that a text names."""
    return Range(int(minimum or "0", 16), EPK_MAX if maximum == MAXIMUM else int(maximum, 16))


def lsn_of(session: str) -> int:
    """The LSN of a session token."""
    return int(session.split("#")[1])


def _token(physical: Physical, lsn: int) -> str:
    return f"{physical.number}:-1#{lsn}"
