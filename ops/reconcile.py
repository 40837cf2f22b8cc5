"""`reconcile`: prove that sources, ledger, partials and views agree, and repair what does not."""

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

import settings
import wiring
from ledger.buckets import bucket_pk
from materializers.fold import read_bucket
from materializers.proof import Difference
from ops import connection, proving
from ops.output import console, print_json, table
from processors.batch import Processor
from processors.definition import definition_version
from processors.pricing import load_overrides
from store import account, catalogue, metering
from store.catalogue import Role
from store.generation import GenerationStore
from store.metering import Meter
from store.state import StateStore
from store.views import ViewStore

SHOWN_MAX = 50
PUBLISH_RUNS_MAX = 1_000


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "reconcile",
        help="prove the state and the views, and repair them",
        description="Compares users, partials and journal with the ledger's entries, and the"
        " published views with what the partials render to; names every difference and repairs it."
        " With --full the sources are walked first, so that a change that was never counted is"
        " found too. Running it again after an interruption goes on where it matters: what was"
        " repaired is no difference any more. Exit code 1 when there were differences.",
    )
    parser.add_argument("--full", action="store_true", help="walk all sources as well")
    parser.add_argument(
        "--period", metavar="YYYYMM[DD]", help="compare only measures and views of this period"
    )
    parser.add_argument("--dry-run", action="store_true", help="report, repair nothing")
    parser.add_argument(
        "--request-units-per-second",
        type=float,
        default=400.0,
        metavar="N",
        help="upper bound of what it takes from the account, on average (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


class Result(msgspec.Struct):
    """What `reconcile` prints."""

    differences: list[dict[str, Any]]
    lost_changes: int
    repaired: bool
    request_charge: float


def run(options: argparse.Namespace) -> int:
    """Prove, report, repair."""
    target = connection.connect(options)
    account.check(target.client)
    worker = wiring.build(target.client, _settings(options, target.database.id))
    with metering.metered() as meter:
        pace = pace_of(meter, options.request_units_per_second)
        try:
            found, lost = _reconcile(target, worker, options, pace)
        except proving.Moving as moving:
            print(f"{moving}.", file=sys.stderr)
            return 1
    result = Result(
        [dataclasses.asdict(one) for one in found],
        lost,
        repaired=not options.dry_run,
        request_charge=round(meter.request_charge, 1),
    )
    if options.json:
        print_json(msgspec.to_builtins(result))
    else:
        _print(result)
    return 1 if found or lost else 0


def _reconcile(
    target: connection.Account,
    worker: wiring.Worker,
    options: argparse.Namespace,
    pace: Callable[[], None],
) -> tuple[list[Difference], int]:
    definition = definition_version(load_overrides())
    generation = GenerationStore(target.container("state")).in_force(definition)
    pks = [bucket_pk(generation.generation, one) for one in range(generation.buckets)]
    container, state = target.container("state"), StateStore(target.container("state"))
    found: list[Difference] = []
    for pk in pks:
        proven = proving.prove(
            proving.take_snapshot(container, pk, pace, _noted(f"bucket {pk}")), options.period
        )
        found.extend(proven.differences)
        if proven.differences and not options.dry_run:
            proving.repair(state, proven, time.time_ns() // 1_000_000)
    lost = 0
    if options.full and not options.dry_run:
        for source in catalogue.load().with_role(Role.SOURCE):
            lost += _walk(target, worker.processors[source.name], source.name, pace)
    if not options.dry_run:
        _publish(worker)
    snapshots = [proving.take_snapshot(container, pk, pace, _noted(f"bucket {pk}")) for pk in pks]
    buckets = [read_bucket(state, pk) for pk in pks]
    keys = [
        (view, key)
        for view, key in proving.view_keys(state, buckets, snapshots)
        if options.period is None or options.period in key
    ]
    wrong = []
    views = ViewStore(target.database)
    for view, key, differences in proving.view_differences(
        state,
        views,
        buckets,
        keys,
        time.time_ns() // 1_000_000_000,
        generation.horizon_seconds,
    ):
        found.extend(differences)
        wrong.append(f"{view.name}:{key}")
        pace()
    if wrong and not options.dry_run:
        proving.republish(state, buckets, wrong)
        _publish(worker)
    return found, lost


def _walk(
    target: connection.Account, processor: Processor, source: str, pace: Callable[[], None]
) -> int:
    """Every document of a source through stage 1: what is decided writes nothing."""
    lost = walked = 0
    noted = _noted(source)
    container = target.container(source)
    for feed_range in container.read_feed_ranges():
        pages = container.query_items_change_feed(
            feed_range=feed_range, start_time="Beginning", max_item_count=500
        ).by_page()
        for page in pages:
            documents = list(page)
            report = processor.process(
                msgspec.json.encode(documents).decode(), {"invocation_id": "reconcile"}
            )
            lost += report.delivered - report.duplicates - report.superseded - report.erased
            walked += len(documents)
            noted(walked)
            pace()
    return lost


def _publish(worker: wiring.Worker) -> None:
    """Fold and publish until nothing is left that is due."""
    for _ in range(PUBLISH_RUNS_MAX):
        published = worker.publisher.run()
        if published.idle or not (published.folded or published.written or published.journal_left):
            return


def _settings(options: argparse.Namespace, database: str) -> settings.Settings:
    environment = {**os.environ, "COSMOS_DATABASE": database, "PUBLISH_PACE_SECONDS": "0"}
    if options.connection:
        environment[settings.CONNECTION] = options.connection
    elif not settings.is_configured(environment):
        environment[settings.CONNECTION] = connection.LOCAL_CONNECTION
    environment["LOG_LEVEL"] = "CRITICAL"
    return settings.from_environment(environment)


def pace_of(meter: Meter, request_units_per_second: float) -> Callable[[], None]:
    """A pause that keeps the average charge under the bound."""
    started = time.monotonic()

    def pace() -> None:
        ahead = meter.request_charge / request_units_per_second - (time.monotonic() - started)
        if ahead > 0:
            time.sleep(ahead)

    return pace


def _noted(what: str) -> Callable[[int], None]:
    """Progress of one part, on a terminal only."""

    def noted(documents: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{what}: {documents} documents", end="", file=sys.stderr, flush=True)

    return noted


def _print(result: Result) -> None:
    out = console()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if result.differences:
        rows = [
            (one["where"], one["path"], one["expected"], one["found"])
            for one in result.differences[:SHOWN_MAX]
        ]
        out.print(table(("where", "path", "expected", "found"), rows, "Differences"))
        if len(result.differences) > SHOWN_MAX:
            out.print(f"and {len(result.differences) - SHOWN_MAX} more; see --json")
    done = "repaired" if result.repaired else "not repaired (--dry-run)"
    out.print(
        f"{len(result.differences)} differences"
        + (f", {done}" if result.differences else "")
        + f"; {result.lost_changes} lost changes; {result.request_charge} request units"
    )
