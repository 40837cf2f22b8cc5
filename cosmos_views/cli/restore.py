"""`archive restore`: bring an owner's archived documents back, as a file or into their sources."""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from cosmos_views.cli import connection, trailing
from cosmos_views.cli.connection import Account
from cosmos_views.cli.decisions import Ledger
from cosmos_views.cli.lines import Line, Problem, as_line
from cosmos_views.cli.output import cell, console, print_json
from cosmos_views.cli.owners import add_owner
from cosmos_views.cli.writing import Writer
from cosmos_views.ledger.copies import CopyFailed
from cosmos_views.ledger.labels import digest
from cosmos_views.ledger.owners import owner_key
from cosmos_views.pack import Pack
from cosmos_views.settings import ConfigurationError
from cosmos_views.store import archive
from cosmos_views.store.archive import ArchiveStore, Damaged
from cosmos_views.store.erased import ErasedOwners
from cosmos_views.store.failures import Refused
from cosmos_views.store.sources import SourceStore
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.archive.copies import Place, as_json, path_of, places_of, restored

CHUNK_DOCUMENTS = 500


@dataclass
class Restored:
    """What a restore did."""

    documents: int = 0
    """Found in the archive."""
    written: int = 0
    """Put back into their sources, or into the file."""
    present: int = 0
    """Still in their source, which is left as it is."""
    counted: int = 0
    """Not put back, because the ledger no longer knows them and their views count them for ever."""
    problems: list[str] = field(default_factory=list)


def add_parser(commands: Any, pack: Pack) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "restore",
        help="bring an owner's archived documents back",
        description="Finds the newest archived version of each document of an owner whose event"
        " lies in the period, and writes it as a JSON line without system"
        " properties; or, with --replay, into its source container, from where the"
        " worker takes it as any change. A document that is still in its source is"
        " left as it is. One that expired so long ago that the ledger has forgotten"
        " it is not replayed, because its views still count it: --recount does so"
        " on state that never counted it. Exit code 1 when something could not be"
        " restored.",
    )
    add_owner(parser, pack, required=True)
    parser.add_argument(
        "--from", dest="first", required=True, type=_day, metavar="DAY", help="such as 2026-03-01"
    )
    parser.add_argument(
        "--to", dest="last", required=True, type=_day, metavar="DAY", help="the last day, included"
    )
    parser.add_argument("--only", choices=sorted(pack.facts), help="only documents of this source")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--out", type=_file, metavar="FILE", help="default: standard output")
    target.add_argument("--replay", action="store_true", help="into the source containers")
    parser.add_argument(
        "--recount", action="store_true", help="with --replay: also what the ledger has forgotten"
    )
    parser.add_argument("--dry-run", action="store_true", help="only count what would be restored")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Restore, and say what was restored."""
    if options.first > options.last:
        raise ConfigurationError(f"--from {options.first} lies after --to {options.last}")
    writes = options.replay and not options.dry_run
    client, configured = trailing.connected(options, writes=writes)
    if configured.blob is None:
        raise ConfigurationError("no Blob storage is configured: set BLOB__serviceUri, or BLOB")
    state = client.get_database_client(configured.database).get_container_client("state")
    erased, _ = ErasedOwners(StateStore(state)).read(owner_key(options.owner))
    if erased is not None:
        when = erased.erased_at[:10] or "a day that is not known"
        raise Refused(f"the owner was erased on {when}: nothing is restored")
    done = Restored()
    with archive.connect(configured.blob) as service:
        store = ArchiveStore(service)
        chosen = places(store, options.owner, options.first, options.last, options.only)
        found = _documents(store, chosen, done)
        if options.dry_run:
            done.documents = len(chosen)
        elif options.replay:
            target = Account(client, client.get_database_client(configured.database), options.pack)
            _replay(target, found, done, recount=options.recount)
        elif options.out is None:
            _write_lines(sys.stdout, found, done)
        else:
            _write_file(options.out, found, done)
    _report(done, options)
    return 1 if done.problems else 0


def places(
    store: ArchiveStore, owner: str, first: date, last: date, source: str | None
) -> list[Place]:
    """Where the newest version of each of the owner's documents is, if its day lies in the period;
    in the order of their days."""
    copies: dict[tuple[str, str, str], list[Place]] = defaultdict(list)
    for place in places_of(store.paths_of_owner(owner_key(owner))):
        if source in (None, place.source):
            copies[place.source, place.owner, place.document].append(place)
    newest = [
        # A correction that moved the event to another day left its older copy there.
        each[0] if len(each) == 1 else max(each, key=lambda place: _written_at(store, place))
        for each in copies.values()
    ]
    return sorted(
        (place for place in newest if first <= place.day <= last),
        key=lambda place: (place.day, place),
    )


def _written_at(store: ArchiveStore, place: Place) -> tuple[int, int]:
    version = store.version_of(path_of(place))
    return (0, 0) if version is None else (version.ts or 0, version.lsn or 0)


def _documents(
    store: ArchiveStore, chosen: list[Place], done: Restored
) -> Iterator[tuple[Place, dict[str, Any]]]:
    for place in chosen:
        try:
            content = store.read(path_of(place))
        except Damaged as damaged:
            done.problems.append(str(damaged))
            continue
        except CopyFailed as failure:
            done.problems.append(f"{failure.path}: {failure}")
            continue
        done.documents += 1
        yield place, restored(content)


def _write_file(path: Path, found: Iterator[tuple[Place, dict[str, Any]]], done: Restored) -> None:
    """All or nothing: the file appears when it is complete."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            _write_lines(file, found, done)
        unfinished.replace(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _write_lines(
    out: TextIO, found: Iterator[tuple[Place, dict[str, Any]]], done: Restored
) -> None:
    for _, document in found:
        out.write(as_json(document).decode() + "\n")
        done.written += 1


def _replay(
    target: Account,
    found: Iterator[tuple[Place, dict[str, Any]]],
    done: Restored,
    *,
    recount: bool,
) -> None:
    ledger, sources = Ledger(target), SourceStore(target.database)
    writer = Writer(target.database, archive.CONCURRENCY)
    try:
        lines: list[Line] = []
        for place, document in found:
            lines.append(as_line(path_of(place), document, target.pack.source(place.source)))
            if len(lines) == CHUNK_DOCUMENTS:
                _replay_some(ledger, sources, writer, lines, done, recount=recount)
                lines = []
        _replay_some(ledger, sources, writer, lines, done, recount=recount)
    finally:
        writer.close()


def _replay_some(
    ledger: Ledger,
    sources: SourceStore,
    writer: Writer,
    lines: list[Line],
    done: Restored,
    *,
    recount: bool,
) -> None:
    known = ledger.entries(line.change for line in lines)
    wanted = []
    for line in lines:
        change = line.change
        if sources.read(line.source, change.document_id, change.key) is not None:
            done.present += 1
        elif not recount and change.entry_id not in known:
            done.counted += 1
        else:
            wanted.append(line)
    for result in writer.write(wanted):
        if isinstance(result, Problem):
            done.problems.append(f"{result.place}: {result.reason}")
        else:
            done.written += 1


def _report(done: Restored, options: argparse.Namespace) -> None:
    for problem in done.problems:
        print(problem, file=sys.stderr)
    summary = {
        "owner": digest(options.owner),
        "documents": done.documents,
        "written": done.written,
        "present": done.present,
        "forgotten_by_the_ledger": done.counted,
        "problems": len(done.problems),
    }
    to_standard_output = not (options.out or options.replay or options.dry_run)
    if to_standard_output:
        print(f"{cell(done.written)} documents.", file=sys.stderr)
    elif options.json:
        print_json(summary)
    else:
        for name, value in summary.items():
            console().print(f"{name.replace('_', ' '):<26}{cell(value)}")


def _file(text: str) -> Path:
    path = Path(text)
    if not path.name or path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no file that could be written")
    return path


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-03-01") from None
