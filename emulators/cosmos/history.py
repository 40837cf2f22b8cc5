"""Earlier versions of documents, so that reads can lag as a replica's do.

With a lag of N, a read sees its partition as it was N writes ago, but never older than the session
token it carries: exactly what Session consistency promises, at its worst. Writes and the change
feed do not lag.

Guarantee: what a lagging read sees was once the state; nothing of a batch shows without the rest.
"""

import random
import sqlite3

from emulators.cosmos.catalogue import Catalogue, Container
from emulators.cosmos.partition_keys import Key
from emulators.cosmos.partitions import Partition
from emulators.cosmos.storage import Storage

LAG_LSNS_MAX = 10_000

# Temporary: a lag is a matter of one run, and must not slow down or outlive anything else.
_SCHEMA = """
CREATE TEMP TABLE versions (
  container INTEGER, partition INTEGER, until INTEGER,
  key BLOB, id TEXT, number INTEGER, etag TEXT, ts INTEGER, lsn INTEGER,
  body BLOB, expires INTEGER, epk TEXT
);
CREATE INDEX temp.versions_by_key ON versions (container, key, id);
CREATE INDEX temp.versions_by_end ON versions (container, partition, until);
"""
_KEEP = (
    "INSERT INTO versions SELECT container, partition, ?, key, id, number, etag, ts, lsn, body,"
    " expires, epk FROM items WHERE number = ?"
)
_FIND = (
    "SELECT number, etag, ts, lsn, body, expires FROM versions"
    " WHERE container = ? AND key = ? AND id = ? AND lsn <= ? AND until > ?"
)
_PRUNE = "DELETE FROM versions WHERE container = ? AND partition = ? AND until <= ?"


class History:
    """Off until `set` asks for a lag."""

    def __init__(self, storage: Storage, seed: int) -> None:
        self.lsns = 0
        self.probability = 1.0
        self._connection = storage.connection
        self._connection.executescript("PRAGMA temp_store = MEMORY;" + _SCHEMA)
        self._dice = random.Random(f"{seed}:lag")
        self._floors: dict[tuple[int, int], int] = {}

    def set(self, lsns: int, probability: float, catalogue: Catalogue) -> None:
        """Reads lag by `lsns` with this probability; 0 ends it. Starts from the present state."""
        if not 0 <= lsns <= LAG_LSNS_MAX:
            raise ValueError(f"A lag lies between 0 and {LAG_LSNS_MAX} LSNs.")
        if not 0 <= probability <= 1:
            raise ValueError("A lag's probability lies between 0 and 1.")
        self.lsns = lsns
        self.probability = probability
        self.restart(catalogue)

    def restart(self, catalogue: Catalogue) -> None:
        """Forgets what was kept: needed where partitions change, as in a split."""
        self._connection.execute("DELETE FROM versions")
        self._floors = {
            (container.number, partition.number): partition.lsn
            for database in catalogue.databases.values()
            for container in database.containers.values()
            for partition in container.partitions.live
        }

    def keep(self, number: int, until_lsn: int) -> None:
        """Remembers a row that the write with this LSN is about to replace or delete."""
        if self.lsns:
            self._connection.execute(_KEEP, (until_lsn, number))

    def prune(self, container: Container, partition: Partition, lsn: int) -> None:
        """Drops what no read can ask for once `lsn` is the latest."""
        if self.lsns:
            self._connection.execute(_PRUNE, (container.number, partition.number, lsn - self.lsns))

    def horizon(
        self, container: Container, partition: Partition, session_token: str | None
    ) -> int | None:
        """The latest LSN this read sees; None if it sees everything."""
        if not self.lsns or self._dice.random() >= self.probability:
            return None
        floor = self._floors.get((container.number, partition.number), 0)
        seen = max(floor, partition.lsn - self.lsns, _session_lsn(session_token, partition))
        return None if seen >= partition.lsn else seen

    def find(
        self, container: Container, key: Key, item_id: str, horizon: int
    ) -> sqlite3.Row | None:
        """The row that was current at `horizon` and is not any more."""
        row: sqlite3.Row | None = self._connection.execute(
            _FIND, (container.number, key, item_id, horizon, horizon)
        ).fetchone()
        return row


def _session_lsn(token: str | None, partition: Partition) -> int:
    """The LSN a session token names for a partition or one of its parents; 0 if none."""
    if not token:
        return 0
    ours = {partition.id, *map(str, partition.parents)}
    found = 0
    for part in token.split(","):
        range_id, _, vector = part.partition(":")
        lsn = vector.split("#")[1] if vector.count("#") else vector
        if range_id in ours and lsn.isdigit():
            found = max(found, int(lsn))
    return found
