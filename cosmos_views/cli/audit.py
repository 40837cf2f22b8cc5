"""`audit`: find and repair, now, what the platform checkpointed away."""

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from cosmos_views import worker as wiring
from cosmos_views.cli import connection, trailing
from cosmos_views.cli.numbers import whole
from cosmos_views.cli.output import print_json
from cosmos_views.ledger.feeds import Document
from cosmos_views.pack import Pack
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.audit import CHECKED, REPAIRED
from cosmos_views.upkeep.reconcile.walking import Walk
from cosmos_views.upkeep.trailing import TrailingReader, Unwritten

WOULD_REPAIR = "would_repair"


def add_parser(commands: Any, _pack: Pack) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "audit",
        help="find and repair changes that never reached the worker",
        description="Runs the audit reader once, as its timer does every few minutes: each document"
        " last written so long ago, and not audited yet, goes through stage 1, which writes nothing"
        " where the version is already decided. Exit code 1 when something was repaired, could not"
        " be read, or is at risk.",
    )
    parser.add_argument(
        "--delay",
        type=whole,
        metavar="SECONDS",
        help="audit documents of this age and older (default: AUDIT_DELAY_SECONDS, else an hour)",
    )
    parser.add_argument("--status", action="store_true", help="only say how far the audit has come")
    parser.add_argument("--dry-run", action="store_true", help="only count what would be repaired")
    parser.add_argument("--json", action="store_true", help="print JSON")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Audit once, or show where the audit stands."""
    writes = not (options.status or options.dry_run)
    client, configured = trailing.connected(options, writes=writes)
    worker = wiring.build(options.pack, client, configured)
    readers = worker.audits
    if options.status:
        rows = trailing.status(readers, int(time.time()))
        (print_json if options.json else trailing.print_status)(rows)
        return 0
    if options.delay is not None:
        for reader in readers:
            reader.delay_seconds = options.delay
    if options.dry_run:
        database = client.get_database_client(configured.database)
        for reader in readers:
            _repair_nothing(reader, worker, StateStore(database.get_container_client("state")))
    readings = trailing.read_all(readers)
    if options.json:
        print_json([{CHECKED: 0, REPAIRED: 0, **trailing.reading_json(one)} for one in readings])
    else:
        trailing.print_readings(readings)
    wrong = (REPAIRED, WOULD_REPAIR)
    reported = any(
        any(one.done[name] for name in wrong) or one.failures or one.risks for one in readings
    )
    return 1 if reported else 0


def _repair_nothing(reader: TrailingReader, worker: wiring.Worker, state: StateStore) -> None:
    """Read on as usual, and leave cursors and ledger as they are."""
    walk = Walk(
        state,
        worker.audits,
        worker.processors,
        worker.processors[reader.container].outside.layout(),
        dry_run=True,
        pace=lambda: None,
        noted=lambda _: None,
    )

    def handle(documents: Sequence[Document]) -> Counter[str]:
        before = walk.lost
        walk.page(reader.container, documents)
        return Counter({CHECKED: len(documents), WOULD_REPAIR: walk.lost - before})

    reader.state = Unwritten(reader.state)
    reader.handle = handle
