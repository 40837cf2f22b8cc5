"""`archive`: copy aged documents to Blob storage now, say how far that is, bring copies back."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from cosmos_views.cli import connection, restore, trailing
from cosmos_views.cli.output import print_json
from cosmos_views.ledger.feeds import Document
from cosmos_views.pack import Pack
from cosmos_views.settings import ConfigurationError
from cosmos_views.source import Source
from cosmos_views.upkeep.archive.copies import ALARMING, Archiving, change_of, copy_of
from cosmos_views.upkeep.trailing import Handle, TrailingReader, Unwritten


def add_parser(commands: Any, pack: Pack) -> None:
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
    parser.add_argument("--source", choices=sorted(pack.facts), help="only this source")
    parser.add_argument("--dry-run", action="store_true", help="only count what would be archived")
    parser.add_argument("--json", action="store_true", help="print JSON")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)
    restore.add_parser(parser.add_subparsers(metavar="restore"), pack)


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
        refused = [line for reader in readers for line in _refused(reader)]
        for line in refused:
            print(line, file=sys.stderr)
        at_risk = any(row["days_at_risk"] or row["expired_unread"] for row in rows)
        return 1 if refused or at_risk else 0
    if options.dry_run:
        for reader in readers:
            _write_nothing(reader)
    readings = trailing.read_all(readers)
    if options.json:
        print_json([trailing.reading_json(one) for one in readings])
    else:
        trailing.print_readings(readings)
    refuses = any(one.done[name] for one in readings for name in ALARMING)
    if refuses:
        print("Copies are refused; `archive --status` names them.", file=sys.stderr)
    return 1 if refuses or any(one.failures or one.risks for one in readings) else 0


def _refused(reader: TrailingReader) -> Iterator[str]:
    """A sentence for each copy that is refused; the blob's name is computed from the document."""
    archiving = reader.handle
    assert isinstance(archiving, Archiving)
    assert archiving.refused is not None
    for note, document in archiving.refused.standing():
        ends = trailing.moment(note.ts + reader.ttl_seconds) if reader.ttl_seconds > 0 else "never"
        if document is None:
            named = "a document that is gone, or was written anew"
        else:
            change = change_of(archiving.source, document)
            named = copy_of(archiving.source, change, document).path
        yield f"{reader.container}: refused is {named}; its document expires {ends}."


def _write_nothing(reader: TrailingReader) -> None:
    """Read on as usual, and leave cursors and blobs as they are."""
    reader.state = Unwritten(reader.state)
    archiving = reader.handle
    assert isinstance(archiving, Archiving)
    reader.handle = _counting(archiving.source)
    reader.again = lambda _now, _ttl: Counter()


def _counting(source: Source[Any]) -> Handle:
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
