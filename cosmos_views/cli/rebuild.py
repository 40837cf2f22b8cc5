"""`rebuild`: count everything anew into the next generation while readers keep the one in force."""

import argparse
import sys
from typing import Any

import msgspec

from cosmos_views import worker as wiring
from cosmos_views.cli import connection, trailing
from cosmos_views.cli.horizon import print_unchanging
from cosmos_views.cli.numbers import not_negative, positive
from cosmos_views.cli.output import console, print_json, table
from cosmos_views.cli.provision import buckets
from cosmos_views.cli.reconcile import pace_of
from cosmos_views.cli.trailing import moment
from cosmos_views.ledger.generations import (
    Building,
    Generation,
)
from cosmos_views.pack import Pack
from cosmos_views.store import metering
from cosmos_views.store.generation import GenerationStore
from cosmos_views.store.state import StateStore
from cosmos_views.store.views import ViewStore
from cosmos_views.upkeep.rebuild.comparing import Comparison
from cosmos_views.upkeep.rebuild.phases import Wanted, begin, check, work
from cosmos_views.upkeep.rebuild.rebuilding import Done, Overtaken, Rebuilding


class RebuildResult(msgspec.Struct):
    """What `rebuild` prints."""

    generation: int
    """The one in force."""
    phase: str | None
    """Of a rebuild that is still under way."""
    owners_carried: int = 0
    documents_read: int = 0
    keys_published: int = 0
    keys_stuck: list[str] = []  # msgspec copies the empty default
    state_documents_removed: int = 0
    request_charge: float = 0.0
    comparison: Comparison | None = None


def add_parser(commands: Any, _pack: Pack) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "rebuild",
        help="count everything anew beside the state in force, then switch",
        description="Counts all sources from the beginning into the next generation, with this"
        " worker's definition, while readers keep what is published; then switches, publishes every"
        " key again, and deletes the state of the generation before. Interrupted anywhere, the same"
        " command goes on. Periods older than the shortest TTL of a source keep their documents."
        " Exit code 1 when --compare found differences, or keys could not be published.",
    )
    parser.add_argument(
        "--compare",
        action="store_true",
        help="stop before anything is closed, and print what would change in which views",
    )
    parser.add_argument(
        "--abort",
        action="store_true",
        help="give the rebuild under way up; possible until it has switched",
    )
    parser.add_argument(
        "--buckets",
        type=buckets,
        metavar="N",
        help="parts of the next generation's state (default: as many as now)",
    )
    parser.add_argument(
        "--settle-seconds",
        type=not_negative,
        metavar="N",
        help="pause before the switch, and before state is deleted, in which functions that go by"
        " what was before come to their end (default: %(default)s)",
        default=wiring.SETTLE_SECONDS,
    )
    parser.add_argument(
        "--request-units-per-second",
        type=positive,
        default=2_000.0,
        metavar="N",
        help="upper bound of what it takes from the account, on average (default: %(default)s)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
    connection.add_yes(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Go on with the rebuild under way, or begin one."""
    wanted = Wanted(options.abort, options.compare, options.buckets)
    with metering.metered() as meter:
        client, configured = trailing.connected(options, writes=not options.dry_run)
        database = client.get_database_client(configured.database)
        state = database.get_container_client("state")
        generations = GenerationStore(state)
        held = generations.held()
        if options.dry_run:
            return _say(_plan(options.pack, held.generation, wanted), options)
        check(options.pack, held.generation, wanted)
        what = "Give the rebuild up" if options.abort else "Rebuild the state of this database"
        if not connection.agreed(options, f"{what}?"):
            return 1
        rebuilding = Rebuilding(
            worker=wiring.build(options.pack, client, configured),
            state=StateStore(state),
            views=ViewStore(database),
            generations=generations,
            pace=pace_of(meter, options.request_units_per_second),
            note=_noted,
            settle_seconds=options.settle_seconds,
        )
        try:
            comparison = work(rebuilding, held, wanted, _phase)
        except Overtaken as overtaken:
            print(
                f"{str(overtaken).capitalize()}: see `python -m cosmos_views status`.",
                file=sys.stderr,
            )
            return 1
        left = generations.held().generation
    result = _result(left, rebuilding.done, comparison, meter.request_charge)
    _print(result, options)
    changed = comparison is not None and comparison.differs
    return 1 if changed or result.keys_stuck else 0


def _plan(pack: Pack, now: Generation, wanted: Wanted) -> str:
    """What would be done, as a sentence."""
    check(pack, now, wanted)
    building: Building | None = now.building
    if wanted.abort:
        assert building is not None
        return (
            f"would delete generation {building.generation}; generation {now.generation} stays "
            "in force"
        )
    if building is not None:
        return f"would go on with generation {building.generation}, which is {building.phase}"
    building = begin(pack, now, wanted).building
    assert building is not None
    same = building.definition_version == now.definition_version
    kept = (
        "no document is kept as it is"
        if building.horizon_seconds is None
        else f"periods before {moment(building.horizon_seconds)} keep their documents"
    )
    return (
        f"would count all sources into generation {building.generation} "
        f"({building.buckets} buckets, "
        + ("the same definition" if same else f"definition {building.definition_version}")
        + f"), switch, and delete generation {now.generation}; {kept}"
    )


def _result(
    now: Generation, done: Done, comparison: Comparison | None, request_charge: float
) -> RebuildResult:
    return RebuildResult(
        now.generation,
        None if now.building is None else now.building.phase,
        done.carried,
        done.documents,
        done.keys,
        sorted(set(done.stuck)),
        done.removed,
        round(request_charge, 1),
        comparison,
    )


def _print(result: RebuildResult, options: argparse.Namespace) -> None:
    if options.json:
        print_json(msgspec.to_builtins(result))
        return
    if sys.stderr.isatty():
        print(file=sys.stderr)
    out = console()
    if result.comparison is not None:
        _print_comparison(result.comparison)
    for key in result.keys_stuck:
        out.print(f"not published: {key}")
    out.print(
        f"generation {result.generation} is in force"
        + ("" if result.phase is None else f"; a rebuild is {result.phase}")
        + f"; {result.documents_read} documents read, {result.keys_published} keys published, "
        f"{result.state_documents_removed} state documents removed, "
        f"{result.request_charge} request units"
    )


def _say(sentence: str, options: argparse.Namespace) -> int:
    if options.json:
        print_json({"plan": sentence})
    else:
        console().print(sentence, soft_wrap=True)
    return 0


def _phase(name: str) -> None:
    print(("\n" if sys.stderr.isatty() else "") + name, file=sys.stderr, flush=True)


def _noted(text: str) -> None:
    """Progress within a phase, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)


def _print_comparison(comparison: Comparison) -> None:
    """The comparison for people."""
    out = console()
    out.print(
        table(
            ("view", "same", "change", "appear", "vanish", "kept as they are"),
            (
                (one.view, one.same, one.changes, one.appears, one.vanishes, one.kept)
                for one in comparison.views
            ),
            "If the new generation came into force now",
        )
    )
    examples = [
        (one.document, one.path, one.old, one.new)
        for view in comparison.views
        for one in view.examples
    ]
    if examples:
        out.print(table(("document", "path", "old", "new"), examples, "Such as"))
    print_unchanging(comparison.unchanging)
