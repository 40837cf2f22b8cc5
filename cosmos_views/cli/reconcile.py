"""`reconcile`: prove that sources, ledger, partials and views agree, and repair what does not."""

import argparse
import dataclasses
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from cosmos_views import settings
from cosmos_views import worker as wiring
from cosmos_views.cli import connection
from cosmos_views.cli.horizon import print_unchanging
from cosmos_views.cli.numbers import positive, whole
from cosmos_views.cli.output import console, print_json, table
from cosmos_views.intake.ownership import Layout
from cosmos_views.ledger.generations import Generation
from cosmos_views.ledger.instants import day_label
from cosmos_views.ledger.snapshots import Difference
from cosmos_views.pack import Pack
from cosmos_views.publish.fold import read_bucket
from cosmos_views.store import account, catalogue, metering
from cosmos_views.store.catalogue import Role
from cosmos_views.store.generation import GenerationStore
from cosmos_views.store.metering import Meter
from cosmos_views.store.state import StateStore
from cosmos_views.store.views import ViewStore
from cosmos_views.upkeep.rebuild.horizon import Unchanging, unchanging
from cosmos_views.upkeep.reconcile import proving, walking
from cosmos_views.upkeep.reconcile.gone import Gone, day_of, where
from cosmos_views.upkeep.reconcile.proof import provable_since
from cosmos_views.upkeep.reconcile.taking_back import retract
from cosmos_views.upkeep.reconcile.walking import Moving, Walk

SHOWN_MAX = 50
REPAIR_TRIES_MAX = 10
PUBLISH_RUNS_MAX = 1_000
PUBLISH_RUNS_MIN = 3
"""A run folds and publishes everything it finds, unless another publisher is at it."""
KEYS_PER_REPUBLISH = 500


def add_parser(commands: Any, _pack: Pack) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "reconcile",
        help="prove the state and the views, and repair them",
        description="Compares owners, partials and journal with the ledger's entries, and the"
        " published views with what the partials render to; names every difference and repairs it."
        " With --full the sources are walked too, so that a change that was never counted is found;"
        " so they are after a repair, because an entry may be what is missing. What the ledger's"
        " entries cannot tell any more, because they expire, stays as it is. After an interruption"
        " the same command goes on. Exit code 1 when there were differences.",
    )
    parser.add_argument("--full", action="store_true", help="walk all sources as well")
    parser.add_argument(
        "--period",
        type=_period,
        metavar="YYYYMM[DD]",
        help="look only for differences in measures and views of this period; all of a bucket that"
        " has one are repaired",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="report, repair nothing")
    how.add_argument(
        "--repair",
        action="store_true",
        help="with --full: also take back what is counted of documents that are gone from their"
        " source, which is else only reported",
    )
    parser.add_argument(
        "--request-units-per-second",
        type=positive,
        default=400.0,
        metavar="N",
        help="upper bound of what it takes from the account, on average (default: %(default)s)",
    )
    parser.add_argument(
        "--in-flight-seconds",
        type=whole,
        default=walking.IN_FLIGHT_SECONDS,
        metavar="N",
        help="documents written so shortly ago are left to the triggers (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def _period(text: str) -> str:
    form = {6: "%Y%m", 8: "%Y%m%d"}.get(len(text))
    try:
        if form is None or not text.isdigit():
            raise ValueError
        datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no period such as 202603 or 20260331"
        ) from None
    return text


class ReconcileResult(msgspec.Struct):
    """What `reconcile` prints."""

    differences: list[dict[str, Any]]
    lost_changes: int
    """Documents whose latest version had not been counted; each is also a difference."""
    gone: int
    """Counted documents that their source does not hold, although their TTL has not passed; each is
    also a difference."""
    foreign: dict[str, int]
    """Where documents stand that are not the worker's, and how many: they are skipped."""
    unchanging: list[Unchanging]
    """What keeps the documents it has and was not compared, because it lies beyond the horizon of
    the last rebuild."""
    proved_since: str
    """The first month (`YYYYMM`) of which all entries are still there; empty where all are."""
    repaired: bool
    request_charge: float


def run(options: argparse.Namespace) -> int:
    """Prove, report, repair."""
    target = connection.connect(options, writes=not options.dry_run)
    account.check(target.client)
    worker = wiring.build(options.pack, target.client, _settings(options, target.database.id))
    sources = catalogue.of(options.pack).with_role(Role.SOURCE)
    generation = GenerationStore(target.container("state")).in_force(options.pack.definition)
    ttls = (one.default_ttl for one in sources)
    since = provable_since(int(time.time()), generation.began, ttls)
    if options.period and options.period[:6] < since:
        print(
            f"The entries of months before {since} may have expired: of {options.period} only views"
            " are compared.",
            file=sys.stderr,
        )
    with metering.metered() as meter:
        pace = pace_of(meter, options.request_units_per_second)
        try:
            found, lost, gone, foreign = _reconcile(
                target, worker, options, pace, generation, since
            )
        except Moving as moving:
            print(f"{moving}.", file=sys.stderr)
            return 1
    result = ReconcileResult(
        [dataclasses.asdict(one) for one in found],
        lost,
        gone,
        dict(foreign),
        unchanging(options.pack.views.values(), generation.horizon_seconds),
        since,
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
    generation: Generation,
    since: str,
) -> tuple[list[Difference], int, int, Counter[str]]:
    pack = worker.pack
    layout = Layout(generation.generation, generation.buckets)
    pks = [layout.pk(one) for one in range(generation.buckets)]
    container, state = target.container("state"), StateStore(target.container("state"))
    walk = Walk(
        state,
        worker.audits,
        worker.processors,
        layout,
        options.dry_run,
        pace,
        _noted("sources"),
        options.in_flight_seconds,
    )
    found: list[Difference] = []
    foreign: Counter[str] = Counter()
    damaged = 0
    for pk in pks:
        # By place: a bucket that moved while it was repaired is proved again.
        wrong: dict[tuple[str, str], Difference] = {}
        for tries_left in reversed(range(REPAIR_TRIES_MAX)):
            proven = proving.prove(
                pack,
                proving.take_snapshot(pack, container, pk, pace, _noted(f"bucket {pk}")),
                since,
            )
            foreign[f"state {pk}"] = len(proven.snapshot.foreign)
            within = proven.within(options.period)
            repairing = within and not options.dry_run
            for one in proven.differences if repairing else within:
                wrong.setdefault((one.where, one.path), one)
            if not repairing:
                damaged += len(proven.damaged)
                break
            if not found:
                # A repair may take out of the state what only an entry is missing for.
                walk.begin()
            try:
                proving.repair(pack, state, proven, time.time_ns() // 1_000_000)
                break
            except Moving:
                if not tries_left:
                    raise
        found.extend(wrong.values())
    if options.full or (walk.unfinished and not options.dry_run):
        walk.run()
        found.extend(walk.found)
    gone = list(_gone(target, options, pace, pks)) if options.full else []
    found.extend(gone)
    if damaged:
        print("State documents are damaged: views are not compared.", file=sys.stderr)
    else:
        found.extend(_views(target, worker, options, pace, pks, generation, foreign))
    return found, walk.lost, len(gone), +foreign


def _gone(
    target: connection.Account,
    options: argparse.Namespace,
    pace: Callable[[], None],
    pks: Sequence[str],
) -> Iterator[Difference]:
    """Documents that are counted and gone; and take them back."""
    pack = target.pack
    state = StateStore(target.container("state"))
    looking = Gone(
        pack, target.database, state, pks, options.in_flight_seconds, pace, _noted("entries")
    )
    for entry in looking.entries():
        if options.period and not day_label(day_of(pack, entry)).startswith(options.period):
            continue
        yield Difference(where(entry), "source", "the document that is counted", "gone")
        if options.repair:
            retract(
                pack,
                state,
                entry,
                lambda: time.time_ns() // 1_000_000,
                lambda: secrets.token_hex(6),
            )


def _views(
    target: connection.Account,
    worker: wiring.Worker,
    options: argparse.Namespace,
    pace: Callable[[], None],
    pks: Sequence[str],
    generation: Generation,
    foreign: Counter[str],
) -> list[Difference]:
    """What is wrong with the published documents; and publish them again."""
    pack = worker.pack
    if not options.dry_run:
        _publish(worker, pace)
    state, views = StateStore(target.container("state")), ViewStore(target.database)
    counted = {key for pk in pks for key in proving.state_keys(pack, state, pk, pace)}
    keys = proving.view_keys(pack, state, [read_bucket(state, pk) for pk in pks], counted)
    keys.extend(proving.orphans(pack, views, keys, pace, foreign))
    published = proving.PublishedViews(
        pack,
        state,
        views,
        generation.generation,
        pks,
        int(time.time()),
        generation.horizon_seconds,
        # Beside a rebuild that still publishes, not yet of every key.
        0 if generation.building else generation.in_force,
    )
    noted = _noted("views")
    found: list[Difference] = []
    wrong: list[str] = []
    for number, (view, key) in enumerate(keys, start=1):
        if options.period is None or proving.concerns(key, options.period):
            if differences := published.differences(view, key):
                found.extend(differences)
                wrong.append(f"{view.name}:{key}")
                if not options.dry_run:
                    published.let_go(view, key)
            pace()
        noted(number)
    if not options.dry_run:
        for start in range(0, len(wrong), KEYS_PER_REPUBLISH):
            proving.republish(state, pks[0], wrong[start : start + KEYS_PER_REPUBLISH])
            _publish(worker, pace)
    return found


def _publish(worker: wiring.Worker, pace: Callable[[], None]) -> None:
    """Fold and publish what is there by now; what comes all the time is for live publishers."""
    for number in range(1, PUBLISH_RUNS_MAX + 1):
        published = worker.publisher.run()
        pace()
        if published.idle or not (published.folded or published.written or published.journal_left):
            return
        if number >= PUBLISH_RUNS_MIN and not published.journal_left:
            return


def _settings(options: argparse.Namespace, database: str) -> settings.Settings:
    environment = {**os.environ, "COSMOS_DATABASE": database, "PUBLISH_PACE_SECONDS": "0"}
    if options.connection:
        environment[settings.CONNECTION] = options.connection
    elif not settings.is_configured(environment):
        environment[settings.CONNECTION] = connection.LOCAL_CONNECTION
    environment["LOG_LEVEL"] = "CRITICAL"
    return settings.from_environment(environment, options.pack.sources)


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


def _print(result: ReconcileResult) -> None:
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
    print_unchanging(result.unchanging)
    for place, number in result.foreign.items():
        out.print(f"skipped in {place}: {number} documents that are not the worker's")
    done = "repaired" if result.repaired else "not repaired (--dry-run)"
    out.print(
        f"{len(result.differences)} differences"
        + (f", {done}" if result.differences else "")
        + f"; {result.lost_changes} lost changes; {result.gone} gone; "
        + (f"proved since {result.proved_since}; " if result.proved_since else "")
        + f"{result.request_charge} request units"
    )
