"""The SQLite file or memory behind the endpoint: schema, connection, transactions.

Guarantee: what a transaction committed is there after a restart, also after `kill -9`; what it did
not commit never shows. One connection, one thread, one transaction per request.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulators.cosmos.errors import Refused

_LAYOUT = 1

# Larger than any expiry: "never" that compares like a number.
NEVER = 1 << 62

_SCHEMA = """
CREATE TABLE databases (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  ts INTEGER NOT NULL
);
CREATE TABLE containers (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  database INTEGER NOT NULL,
  id TEXT NOT NULL,
  definition BLOB NOT NULL,
  ts INTEGER NOT NULL,
  version INTEGER NOT NULL,
  UNIQUE (database, id)
);
CREATE TABLE partitions (
  container INTEGER NOT NULL,
  number INTEGER NOT NULL,
  minimum TEXT NOT NULL,
  maximum TEXT NOT NULL,
  parents TEXT NOT NULL,
  version INTEGER NOT NULL,
  lsn INTEGER NOT NULL,
  live INTEGER NOT NULL,
  PRIMARY KEY (container, number)
) WITHOUT ROWID;
CREATE TABLE items (
  number INTEGER PRIMARY KEY,
  container INTEGER NOT NULL,
  key BLOB NOT NULL,
  id TEXT NOT NULL,
  partition INTEGER NOT NULL,
  epk TEXT NOT NULL,
  lsn INTEGER NOT NULL,
  ts INTEGER NOT NULL,
  ttl INTEGER,
  expires INTEGER NOT NULL,
  etag TEXT NOT NULL,
  body BLOB NOT NULL
);
CREATE UNIQUE INDEX items_by_key ON items (container, key, id);
CREATE INDEX items_by_lsn ON items (container, partition, lsn);
"""


class Storage:
    """The one connection. `file` None keeps everything in memory."""

    def __init__(self, file: Path | None) -> None:
        name = ":memory:" if file is None else str(file)
        try:
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
            self.connection = sqlite3.connect(
                name, isolation_level=None, cached_statements=256, timeout=1
            )
            self._prepare(name)
        except (OSError, sqlite3.Error) as error:
            raise Refused(500, f"The file {name} cannot be used: {error}.") from None

    def _prepare(self, name: str) -> None:
        run = self.connection.execute
        run("PRAGMA journal_mode = WAL")
        # Survives a killed process; only a power cut may cost the last commits.
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA cache_size = -65536")
        # Two endpoints on one file would each hand out the same LSNs.
        run("PRAGMA locking_mode = EXCLUSIVE")
        layout = run("PRAGMA user_version").fetchone()[0]
        if layout == 0:
            self.connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_LAYOUT};")
            run("COMMIT")
        elif layout != _LAYOUT:
            raise Refused(500, f"The file {name} has layout {layout}; this code reads {_LAYOUT}.")
        run("BEGIN IMMEDIATE")
        run("COMMIT")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing: any exception rolls back."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def purge(self, now: float) -> int:
        """Removes expired items, which were invisible already. Returns how many."""
        with self.transaction() as connection:
            return connection.execute("DELETE FROM items WHERE expires <= ?", (now,)).rowcount

    def close(self) -> None:
        self.connection.close()
