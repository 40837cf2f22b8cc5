"""`dead-letters`: look at what could not be applied, redrive it, or put it aside for good."""

import argparse
import re
import sys
import time
from collections import Counter
from itertools import islice
from typing import Any

import msgspec

from cosmos_views.cli import connection, trailing
from cosmos_views.cli.numbers import whole_positive
from cosmos_views.cli.output import cell, console, counts, print_json, table
from cosmos_views.intake.dead_letters import CATEGORIES, DeadLetter, Status
from cosmos_views.ledger.instants import SECOND_US, iso
from cosmos_views.pack import Pack
from cosmos_views.store.poison import PoisonStore, Selection
from cosmos_views.upkeep.redrive import RedriveOutcome

LIMIT_DEFAULT = 1_000
ALL = "all"
CORRELATION = {"invocation_id": "ops dead-letters redrive"}
DISCARDED = "an operator discarded it"
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
PROGRESS_EVERY = 25
HEADINGS = ("id", "source", "document", "category", "path", "status", "attempts", "first failed")


def add_parser(commands: Any, pack: Pack) -> None:
    """Declare the command and its four actions."""
    parser = commands.add_parser(
        "dead-letters",
        help="what could not be applied: list, show, redrive, discard",
        description="Dead letters are changes that stage 1 could not apply. Redrive reads the"
        " document as its source holds it now and applies it by the ordinary path: run it after"
        " the document was corrected or a newer worker was deployed (a timer does the same). What"
        " is discarded stays discarded.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _list = actions.add_parser("list", help="the letters, the oldest failure first")
    _list.set_defaults(run=run_list)
    show = actions.add_parser("show", help="one letter in full; exit code 1 when there is none")
    show.add_argument("letter", metavar="ID", help="the letter's id")
    show.add_argument("--json", action="store_true", help="print JSON")
    connection.add_arguments(show)
    show.set_defaults(run=run_show)
    redrive = actions.add_parser(
        "redrive",
        help="send them through stage 1 again; exit code 1 when some still fail",
        description="Redrives the selected letters, whichever worker has tried them before.",
    )
    redrive.set_defaults(run=run_redrive)
    discard = actions.add_parser(
        "discard",
        help="put them aside for good",
        description="Discards the selected letters. The documents stay where they are and count"
        " nothing until a newer version of them comes. Needs at least one filter.",
    )
    discard.set_defaults(run=run_discard, usage_error=discard.error)
    for action in (_list, redrive, discard):
        _add_filters(action, pack)
        connection.add_arguments(action)
    for action in (redrive, discard):
        action.add_argument("--dry-run", action="store_true", help="only list what is selected")
    connection.add_yes(discard)


def _add_filters(parser: argparse.ArgumentParser, pack: Pack) -> None:
    parser.add_argument("--category", choices=CATEGORIES, help="why they could not be applied")
    parser.add_argument("--source", choices=sorted(pack.facts), help="the container they come from")
    parser.add_argument("--id", metavar="ID", help="one letter")
    parser.add_argument(
        "--status",
        choices=[*Status, ALL],
        help="where they stand (default: pending; with --id: all)",
    )
    parser.add_argument(
        "--older-than",
        type=seconds,
        metavar="TIME",
        help="first failed so long ago: 90s, 30m, 12h, 7d",
    )
    parser.add_argument(
        "--limit",
        type=whole_positive,
        default=LIMIT_DEFAULT,
        metavar="N",
        help="letters at most (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def seconds(text: str) -> int:
    """A length of time from the command line."""
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 90s, 30m, 12h, 7d")
    return int(match[1]) * UNIT_SECONDS[match[2]]


def run_list(options: argparse.Namespace) -> int:
    """Print the selected letters."""
    _print_letters(_selected(_poison(options), options), options.json)
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Print one letter."""
    for letter in _poison(options).select(Selection(list(options.pack.facts), id=options.letter)):
        if options.json:
            print_json(msgspec.to_builtins(letter))
        else:
            for name, value in msgspec.to_builtins(letter).items():
                console().print(f"{name}: {cell(value)}")
        return 0
    print(f"There is no dead letter {options.letter}.", file=sys.stderr)
    return 1


def run_redrive(options: argparse.Namespace) -> int:
    """Redrive the selected letters; 1 when some still fail."""
    worker = trailing.worker(options, writes=not options.dry_run)
    letters = _selected(worker.poison, options)
    if options.dry_run:
        _print_letters(letters, options.json)
        return 0
    results = []
    for number, letter in enumerate(letters, start=1):
        results.append(worker.redriver.redrive(letter, CORRELATION))
        if number % PROGRESS_EVERY == 0:
            print(f"{number} of {len(letters)} redriven …", file=sys.stderr)
    outcomes = Counter(str(one.outcome) for one in results)
    if options.json:
        print_json(
            {
                **{str(outcome).replace(" ", "_"): outcomes[outcome] for outcome in RedriveOutcome},
                "letters": [
                    {**_short(one.letter), "outcome": str(one.outcome), "why": one.why}
                    for one in results
                ],
            }
        )
    elif results:
        rows = [
            (one.letter.id, one.letter.source, one.letter.document_id, one.outcome, one.why)
            for one in results
        ]
        console().print(table(("id", "source", "document", "outcome", "why"), rows))
        console().print(counts(outcomes))
    else:
        print("No dead letter is selected.", file=sys.stderr)
    return 1 if outcomes[RedriveOutcome.STILL_FAILING] else 0


def run_discard(options: argparse.Namespace) -> int:
    """Discard the selected letters."""
    filters = (options.category, options.source, options.id, options.status, options.older_than)
    if not any(filters):
        options.usage_error("say which: --category, --source, --id, --status or --older-than")
    poison = _poison(options, writes=not options.dry_run)
    letters = [one for one in _selected(poison, options) if one.status is not Status.DISCARDED]
    if options.dry_run:
        _print_letters(letters, options.json)
        return 0
    if letters and not connection.agreed(options, f"Discard {len(letters)} dead letters for good?"):
        return 1
    at = iso(time.time_ns() // 1_000)
    discarded = [
        letter for letter in letters if poison.resolve(letter, Status.DISCARDED, DISCARDED, at)
    ]
    if options.json:
        print_json({"discarded": len(discarded), "letters": [_short(one) for one in discarded]})
    else:
        console().print(f"discarded {cell(len(discarded))}")
    return 0


def _poison(options: argparse.Namespace, *, writes: bool = False) -> PoisonStore:
    return PoisonStore(connection.connect(options, writes=writes).container("poison_messages"))


def _selected(poison: PoisonStore, options: argparse.Namespace) -> list[DeadLetter]:
    """Held, because redriving changes what the query finds; so their number is bounded."""
    status = options.status or (ALL if options.id else Status.PENDING)
    age: int | None = options.older_than
    now_us = time.time_ns() // 1_000
    selection = Selection(
        sources=[options.source] if options.source else list(options.pack.facts),
        status=None if status == ALL else status,
        category=options.category,
        id=options.id,
        failed_before=None if age is None else iso(max(0, now_us - age * SECOND_US)),
    )
    found = list(islice(poison.select(selection), options.limit + 1))
    if len(found) > options.limit:
        print(f"There are more than {options.limit}; see --limit.", file=sys.stderr)
    return found[: options.limit]


def _print_letters(letters: list[DeadLetter], as_json: bool) -> None:
    if as_json:
        print_json([_short(letter) for letter in letters])
    elif letters:
        rows = [
            (
                one.id,
                one.source,
                one.document_id,
                one.category,
                one.path,
                one.status,
                one.attempts,
                one.first_failed_at,
            )
            for one in letters
        ]
        console().print(table(HEADINGS, rows))
    else:
        print("No dead letter is selected.", file=sys.stderr)


def _short(letter: DeadLetter) -> dict[str, Any]:
    names = (
        "id source document_id category path message status attempts first_failed_at"
        " last_failed_at worker_version resolution"
    )
    return {name: getattr(letter, name) for name in names.split()}
