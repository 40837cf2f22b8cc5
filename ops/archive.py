"""`archive`: copy aged documents to Blob storage now, say how far that is, bring copies back."""

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ops import connection, restore, trailing
from ops.lines import SOURCES
from ops.output import print_json
from processors.archive import change_of, copy_of
from processors.trailing import Document, Handle, TrailingReader
from settings import ConfigurationError


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "archive",
        help="archive aged documents to Blob storage, or restore them",
        description="Runs the archive reader once, as its timer does every hour: each document that"
        " nobody has written for its source's days (ARCHIVE_AFTER_DAYS_…) becomes a blob, unless"
        " that version is one already. The Blob account is that of BLOB (a connection string) or"
        " BLOB__serviceUri (an identity). Exit code 1 when something could not be archived or is at"
        " risk.",
    )
    parser.add_argument(
        "--status", action="store_true", help="only say how far the archive has come"
    )
    parser.add_argument("--source", choices=sorted(SOURCES), help="only this source")
    parser.add_argument("--dry-run", action="store_true", help="only count what would be archived")
    parser.add_argument("--json", action="store_true", help="print JSON")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)
    restore.add_parser(parser.add_subparsers(metavar="restore"))


def run(options: argparse.Namespace) -> int:
    """Archive once, or show where the archive stands."""
    writes = not (options.status or options.dry_run)
    readers = [
        reader
        for reader in trailing.worker(options, writes=writes).archives
        if options.source in (None, reader.container)
    ]
    if not readers:
        raise ConfigurationError(
            "no Blob storage is configured: set BLOB__serviceUri for a managed identity, or BLOB "
            "to a connection string for local work"
        )
    if options.status:
        rows = trailing.status(readers, int(time.time()))
        (print_json if options.json else trailing.print_status)(rows)
        return 1 if any(row["days_at_risk"] or row["expired_unread"] for row in rows) else 0
    if options.dry_run:
        for reader in readers:
            _write_nothing(reader)
    readings = trailing.read_all(readers)
    if options.json:
        print_json([trailing.reading_json(one) for one in readings])
    else:
        trailing.print_readings(readings)
    return 1 if any(one.failures or one.risks for one in readings) else 0


def _write_nothing(reader: TrailingReader) -> None:
    """Read on as usual, and leave cursors and blobs as they are."""
    reader.state = trailing.Unwritten(reader.state)
    reader.handle = _counting(reader.container)


def _counting(container: str) -> Handle:
    source = SOURCES[container]

    def handle(documents: Sequence[Document]) -> Counter[str]:
        done = Counter({"would_archive": 0, "skipped_deleted": 0, "bytes": 0})
        for document in documents:
            change = change_of(source, document)
            if change.deleted:
                done["skipped_deleted"] += 1
            else:
                done["would_archive"] += 1
                done["bytes"] += len(copy_of(source, change, document).compressed)
        return done

    return handle
