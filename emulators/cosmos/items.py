"""Reading and writing single documents inside one transaction.

Guarantee: everything written through one `Writes` carries the same LSN and time, and becomes
visible together or not at all.
"""

import sqlite3

import msgspec

from emulators.cosmos import charges, documents
from emulators.cosmos.catalogue import Container
from emulators.cosmos.documents import Incoming
from emulators.cosmos.errors import Refused
from emulators.cosmos.history import History
from emulators.cosmos.partition_keys import Key, effective
from emulators.cosmos.partitions import Partition

_SELECT = (
    "SELECT number, etag, ts, lsn, body, expires FROM items"
    " WHERE container = ? AND key = ? AND id = ?"
)
_INSERT = (
    "INSERT INTO items"
    " (container, key, id, partition, epk, lsn, ts, ttl, expires, etag, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE = (
    "UPDATE items SET lsn = ?, ts = ?, ttl = ?, expires = ?, etag = ?, body = ? WHERE number = ?"
)
_DELETE = "DELETE FROM items WHERE number = ?"


class Stored(msgspec.Struct, frozen=True):
    """A live row."""

    number: int
    etag: str
    ts: int
    lsn: int
    body: bytes


class Conditions(msgspec.Struct, frozen=True):
    """The preconditions a request carries, as the client wrote them."""

    if_match: str | None = None
    if_none_match: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What one operation did. `document` is empty where nothing is returned."""

    status: int
    charge: float
    etag: str | None = None
    document: bytes = b""


class Reading(msgspec.Struct, frozen=True):
    """Whose state a read sees: all of it, or that of an earlier LSN."""

    connection: sqlite3.Connection
    history: History
    now: float
    horizon: int | None = None


def read(
    reading: Reading, container: Container, key: Key, item_id: str, conditions: Conditions
) -> Outcome:
    """200, 304 or Refused(404)."""
    stored = _find(reading, container, key, item_id)
    if stored is None:
        raise missing(item_id)
    if conditions.if_none_match in ("*", f'"{stored.etag}"'):
        return Outcome(304, charges.NOT_MODIFIED, stored.etag)
    document = documents.outgoing(container, stored.body, stored.number, stored.etag, stored.ts)
    return Outcome(200, charges.read(len(stored.body)), stored.etag, document)


def _find(reading: Reading, container: Container, key: Key, item_id: str) -> Stored | None:
    """The live document, or None if it is absent or expired."""
    row = reading.connection.execute(_SELECT, (container.number, key, item_id)).fetchone()
    horizon = reading.horizon
    if horizon is not None and (row is None or row[3] > horizon):
        row = reading.history.find(container, key, item_id, horizon)
    if row is None or row[5] <= reading.now:
        return None
    return Stored(*row[:5])


def missing(item_id: str) -> Refused:
    return Refused(404, f"There is no document {item_id!r} under this partition key.")


class Writes:
    """The writes of one request to one logical partition.

    `commit_lsn` must run inside the same transaction, after the last write.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        history: History,
        container: Container,
        key: Key,
        now: float,
    ) -> None:
        self._connection = connection
        self._history = history
        self._container = container
        self._key = key
        self._epk = effective(key)
        self._now = now
        self._ts = int(now)
        self.partition: Partition = container.partitions.owning(self._epk)
        self.lsn = self.partition.lsn + 1
        self._written = 0

    @property
    def changed(self) -> bool:
        return self._written > 0

    def create(self, incoming: Incoming) -> Outcome:
        documents.check_key(incoming, self._key)
        try:
            # The unique index finds a conflict for the price of the insert.
            return self._insert(incoming)
        except sqlite3.IntegrityError:
            if self._find(incoming.id) is not None:
                raise Refused(409, f"The document {incoming.id!r} exists already.") from None
        # What was in the way had expired, and is gone now.
        return self._insert(incoming)

    def upsert(self, incoming: Incoming, conditions: Conditions) -> Outcome:
        documents.check_key(incoming, self._key)
        stored = self._find(incoming.id)
        if stored is None:
            # As in the service: without a document an upsert is a create, whatever If-Match says.
            return self._insert(incoming)
        _check(stored, conditions, incoming.id)
        return self._replace(stored, incoming)

    def replace(self, item_id: str, incoming: Incoming, conditions: Conditions) -> Outcome:
        documents.check_key(incoming, self._key)
        if incoming.id != item_id:
            raise Refused(400, "The id in the document does not match the one in the request.")
        stored = self._find(item_id)
        if stored is None:
            raise missing(item_id)
        _check(stored, conditions, item_id)
        return self._replace(stored, incoming)

    def delete(self, item_id: str, conditions: Conditions) -> Outcome:
        stored = self._find(item_id)
        if stored is None:
            raise missing(item_id)
        _check(stored, conditions, item_id)
        self._history.keep(stored.number, self.lsn)
        self._connection.execute(_DELETE, (stored.number,))
        self._written += 1
        indexing = self._container.definition.indexing
        paths = 0
        if indexing.everything or indexing.included:
            paths = indexing.paths_indexed(msgspec.json.decode(stored.body))
        return Outcome(204, charges.delete(len(stored.body), paths))

    def read(self, item_id: str) -> Outcome:
        reading = Reading(self._connection, self._history, self._now)
        return read(reading, self._container, self._key, item_id, Conditions())

    def commit_lsn(self) -> None:
        """Makes the LSN the partition's latest, if anything was written."""
        if self.changed:
            self._connection.execute(
                "UPDATE partitions SET lsn = ? WHERE container = ? AND number = ?",
                (self.lsn, self._container.number, self.partition.number),
            )
            self._history.prune(self._container, self.partition, self.lsn)

    def _find(self, item_id: str) -> Stored | None:
        row = self._connection.execute(
            _SELECT, (self._container.number, self._key, item_id)
        ).fetchone()
        if row is None:
            return None
        if row[5] <= self._now:
            self._connection.execute(_DELETE, (row[0],))
            return None
        return Stored(*row[:5])

    def _etag(self) -> str:
        """Unique for the life of the container: LSNs do not repeat within a partition number."""
        self._written += 1
        return (
            f"{self._container.number:08x}-{self.partition.number:04x}"
            f"-{self._written:04x}-0000-{self.lsn:012x}"
        )

    def _insert(self, incoming: Incoming) -> Outcome:
        etag = self._etag()
        default = self._container.definition.default_ttl
        cursor = self._connection.execute(
            _INSERT,
            (
                self._container.number,
                self._key,
                incoming.id,
                self.partition.number,
                self._epk,
                self.lsn,
                self._ts,
                incoming.ttl,
                documents.expiry(incoming.ttl, self._ts, default),
                etag,
                incoming.body,
            ),
        )
        number = cursor.lastrowid or 0
        charge = charges.insert(len(incoming.body), incoming.paths_indexed)
        return Outcome(201, charge, etag, self._outgoing(incoming, number, etag))

    def _replace(self, stored: Stored, incoming: Incoming) -> Outcome:
        etag = self._etag()
        default = self._container.definition.default_ttl
        self._history.keep(stored.number, self.lsn)
        self._connection.execute(
            _UPDATE,
            (
                self.lsn,
                self._ts,
                incoming.ttl,
                documents.expiry(incoming.ttl, self._ts, default),
                etag,
                incoming.body,
                stored.number,
            ),
        )
        charge = charges.replace(len(incoming.body), incoming.paths_indexed)
        return Outcome(200, charge, etag, self._outgoing(incoming, stored.number, etag))

    def _outgoing(self, incoming: Incoming, number: int, etag: str) -> bytes:
        return documents.outgoing(self._container, incoming.body, number, etag, self._ts)


def _check(stored: Stored, conditions: Conditions, item_id: str) -> None:
    if conditions.if_match is not None and conditions.if_match not in ("*", f'"{stored.etag}"'):
        raise _changed(item_id)
    if conditions.if_none_match in ("*", f'"{stored.etag}"'):
        raise Refused(412, f"The document {item_id!r} exists in the version to be avoided.")


def _changed(item_id: str) -> Refused:
    return Refused(412, f"The document {item_id!r} changed since the version in If-Match.")
