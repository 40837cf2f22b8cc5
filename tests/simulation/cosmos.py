"""A model of Cosmos DB: partitions, ETags, atomic batches, change feed, TTL, LSNs, replicas.

Every version of every document is kept with the LSN that wrote it, so a replica that lags, a feed
read from a position and a failover that loses the last writes are all readings at an earlier LSN.
What the model leaves out: indexes, throughput, and queries beyond those the stores send.
"""

import zlib
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

import msgspec

from tests.generators.delivered import rid_of

Document = dict[str, Any]
Key = str
"""The JSON of a partition key value; empty where the document has none."""

LAG_SECONDS_MAX = 0.45
"""A write is on every replica after so long: shorter than the pause in which doubts are settled."""
FAIL_OVER_SECONDS_MAX = 15 * 60
"""A fail-over loses nothing older: the service's bound for every level weaker than Strong. The
audit stays further behind, also by a clock that is ahead."""
ITEM_BYTES_MAX = 2_000_000
BATCH_BYTES_MAX = 2_000_000
BATCH_OPERATIONS_MAX = 100
EPK_MAX = 0x10000
MINIMUM, MAXIMUM = "", "FF"
_FORBIDDEN = frozenset("\\?#")
"""`/` too is refused by SDKs; there are writers that get it in."""

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

    id: str
    lsn: int
    ts: int
    etag: str
    body: bytes | None
    expires_at: float


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


class Ids(NamedTuple):
    """The ids that a query asks for: some, or all from a start on and before an end."""

    names: frozenset[str] | None = None
    start: str = ""
    end: str = "\U0010ffff"

    def among(self, ordered: Sequence[str]) -> Sequence[str]:
        """Those of some ids in order that are asked for, in order."""
        if self.names is None:
            return ordered[bisect_left(ordered, self.start) : bisect_left(ordered, self.end)]
        found = (bisect_left(ordered, one) for one in sorted(self.names))
        return [ordered[at] for at in found if at < len(ordered) and ordered[at] in self.names]


EVERY_ID = Ids()


class Partition:
    """What was ever written under one partition key value."""

    def __init__(self, key: Key) -> None:
        self.place = hashed(key)
        self.versions: dict[str, list[Version]] = {}
        """By id, in the order they were written."""
        self.known: list[str] = []
        """All ids, in order."""
        self.alive: list[str] = []
        """Those whose last version is no deletion, in order."""
        self.lsn = 0
        """Of the last write."""

    def add(self, name: str, version: Version) -> None:
        """One more version."""
        versions = self.versions.get(name)
        if versions is None:
            versions = self.versions[name] = []
            insort(self.known, name)
        was = bool(versions) and versions[-1].body is not None
        versions.append(version)
        if was and version.body is None:
            del self.alive[bisect_left(self.alive, name)]
        elif not was and version.body is not None:
            insort(self.alive, name)
        self.lsn = version.lsn

    def forget(self, lsn: int) -> None:
        """Whatever was written later than this is lost."""
        versions = self.versions
        self.versions, self.known, self.alive, self.lsn = {}, [], [], 0
        for name, written in versions.items():
            for version in written:
                if version.lsn <= lsn:
                    self.add(name, version)
        self.lsn = lsn


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
        self.partitions: dict[Key, Partition] = {}
        self.on_commit: list[Callable[[Key, Sequence[tuple[Operation, Version | None]]], None]] = []
        self._etags = 0
        self._numbers = 0

    # Reading.

    def read(self, key: Key, document_id: str, session: str | None) -> tuple[Document | None, str]:
        """(the document or None, the session token of the reading)."""
        physical = self.physical_of(key)
        lsn = self._replica(physical, session)
        version = self._at(key, document_id, lsn)
        return None if version is None else self.shown(version), _token(physical, lsn)

    def all(
        self, key: Key | None, session: str | None = None, ids: Ids = EVERY_ID
    ) -> tuple[list[Document], str]:
        """What exists under a partition key value, or anywhere, as one replica shows it; of one
        partition key value in the order of ids."""
        keys = list(self.partitions) if key is None else [key]
        found: list[Document] = []
        physical = self.physicals[0]
        lsn = physical.lsn
        for one in keys:
            physical = self.physical_of(one)
            lsn = self._replica(physical, session)
            if (partition := self.partitions.get(one)) is not None:
                found += map(self.shown, self._versions(partition, lsn, ids))
        return found, _token(physical, lsn)

    def latest(self) -> Iterator[tuple[Key, Document]]:
        """Every document that exists, as written last."""
        for key, version in self.latest_versions():
            yield key, self.shown(version)

    def latest_versions(self) -> Iterator[tuple[Key, Version]]:
        """The same, as versions."""
        for key, partition in self.partitions.items():
            for version in self._versions(partition, partition.lsn, EVERY_ID):
                yield key, version

    def under(self, key: Key) -> list[Document]:
        """Every document that exists under a partition key value, as written last."""
        partition = self.partitions.get(key)
        if partition is None:
            return []
        return [self.shown(one) for one in self._versions(partition, partition.lsn, EVERY_ID)]

    def feed(
        self, covers: Range, key: Key | None, position: int, count: int
    ) -> tuple[list[Document], int, Physical]:
        """(about `count` documents last written after a position, the position after them, their
        physical partition). Latest versions only, in LSN order; what one transaction wrote stays
        together."""
        physical = self.physical_of(key) if key is not None else self.physical_at(covers.start)
        lsn = self._replica(physical, None)
        partitions = (
            list(self.partitions.values())
            if key is None
            else [self.partitions[key]]
            if key in self.partitions
            else []
        )
        changed = [
            version
            for one in partitions
            if one.lsn > position and covers.start <= one.place < covers.end
            for version in self._versions(one, lsn, EVERY_ID)
            if version.lsn > position
        ]
        changed.sort(key=lambda version: version.lsn)
        page = changed[:count]
        while len(page) < len(changed) and changed[len(page)].lsn == page[-1].lsn:
            page.append(changed[len(page)])
        after = page[-1].lsn if page else max(position, lsn if not changed else position)
        return [{**self.shown(one), "_lsn": one.lsn} for one in page], after, physical

    def physical_of(self, key: Key) -> Physical:
        return self.physical_at(hashed(key))

    def physical_at(self, place: int) -> Physical:
        if len(self.physicals) == 1:
            return self.physicals[0]
        for physical in self.physicals:
            if physical.covers.start <= place < physical.covers.end:
                return physical
        raise AssertionError(place)

    # Writing.

    def write(self, key: Key, operations: Sequence[Operation]) -> list[str | None]:
        """Apply all or nothing; the new ETags. Raises Status."""
        physical = self.physical_of(key)
        if len(operations) > BATCH_OPERATIONS_MAX:
            raise Status(400)
        now = self.now()
        lsn = physical.lsn + 1
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
                if not _FORBIDDEN.isdisjoint(name) or not name or len(name.encode()) > 1_023:
                    raise Status(400, index)
                body = _ENCODE(operation.body)
                size += len(body)
                if len(body) > ITEM_BYTES_MAX:
                    raise Status(413, index)
                expires_at = self._expires_at(operation.body, now)
            self._etags += 1
            etag = f'"{self.name}-{self._etags}"'
            new[name] = Version(name, lsn, int(now), etag, body, expires_at)
            written.append((operation, known))
        if size > BATCH_BYTES_MAX:
            raise Status(413)
        physical.lsn = lsn
        physical.written_at.append((lsn, now))
        del physical.written_at[:-200]
        partition = self.partitions.get(key)
        if partition is None:
            partition = self.partitions[key] = Partition(key)
        for name, version in new.items():
            partition.add(name, version)
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
        """Lose the last writes of a partition, none older than a region may be behind; LSNs are
        given again. How many were lost."""
        elsewhere = self.now() - FAIL_OVER_SECONDS_MAX
        kept = max((lsn for lsn, at in physical.written_at if at <= elsewhere), default=0)
        lsn = max(kept, physical.lsn - lost)
        for partition in self.partitions.values():
            if physical.covers.start <= partition.place < physical.covers.end:
                partition.forget(lsn)
        lost = physical.lsn - lsn
        physical.lsn = lsn
        physical.written_at = [one for one in physical.written_at if one[0] <= lsn]
        return lost

    def _at(self, key: Key, document_id: str, lsn: int) -> Version | None:
        partition = self.partitions.get(key)
        if partition is None:
            return None
        return _seen(partition.versions.get(document_id, ()), lsn, self.now())

    def _versions(self, partition: Partition, lsn: int, ids: Ids) -> list[Version]:
        """What a replica that has got to an LSN shows of a partition, in the order of ids."""
        # What is deleted can only be seen by who lags.
        names = ids.among(partition.alive if lsn >= partition.lsn else partition.known)
        now = self.now()
        found = (_seen(partition.versions[name], lsn, now) for name in names)
        return [one for one in found if one is not None]

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

    def shown(self, version: Version) -> Document:
        """A version as a reader gets it."""
        assert version.body is not None
        document: Document = _DECODE(version.body)
        document["_etag"] = version.etag
        document["_ts"] = version.ts
        document["_rid"] = rid_of(self.key_of(document), version.id)
        return document


def _seen(versions: Sequence[Version], lsn: int, now: float) -> Version | None:
    """The last of a document's versions up to an LSN, if it exists by then."""
    for version in reversed(versions):
        if version.lsn <= lsn:
            return None if version.body is None or version.expires_at <= now else version
    return None


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


@lru_cache(10_000)
def hashed(key: Key) -> int:
    """Where a partition key value lies among physical partitions."""
    return zlib.crc32(key.encode()) & (EPK_MAX - 1)


def range_text(covers: Range) -> tuple[str, str]:
    """As feed ranges are written; every text but the last is below `MAXIMUM`, as in the service,
    where no key is hashed beyond 3F….
    """
    end = MAXIMUM if covers.end == EPK_MAX else f"{covers.end:05X}"
    return (MINIMUM if covers.start == 0 else f"{covers.start:05X}"), end


def range_of(minimum: str, maximum: str) -> Range:
    """The range that a text names."""
    return Range(int(minimum or "0", 16), EPK_MAX if maximum == MAXIMUM else int(maximum, 16))


def lsn_of(session: str) -> int:
    """The LSN of a session token."""
    return int(session.split("#")[1])


def _token(physical: Physical, lsn: int) -> str:
    return f"{physical.number}:-1#{lsn}"
