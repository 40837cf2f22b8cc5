"""`status`: where the state stands, and what has been put aside."""

import argparse
import time
from collections import Counter
from itertools import islice
from typing import Any

import msgspec
from azure.cosmos import ContainerProxy

from cosmos_views.cli import connection
from cosmos_views.cli.horizon import print_unchanging
from cosmos_views.cli.output import cell, console, counts, print_json, table
from cosmos_views.cli.trailing import moment
from cosmos_views.intake.dead_letters import Status as LetterStatus
from cosmos_views.ledger.buckets import bucket_pk
from cosmos_views.ledger.foreign import of_form, skipped_so_far
from cosmos_views.ledger.generations import Building
from cosmos_views.pack import Pack
from cosmos_views.publish.heads import HEAD_ID, Head
from cosmos_views.publish.journal import JOURNAL_FROM, JOURNAL_TO
from cosmos_views.publish.parked import PARKED_FROM, PARKED_TO
from cosmos_views.store import catalogue
from cosmos_views.store.point_read import point_read
from cosmos_views.store.poison import Pending, PoisonStore
from cosmos_views.upkeep.rebuild.horizon import Unchanging, unchanging

PARKED_SHOWN_MAX = 20


class DeadLetters(msgspec.Struct):
    """All dead letters, counted."""

    total: int
    by_category: dict[str, int]
    by_status: dict[str, int]
    by_source: dict[str, int]
    oldest_pending: str | None
    """When the oldest letter still pending first failed (ISO 8601)."""
    oldest_pending_age_seconds: int | None
    pending_by_category: dict[str, int]


class BucketStatus(msgspec.Struct):
    """One bucket of the state."""

    bucket: int
    folds: int
    """How many folds it has had: its head's sequence."""
    pending_keys: int
    parked_keys: int
    """Keys that could not be published, and are tried again later and later."""
    parked: list[str]
    """Some of them, as `{view}:{hash}`."""
    pending_due_at: int | None
    """When the next of them is due, in seconds since 1970."""
    journal_documents: int


class StoreStatus(msgspec.Struct):
    """What `status` shows."""

    database: str
    generation: int
    buckets: int
    definition_version: str
    state: list[BucketStatus]
    dead_letters: DeadLetters
    building: Building | None = None
    """A rebuild under way."""
    unchanging: list[Unchanging] = []  # msgspec copies the empty default
    """What will not change any more, because it lies beyond the horizon of the last rebuild."""

    def drained(self, now_seconds: float) -> bool:
        """Whether everything committed has been folded and everything due published."""
        return all(
            bucket.journal_documents == 0
            and (bucket.pending_due_at is None or bucket.pending_due_at > now_seconds)
            for bucket in self.state
        )


def add_parser(commands: Any, _pack: Pack) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "status",
        help="the state's layout, what is still to be published, dead letters",
        description="Reads the heads and counts the journal of every bucket, and the dead letters"
        " by category and status.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the status."""
    status = read(connection.connect(options))
    if options.json:
        print_json({**msgspec.to_builtins(status), "skipped": skipped_so_far()})
        return 0
    out = console()
    out.print(
        f"database {status.database}: generation {status.generation}, "
        f"{status.buckets} {'bucket' if status.buckets == 1 else 'buckets'}, "
        f"definition {status.definition_version}"
    )
    if status.building is not None:
        out.print(
            f"a rebuild into generation {status.building.generation} is {status.building.phase} "
            f"since {moment(status.building.since)}; `python -m cosmos_views rebuild` goes on "
            "with it"
        )
    out.print(
        table(
            ("bucket", "folds", "pending keys", "parked keys", "journal documents"),
            (
                (b.bucket, b.folds, b.pending_keys, b.parked_keys, b.journal_documents)
                for b in status.state
            ),
        )
    )
    print_unchanging(status.unchanging)
    if parked := [name for bucket in status.state for name in bucket.parked]:
        out.print(f"parked, because they could not be published: {', '.join(parked)}")
    print_dead_letters(status.dead_letters)
    return 0


def print_dead_letters(letters: DeadLetters) -> None:
    """A sentence about the dead letters."""
    if not letters.total:
        console().print("no dead letters")
        return
    console().print(
        f"dead letters: {cell(letters.total)} ({counts(letters.by_category)}; "
        f"{counts(letters.by_status)}; {counts(letters.by_source)})"
    )
    if letters.oldest_pending:
        console().print(
            f"pending: {counts(letters.pending_by_category)}; oldest pending since "
            f"{letters.oldest_pending} ({cell(letters.oldest_pending_age_seconds)} s); see "
            "`dead-letters list`"
        )


def read(target: connection.Account) -> StoreStatus:
    """The status of a store."""
    generation = target.generation()
    state = target.container("state")
    return StoreStatus(
        database=target.database.id,
        generation=generation.generation,
        buckets=generation.buckets,
        definition_version=generation.definition_version,
        state=[
            _bucket(state, generation.generation, number) for number in range(generation.buckets)
        ],
        dead_letters=dead_letters(target),
        building=generation.building,
        unchanging=unchanging(target.pack.views.values(), generation.horizon_seconds),
    )


def dead_letters(target: connection.Account) -> DeadLetters:
    """Count the dead letters, source by source: each source is one partition of the container."""
    categories: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    pending: Counter[str] = Counter()
    oldest: str | None = None
    poison = PoisonStore(target.container("poison_messages"))
    for source in catalogue.of(target.pack).with_role(catalogue.Role.SOURCE):
        for letter in poison.summaries(source.name):
            categories[letter.category] += 1
            statuses[letter.status] += 1
            sources[source.name] += 1
            if letter.status is LetterStatus.PENDING:
                pending[letter.category] += 1
                oldest = min(oldest or letter.first_failed_at, letter.first_failed_at)
    return DeadLetters(
        total=sources.total(),
        by_category=dict(categories),
        by_status=dict(statuses),
        by_source=dict(sources),
        oldest_pending=oldest,
        oldest_pending_age_seconds=Pending(oldest=oldest).age_seconds(time.time_ns() // 1_000_000),
        pending_by_category=dict(pending),
    )


def _bucket(state: ContainerProxy, generation: int, number: int) -> BucketStatus:
    pk = bucket_pk(generation, number)
    document, _ = point_read(state, HEAD_ID, pk)
    head = (document and of_form(document, Head, state.id)) or Head(HEAD_ID, pk)
    (journal,) = state.query_items(
        "SELECT VALUE COUNT(1) FROM c WHERE c.id >= @from AND c.id < @to AND IS_OBJECT(c.delta)",
        parameters=[{"name": "@from", "value": JOURNAL_FROM}, {"name": "@to", "value": JOURNAL_TO}],
        partition_key=pk,
    )
    parked = (
        islice(
            state.query_items(
                "SELECT VALUE c.id FROM c WHERE c.id >= @from AND c.id < @to",
                max_item_count=PARKED_SHOWN_MAX,
                parameters=[
                    {"name": "@from", "value": PARKED_FROM},
                    {"name": "@to", "value": PARKED_TO},
                ],
                partition_key=pk,
            ),
            PARKED_SHOWN_MAX,
        )
        if head.parked
        else ()
    )
    return BucketStatus(
        bucket=number,
        folds=head.sequence,
        pending_keys=len(head.pending),
        parked_keys=head.parked,
        parked=[str(one).removeprefix(PARKED_FROM) for one in parked],
        pending_due_at=min(head.pending.values(), default=None),
        journal_documents=int(str(journal)),
    )
