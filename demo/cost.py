"""`cost`: what the worker asks of Cosmos DB, per change, as the local endpoint models it."""

import argparse
import sys
from dataclasses import dataclass
from typing import Any

from cosmos_views.cli.output import console, print_json, table
from cosmos_views.settings import FEED_POLL_SECONDS_DEFAULT, ConfigurationError
from demo.metered import Bench, Spent
from emulators.cosmos import Endpoint

BATCHES_OF_SIZE = {1: 30, 10: 20, 100: 6, 1_000: 3}
"""Batch size → how many batches are measured."""
FRESHNESS_SECONDS = (15, 60, 300, None)
"""One pace for every view; None leaves each view its own, with the timer's default."""
TIMER_SECONDS = 60
SLOWEST_PACE_SECONDS = 900
FRESHNESS_CHANGES = 600
POLL_SECONDS = FEED_POLL_SECONDS_DEFAULT
EMPTY_POLL_REQUEST_UNITS = 1.0
POISON_EVERY = 100
DAY_SECONDS = 86_400
NOTE = (
    "Modelled request units: published figures for points, interpolated between them; no bill. "
    "Traffic of demo.synthetic on an account in memory, one document in 100 broken, users with "
    "earlier days."
)


@dataclass(frozen=True)
class Fresh:
    """The whole cost per change at one freshness."""

    publish_seconds: int | None
    stage_1: float
    stage_2: float
    feeds: float
    """Reading changes, and asking in vain."""
    by_operation: dict[str, float]
    """Of both stages: request units per change, by `{container}.{operation}`."""

    @property
    def total(self) -> float:
        """Request units per change."""
        return self.stage_1 + self.stage_2 + self.feeds


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "cost",
        help="request units and operations per change, modelled",
        description="Measures the worker on an account in memory: first batches of 1, 10, 100 and"
        " 1 000 changes, each followed by a publishing run; then a stream spread over the day, at"
        " several paces of publishing. Takes two minutes or so and touches no other account.",
    )
    parser.add_argument("--buckets", type=int, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--changes-per-day",
        type=int,
        default=10_000,
        metavar="N",
        help="of the stream (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the traffic (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    if options.buckets < 1 or options.changes_per_day < 1:
        raise ConfigurationError("--buckets and --changes-per-day are at least 1")
    with Endpoint.subprocess(seed=options.seed) as endpoint:
        bench = Bench(
            endpoint,
            options.buckets,
            options.seed,
            POISON_EVERY,
            options.changes_per_day,
            days=len(BATCHES_OF_SIZE) + len(FRESHNESS_SECONDS),
        )
        try:
            _say("warming up the state")
            bench.warm()
            by_size = {}
            for size, number in BATCHES_OF_SIZE.items():
                _say(f"measuring {number} batches of {size}")
                by_size[size] = by_batch(bench, size, number)
                bench.next_day()
            idle = _idle(bench)
            fresh = []
            for seconds in FRESHNESS_SECONDS:
                _say(f"measuring a stream, published {_named(seconds)}")
                fresh.append(stream(bench, seconds, FRESHNESS_CHANGES))
        finally:
            bench.close()
    if options.json:
        print_json(
            {
                "note": NOTE,
                "buckets": options.buckets,
                "batches": [_as_json(size, spent) for size, spent in by_size.items()],
                "idle_publishing_run": round(idle, 2),
                "changes_per_day": options.changes_per_day,
                "freshness": [
                    {
                        "publish_seconds": one.publish_seconds,
                        "stage_1": round(one.stage_1, 2),
                        "stage_2": round(one.stage_2, 2),
                        "feeds": round(one.feeds, 2),
                        "total": round(one.total, 2),
                        "by_operation": {
                            name: round(charge, 2) for name, charge in one.by_operation.items()
                        },
                    }
                    for one in fresh
                ],
            }
        )
    else:
        _print(by_size, idle, fresh, options)
    return 0


def by_batch(bench: Bench, size: int, number: int) -> Spent:
    """What `number` batches of one size cost, each followed by a publishing run."""
    from demo.metered import Spent

    spent = Spent()
    bench.set_clock(DAY_SECONDS - 1)
    for source, documents in bench.batches(size):
        bench.apply(source, documents, spent)
        bench.publish(spent)
        if spent.batches == number:
            break
    return spent


def _idle(bench: Bench) -> float:
    """Request units of a publishing run that finds nothing to do."""
    from demo.metered import Spent

    for _ in range(3):  # until it knows that it is quiet
        bench.publish(Spent())
    spent = Spent()
    bench.publish(spent)
    return spent.stage_2.request_charge


def stream(bench: Bench, publish_seconds: int | None, changes: int) -> Fresh:
    """Changes arrive when they happen, feeds are asked every POLL_SECONDS, a timer publishes."""
    from demo.metered import STREAM_STARTS_SECONDS, Spent

    bench.acquaint(changes)
    spent = Spent()
    arrivals = bench.arrivals()
    waiting = next(arrivals, None)
    clock = STREAM_STARTS_SECONDS
    empty_polls = 0
    while waiting is not None and spent.changes < changes:
        clock += POLL_SECONDS
        arrived: dict[str, list[dict[str, Any]]] = {}
        while waiting is not None and waiting[0] < clock:
            _, source, document = waiting
            arrived.setdefault(source, []).append(document)
            waiting = next(arrivals, None)
        for source, documents in arrived.items():
            bench.apply(source, documents, spent)
        empty_polls += 3 - len(arrived)
        if clock % (publish_seconds or TIMER_SECONDS) == 0:
            bench.set_clock(clock, publish_seconds)
            bench.publish(spent)
    # What is still pending belongs to these changes too.
    bench.set_clock(clock + SLOWEST_PACE_SECONDS, publish_seconds)
    bench.publish(spent)
    bench.next_day()
    return Fresh(
        publish_seconds,
        spent.per_change(spent.stage_1.request_charge + spent.poison.request_charge),
        spent.per_change(spent.stage_2.request_charge),
        spent.per_change(spent.feed_request_units + empty_polls * EMPTY_POLL_REQUEST_UNITS),
        {
            f"{stage} {name}": spent.per_change(charge)
            for stage, meter in (("stage 1", spent.stage_1), ("stage 2", spent.stage_2))
            for name, charge in meter.request_units.items()
        },
    )


def _as_json(size: int, spent: Spent) -> dict[str, Any]:
    def both(meter: Any) -> dict[str, float]:
        return {
            "request_units_per_change": round(spent.per_change(meter.request_charge), 2),
            "operations_per_change": round(spent.per_change(meter.operations.total()), 3),
        }

    return {
        "batch": size,
        "changes": spent.changes,
        "batches": spent.batches,
        "dead_letters": spent.dead_letters,
        "stage_1": both(spent.stage_1),
        "stage_2": both(spent.stage_2),
        "poison": both(spent.poison),
        "feed_request_units_per_change": round(spent.per_change(spent.feed_request_units), 2),
    }


def _print(
    by_size: dict[int, Spent], idle: float, fresh: list[Fresh], options: argparse.Namespace
) -> None:
    out = console()
    out.print(NOTE)
    out.print(
        table(
            (
                "batch",
                "changes",
                "stage 1 RU",
                "operations",
                "stage 2 RU",
                "operations",
                "dead letters",
                "poison RU",
                "feed RU",
                "total RU",
            ),
            (_row(size, spent) for size, spent in by_size.items()),
            "Per change, with a publishing run after every batch",
        )
    )
    out.print(f"A publishing run that finds nothing to do: {idle:.1f} RU.")
    out.print(
        table(
            ("published", "stage 1 RU", "stage 2 RU", "feeds RU", "total RU"),
            (
                (
                    _named(one.publish_seconds),
                    f"{one.stage_1:.1f}",
                    f"{one.stage_2:.1f}",
                    f"{one.feeds:.1f}",
                    f"{one.total:.1f}",
                )
                for one in fresh
            ),
            f"Per change, {options.changes_per_day} changes a day, polling included",
        )
    )


def _row(size: int, spent: Spent) -> tuple[object, ...]:
    meters = (spent.stage_1, spent.stage_2)
    total = sum(meter.request_charge for meter in meters) + spent.poison.request_charge
    return (
        size,
        spent.changes,
        *(
            text
            for meter in meters
            for text in (
                f"{spent.per_change(meter.request_charge):.1f}",
                f"{spent.per_change(meter.operations.total()):.2f}",
            )
        ),
        spent.dead_letters,
        f"{spent.per_change(spent.poison.request_charge):.1f}",
        f"{spent.per_change(spent.feed_request_units):.1f}",
        f"{spent.per_change(total + spent.feed_request_units):.1f}",
    )


def _named(publish_seconds: int | None) -> str:
    return "at each view's pace" if publish_seconds is None else f"every {publish_seconds} s"


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr)
