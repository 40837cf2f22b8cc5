"""What `audit` and `archive` share: a worker, its trailing readers, what they report."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from azure.cosmos import CosmosClient

from cosmos_views import settings
from cosmos_views import worker as wiring
from cosmos_views.cli import connection
from cosmos_views.cli.connection import LOCAL_CONNECTION
from cosmos_views.cli.output import console, counts, table
from cosmos_views.ledger.copies import CopyFailed
from cosmos_views.ledger.feeds import Document
from cosmos_views.store import account
from cosmos_views.upkeep.cursors import Risk, risk
from cosmos_views.upkeep.trailing import PAGES_MAX, SECONDS_MAX, Reading, TrailingReader, run_all


def worker(options: argparse.Namespace, *, writes: bool) -> wiring.Worker:
    """A worker on the account that the command works on."""
    return wiring.build(options.pack, *connected(options, writes=writes))


def connected(
    options: argparse.Namespace, *, writes: bool
) -> tuple[CosmosClient, settings.Settings]:
    """(a client of the account, the worker's settings for the database)."""
    target = connection.connect(options, writes=writes)
    account.check(target.client)
    environment = dict(os.environ)
    if options.connection:
        environment[settings.CONNECTION] = options.connection
    elif not settings.is_configured(environment):
        environment[settings.CONNECTION] = LOCAL_CONNECTION
        environment.setdefault(settings.BLOB, "UseDevelopmentStorage=true")
    configured = replace(
        settings.from_environment(environment, options.pack.sources), database=target.database.id
    )
    return target.client, configured


def read_all(readers: Sequence[TrailingReader]) -> list[Reading]:
    """Read everything that has aged; failures and risks go to standard error, and progress where
    that is a terminal."""
    if sys.stderr.isatty():
        for reader in readers:
            _tell(reader)
    readings = run_all(readers, PAGES_MAX, SECONDS_MAX, time.monotonic)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    for reading in readings:
        for failure in reading.failures:
            reason = str(failure) or type(failure).__name__
            if isinstance(failure, CopyFailed) and failure.path:
                reason = f"{failure.path}: {reason}"
            print(f"{reading.container}: {reason}; run the command again.", file=sys.stderr)
        for found in reading.risks:
            print(f"{sentence(found)}.", file=sys.stderr)
    return readings


def _tell(reader: TrailingReader) -> None:
    """Let a reader say how far it is."""
    handle = reader.handle
    read = 0

    def told(documents: Sequence[Document]) -> Counter[str]:
        nonlocal read
        done = handle(documents)
        read += len(documents)
        print(f"\r{reader.container}: {read} documents", end="", file=sys.stderr, flush=True)
        return done

    reader.handle = told


def reading_json(reading: Reading) -> dict[str, Any]:
    """What one reader did, as JSON."""
    return {
        "source": reading.container,
        "documents": reading.documents,
        **reading.done,
        "pages": reading.pages,
        "caught_up": reading.caught_up,
        "until": moment(reading.until),
        "lost_races": reading.lost_races,
        "splits": reading.splits,
        "risks": [sentence(one) for one in reading.risks],
        "failures": [str(one) or type(one).__name__ for one in reading.failures],
    }


def print_readings(readings: Sequence[Reading]) -> None:
    """What the readers did, for people."""
    rows = (
        (one.container, one.documents, counts(dict(one.done)), one.caught_up, moment(one.until))
        for one in readings
    )
    console().print(
        table(("source", "documents", "of which", "caught up", "read what was written until"), rows)
    )


def status(readers: Sequence[TrailingReader], now_seconds: int) -> list[dict[str, Any]]:
    """Where each reader stands, range by range, from its cursors alone."""
    rows = []
    for reader in readers:
        ttl = reader.ttl_seconds
        for cursor, _ in reader.cursors():
            behind = None
            if cursor.until is not None:
                behind = max(0, now_seconds - reader.delay_seconds - cursor.until)
            found = risk(cursor, now_seconds, ttl, expired=False)
            rows.append(
                {
                    "source": reader.container,
                    "range": f"{cursor.minimum}-{cursor.maximum}",
                    "documents": cursor.documents,
                    "until": moment(cursor.until),
                    "behind_seconds": behind,
                    "days_at_risk": 0.0 if found is None else found.days_at_risk,
                    "expired_unread": [
                        [moment(start), moment(end)] for start, end in cursor.expired
                    ],
                }
            )
    return rows


def print_status(rows: Sequence[dict[str, Any]]) -> None:
    """The status for people."""
    if not rows:
        console().print("nothing has been read yet")
        return
    names = list(rows[0])
    console().print(
        table(
            [name.replace("_", " ") for name in names],
            ([row[name] for name in names] for row in rows),
        )
    )


def sentence(found: Risk) -> str:
    """What is at risk, and for whom."""
    parts = []
    if found.days_expired:
        parts.append(f"documents of {found.days_expired:g} days expired before they were read")
    if found.days_at_risk:
        parts.append(f"documents of {found.days_at_risk:g} days expire within a week, unread")
    return f"{found.container}, range {'-'.join(found.feed_range)}: {'; '.join(parts)}"


def moment(seconds: int | None) -> str | None:
    """Seconds since 1970 as people read them."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
