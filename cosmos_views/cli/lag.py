"""`lag`: how far the worker is behind each source, and whether it moves."""

import argparse
import json
import sys
import time
from typing import Any

from cosmos_views.cli import connection
from cosmos_views.cli.numbers import not_negative
from cosmos_views.cli.output import console, print_json, table
from cosmos_views.pack import Pack
from cosmos_views.settings import FEED_POLL_SECONDS_DEFAULT
from cosmos_views.store import catalogue
from cosmos_views.store.change_feed import ChangeFeedStore
from cosmos_views.store.leases import LeaseStore
from cosmos_views.upkeep.lag import Gauge, LeaseReading, LeaseState

INTERVAL_SECONDS_DEFAULT = 2.0 * FEED_POLL_SECONDS_DEFAULT
"""Longer than a trigger's poll delay and a usual batch, so that what is healthy has moved."""
HEADINGS = ("source", "lease", "state", "changes behind", "seconds behind", "reader", "position")

Readings = list[tuple[LeaseReading, LeaseState]]


def add_parser(commands: Any, _pack: Pack) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "lag",
        help="how far behind each lease is: idle, behind or frozen",
        description="Reads the leases of the triggers and the next unread change of each, twice"
        " where something waits. A lease is idle when everything is read, behind when it moves,"
        " and frozen when changes wait and its position has not moved between two readings; the"
        " column `reader` says whether anybody holds it. Exit code 1 when a lease is frozen. The"
        " number of changes is Microsoft's estimate and may be too high.",
    )
    parser.add_argument(
        "--interval",
        type=not_negative,
        default=INTERVAL_SECONDS_DEFAULT,
        metavar="SECONDS",
        help="between two readings; longer than FEED_POLL_SECONDS and a batch together (default:"
        " %(default)s)",
    )
    parser.add_argument("--watch", action="store_true", help="go on reading until Ctrl-C")
    parser.add_argument(
        "--json", action="store_true", help="print JSON; with --watch one line per reading"
    )
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the lag; 1 when a lease is frozen."""
    target = connection.connect(options)
    gauge = Gauge(
        sources=[
            source.name for source in catalogue.of(options.pack).with_role(catalogue.Role.SOURCE)
        ],
        leases=LeaseStore(target.container("leases")),
        feed=ChangeFeedStore(target.database),
        now_seconds=lambda: int(time.time()),
    )
    readings = gauge.read()
    while options.watch:
        _print(readings, options)
        time.sleep(options.interval)
        readings = gauge.read()
    if any(state is not LeaseState.IDLE for _, state in readings):
        time.sleep(options.interval)
        readings = gauge.read()
    _print(readings, options)
    return 1 if any(state is LeaseState.FROZEN for _, state in readings) else 0


def _print(readings: Readings, options: argparse.Namespace) -> None:
    if options.json:
        found = [_json(reading, state) for reading, state in readings]
        if options.watch:
            print(json.dumps(found), flush=True)
        else:
            print_json(found)
        return
    rows = [
        (
            one.source,
            one.lease.token if one.lease else None,
            state,
            one.changes_behind,
            one.seconds_behind,
            one.reader,
            one.position,
        )
        for one, state in readings
    ]
    console().print(table(HEADINGS, rows))
    sys.stdout.flush()


def _json(reading: LeaseReading, state: LeaseState) -> dict[str, Any]:
    return {
        "source": reading.source,
        "lease": reading.lease.token if reading.lease else None,
        "state": str(state),
        "changes_behind": reading.changes_behind,
        "seconds_behind": reading.seconds_behind,
        "owner": reading.lease.owner if reading.lease else None,
        "renewed_seconds_ago": reading.renewed_seconds_ago,
        "reader": reading.reader,
        "position": reading.position,
    }
