"""`erase`: forget one owner everywhere, for ever, and say what was removed where."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from azure.cosmos import CosmosClient

from cosmos_views import worker as wiring
from cosmos_views.cli import connection, trailing
from cosmos_views.cli.numbers import not_negative, positive
from cosmos_views.cli.output import console, counts, print_json, table
from cosmos_views.cli.owners import add_owner
from cosmos_views.cli.reconcile import pace_of
from cosmos_views.ledger.instants import SECOND_US, iso
from cosmos_views.pack import Pack
from cosmos_views.settings import Settings
from cosmos_views.store import archive, metering
from cosmos_views.store.archive import ArchiveStore
from cosmos_views.store.erased import Erased, ErasedOwners
from cosmos_views.store.generation import GenerationStore
from cosmos_views.store.sources import SourceStore
from cosmos_views.store.state import StateStore
from cosmos_views.store.views import ViewStore
from cosmos_views.upkeep.erase.erasing import Erasure, Places, Waits
from cosmos_views.worker import SETTLE_SECONDS


class Receipt(msgspec.Struct):
    """What `erase` prints."""

    owner: str
    """The owner's key: a hash, never the id."""
    erased_at: str
    """When the owner's erasure first began; empty for an owner who was never erased."""
    finished_at: str
    """When everything was found to be gone; empty while it was not."""
    passes: int
    removed: dict[str, int]
    """By place, all erasures of this owner together."""
    removed_before: dict[str, int]
    """Of that, by earlier runs."""
    would_remove: dict[str, int] | None
    """Only in a dry run."""
    archive_looked_at: bool
    left_in_sources: dict[str, int]
    """Documents that are not the worker's to delete; they are ignored as long as they exist."""
    ends_by_ttl: dict[str, str] = {}  # msgspec copies the empty default
    """View → when the last document is gone that cannot be deleted, but expires (ISO 8601)."""
    request_charge: float = 0.0


def add_parser(commands: Any, pack: Pack) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "erase",
        help="forget an owner everywhere, for ever",
        description="Takes back what is counted of an owner, deletes the owner's state, dead"
        " letters, published documents and archived copies, and leaves a tombstone by which every"
        " later change of the owner is ignored. It passes over all places until one pass finds"
        " nothing; the last one begins after a pause. Interrupted anywhere, the same command"
        " goes on; on an owner who is erased it looks again and prints the receipt. The"
        " documents in the source containers are for whoever wrote them to delete. Exit code 1"
        " when it has to be run again.",
    )
    who = parser.add_mutually_exclusive_group(required=True)
    add_owner(who, pack)
    who.add_argument("--list", action="store_true", help="list who was erased, by hash")
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="look at the name of every archived copy, not only in the index of tags",
    )
    parser.add_argument(
        "--settle-seconds",
        type=not_negative,
        default=SETTLE_SECONDS,
        metavar="N",
        help="pause before the last pass (default: %(default)s, a little more than a batch takes)",
    )
    parser.add_argument(
        "--request-units-per-second",
        type=positive,
        default=400.0,
        metavar="N",
        help="upper bound of what it takes from the account, on average (default: %(default)s)",
    )
    parser.add_argument(
        "--no-archive", action="store_true", help="nothing is archived: do not look for copies"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed")
    connection.add_yes(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Erase, or say who was erased."""
    with metering.metered() as meter:
        writes = not (options.list or options.dry_run)
        client, configured = trailing.connected(options, writes=writes)
        if options.list:
            state = client.get_database_client(configured.database).get_container_client("state")
            return _list(ErasedOwners(StateStore(state)).all(), options)
        if writes and not connection.agreed(options, "Forget this owner everywhere, for ever?"):
            return 1
        pace = pace_of(meter, options.request_units_per_second)
        erasure = _erasure(options, client, configured, pace)
        try:
            receipt = _receipt(erasure, dry_run=options.dry_run)
        except Waits as waits:
            print(f"{str(waits).capitalize()}.", file=sys.stderr)
            return 1
        receipt.request_charge = round(meter.request_charge, 1)
    unlooked = configured.blob is None and not options.no_archive
    if unlooked:
        print(
            "No Blob storage is configured, so no archived copies were looked for: set"
            " BLOB__serviceUri, or BLOB, and run the command again; --no-archive says that nothing"
            " is archived.",
            file=sys.stderr,
        )
    for place, name, why in erasure.left:
        print(f"Left, of the {place.replace('_', ' ')}: {name}: {why}.", file=sys.stderr)
    if options.json:
        print_json(msgspec.to_builtins(receipt))
    else:
        _print(receipt)
    return 1 if unlooked or erasure.left else 0


def _erasure(
    options: argparse.Namespace,
    client: CosmosClient,
    configured: Settings,
    pace: Callable[[], None],
) -> Erasure:
    database = client.get_database_client(configured.database)
    state = database.get_container_client("state")
    # Views without the owner are wanted now, not at their own pace.
    at_once = replace(configured, publish_pace_seconds=0, log_level="CRITICAL")
    return Erasure(
        Places(
            worker=wiring.build(options.pack, client, at_once),
            state=StateStore(state),
            views=ViewStore(database),
            sources=SourceStore(database),
            generations=GenerationStore(state),
            archive=(
                None if configured.blob is None else ArchiveStore(archive.connect(configured.blob))
            ),
            thorough=options.thorough,
        ),
        options.owner,
        pace,
        _noted,
        options.settle_seconds,
    )


def _receipt(erasure: Erasure, *, dry_run: bool) -> Receipt:
    earlier = erasure.record()
    before = {} if earlier is None else earlier.receipt
    would_remove = erasure.look() if dry_run else None
    record = earlier if dry_run else erasure.run()
    return Receipt(
        owner=erasure.key,
        erased_at="" if record is None else record.erased_at,
        finished_at="" if record is None else record.finished_at,
        passes=0 if record is None else record.passes,
        removed={} if record is None else record.receipt,
        removed_before=before,
        would_remove=would_remove,
        archive_looked_at=erasure.places.archive is not None,
        left_in_sources=dict(erasure.left_in_sources()),
        ends_by_ttl={
            view: iso(ends_at * SECOND_US) for view, ends_at in erasure.ends_by_ttl.items()
        },
    )


def _print(receipt: Receipt) -> None:
    out = console()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if receipt.would_remove is not None:
        _print_places(receipt.would_remove, "Would be removed", "nothing is known of this owner")
    if receipt.erased_at:
        _print_places(receipt.removed, "Removed", "nothing was known of this owner")
        if receipt.removed_before == receipt.removed and receipt.removed:
            out.print("nothing more was found this time")
        out.print(
            f"{receipt.owner}; erased {receipt.erased_at}; "
            f"complete {receipt.finished_at or 'not yet'}; {receipt.passes} passes"
        )
    left = {source: number for source, number in receipt.left_in_sources.items() if number}
    if left:
        out.print(f"left in the sources, for their owner to delete: {counts(left)}")
    for view, ends_at in receipt.ends_by_ttl.items():
        out.print(f"{view} has documents that nobody can delete; the last expires {ends_at}")
    out.print(f"{receipt.request_charge} request units")


def _print_places(removed: dict[str, int], title: str, nothing: str) -> None:
    if not removed:
        console().print(nothing)
        return
    rows = [(place.replace("_", " "), number) for place, number in removed.items()]
    console().print(table(("what", "how many"), rows, title))


def _list(erased: Sequence[Erased], options: argparse.Namespace) -> int:
    if options.json:
        print_json([{"owner": one.id, **_summary(one)} for one in erased])
    else:
        rows = [(one.id, *_summary(one).values()) for one in erased]
        names = ("owner", "erased at", "finished at", "passes", "removed")
        console().print(table(names, rows) if rows else "nobody was erased")
    return 0


def _summary(one: Erased) -> dict[str, Any]:
    return {
        "erased_at": one.erased_at,
        "finished_at": one.finished_at,
        "passes": one.passes,
        "removed": one.receipt,
    }


def _noted(text: str) -> None:
    """Progress, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)
