"""`prices check`: which price each model id of real documents finds, by which rule, and which none.

The way to fill the override table (docs/pricing.md). It decodes documents as the worker does, so a
model is named as it would be priced; it writes nothing.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from cosmos_views.cli import connection
from cosmos_views.cli.lines import CannotRead, Problem, read_lines
from cosmos_views.cli.output import cell, console, print_json, table
from cosmos_views.intake.documents import Change, read_document
from cosmos_views.intake.judging import judge
from cosmos_views.intake.raw_json import as_text
from cosmos_views.ledger.fixed_point import NANO
from cosmos_views.pack import Pack
from cosmos_views.settings import ConfigurationError
from processors import interactions
from processors.facts import InteractionFact
from processors.pricing import Prices, load_overrides

MILLION = 1_000_000
PROGRESS_EVERY = 10_000
PAGE_DOCUMENTS = 1_000
HEADINGS = ("model", "interactions", "input", "output", "USD", "per M in", "per M out", "rule")


class Model(msgspec.Struct):
    """What the documents say of one model id."""

    model: str
    interactions: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    unpriced: int = 0
    """Interactions without a price: of the model, or for want of a token count."""
    cost_usd: float = 0.0
    input_usd_per_million: float | None = None
    """At the time of the latest interaction, as `output_usd_per_million`."""
    output_usd_per_million: float | None = None
    rule: str = ""
    cost_nano_usd: int = 0
    latest: int = 0
    """Event time of the latest interaction, in seconds since 1970."""

    @property
    def is_unpriced(self) -> bool:
        """Whether no price is found for the model at all."""
        return self.rule == "unpriced"


class Check(msgspec.Struct):
    """What a check has read."""

    documents: int = 0
    not_counted: int = 0
    """Deleted, of another kind, or invalid: no model call is priced of these."""
    problems: list[str] = []  # msgspec copies the empty default
    models: list[Model] = []


def add_parser(commands: Any, _pack: Pack) -> None:
    """Declare the command."""
    parser = commands.add_parser("prices", help="which price every model id finds: check")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser(
        "check",
        help="list the model ids of real documents with their prices",
        description="Reads interactions from a file of JSON lines or from the source container, and"
        " lists every model id with the price it finds and by which rule: those without a price"
        " first, by their tokens, then the others, the most expensive first. Nothing is written."
        " Exit code 1 when a call has no price, or a line cannot be read.",
    )
    where = check.add_mutually_exclusive_group(required=True)
    where.add_argument("file", nargs="?", type=Path, metavar="FILE", help="one document per line")
    where.add_argument(
        "--container", action="store_true", help="the account's container user_interactions"
    )
    check.add_argument("--json", action="store_true", help="print JSON")
    connection.add_arguments(check)
    check.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check, and print what was found."""
    done = Check()
    prices = Prices(load_overrides())
    changes = (
        _in_container(options) if options.container else _in_file(options.pack, options.file, done)
    )
    try:
        _count(changes, prices, done)
    except CannotRead as error:
        raise ConfigurationError(str(error)) from None
    for problem in done.problems:
        print(problem, file=sys.stderr)
    if options.json:
        print_json(msgspec.to_builtins(done))
    else:
        _print(done)
    return 1 if done.problems or any(one.unpriced for one in done.models) else 0


def _count(changes: Iterator[Change], prices: Prices, done: Check) -> None:
    source = interactions.source(prices)
    models: dict[str, Model] = {}
    for change in changes:
        done.documents += 1
        if done.documents % PROGRESS_EVERY == 0:
            print(f"{cell(done.documents)} documents read …", file=sys.stderr)
        fact = judge(source, change, -1).verdict.fact
        if not isinstance(fact, InteractionFact):
            done.not_counted += 1
            continue
        one = models.setdefault(fact.model, Model(fact.model))
        one.interactions += 1
        one.input_tokens += fact.input_tokens or 0
        one.output_tokens += fact.output_tokens or 0
        one.unpriced += not fact.priced
        one.cost_nano_usd += fact.cost_nano_usd
        one.latest = max(one.latest, fact.at_seconds)
    for one in models.values():
        one.rule = prices.rule(one.model, one.latest)
        one.cost_usd = one.cost_nano_usd / NANO
        one.input_usd_per_million = _usd(prices(one.model, one.latest, MILLION, 0))
        one.output_usd_per_million = _usd(prices(one.model, one.latest, 0, MILLION))
    done.models = sorted(models.values(), key=_dearest_first)


def _dearest_first(one: Model) -> tuple[bool, int, int, str]:
    return not one.is_unpriced, -one.cost_nano_usd, -one.input_tokens - one.output_tokens, one.model


def _usd(nano_usd: int | None) -> float | None:
    return None if nano_usd is None else nano_usd / NANO


def _in_file(pack: Pack, path: Path, done: Check) -> Iterator[Change]:
    for _, line in read_lines(pack, path, "user_interactions"):
        if isinstance(line, Problem):
            done.problems.append(f"{line.place}: {line.reason}")
        elif line.source == "user_interactions":
            yield line.change


def _in_container(options: argparse.Namespace) -> Iterator[Change]:
    container = connection.connect(options).container("user_interactions")
    source = interactions.source(Prices(()))
    for page in container.read_all_items(max_item_count=PAGE_DOCUMENTS).by_page():
        for document in page:
            yield read_document(source, as_text(document).encode())


def _print(done: Check) -> None:
    rows = [
        (
            one.model,
            one.interactions,
            one.input_tokens,
            one.output_tokens,
            one.cost_usd,
            one.input_usd_per_million,
            one.output_usd_per_million,
            one.rule,
        )
        for one in done.models
    ]
    if rows:
        console().print(table(HEADINGS, rows))
    unpriced = sum(one.is_unpriced for one in done.models)
    console().print(
        f"{cell(done.documents)} documents, {cell(done.not_counted)} of them not counted; "
        f"{cell(len(rows))} models, {cell(unpriced)} without a price"
    )
