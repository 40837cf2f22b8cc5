"""`prices check`: which price each model id of real documents finds, by which rule, and which none.

The way to fill the override table (docs/pricing.md). It decodes documents as the worker does, so a
model is named as it would be priced; it writes nothing.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.status import Status

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
SOURCE = "user_interactions"
PROGRESS_EVERY = 1_000
PAGE_DOCUMENTS = 1_000
PROBLEMS_KEPT_MAX, PROBLEMS_SHOWN_MAX = 1_000, 20
REMEMBERED_MAX = 100_000
"""Documents whose last version is remembered, so that a later one takes its place."""
UNPRICED = ("without a price", "calls", "input tokens", "output tokens")
PRICED = ("model", "calls", "USD", "per M in", "per M out", "rule")


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
    replaced: int = 0
    """Earlier versions of documents that came again: only the last one counts."""
    rejected: int = 0
    """Lines that cannot be read, and documents that the worker would not take."""
    problems: list[str] = []  # msgspec copies the empty default
    """The first of them, each with its place and the reason."""
    models: list[Model] = []

    def report(self, problem: str) -> None:
        """Note what was rejected."""
        self.rejected += 1
        if len(self.problems) < PROBLEMS_KEPT_MAX:
            self.problems.append(problem)


def add_parser(commands: Any, _pack: Pack) -> None:
    """Declare the command."""
    parser = commands.add_parser("prices", help="which price every model id finds: check")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser(
        "check",
        help="list the model ids of real documents with their prices",
        description="Reads interactions from a file of JSON lines or from the source container, and"
        " lists every model id with the price it finds and by which rule: those without a price"
        " first, by their tokens, then the others, the most expensive first. Of a document that"
        " comes again only the last version counts, among the last 100 000 documents. A document"
        " that names no kind is taken for an interaction. Nothing is written. Exit codes: 0 every"
        " call has a price, 1 one has none or a document was rejected, 2 wrong usage.",
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
    errors = Console(stderr=True)
    try:
        with errors.status("reading") if errors.is_terminal else nullcontext() as status:
            _count(changes, prices, done, status)
    except CannotRead as error:
        raise ConfigurationError(str(error)) from None
    for problem in done.problems[:PROBLEMS_SHOWN_MAX]:
        print(problem, file=sys.stderr)
    if (more := done.rejected - PROBLEMS_SHOWN_MAX) > 0:
        print(f"{cell(more)} more were rejected; --json lists them", file=sys.stderr)
    if options.json:
        print_json(msgspec.to_builtins(done))
    else:
        _print(done)
    return 1 if done.rejected or any(one.unpriced for one in done.models) else 0


def _count(
    changes: Iterator[tuple[str, Change]], prices: Prices, done: Check, status: Status | None
) -> None:
    source = interactions.source(prices)
    models: dict[str, Model] = {}
    latest: dict[str, InteractionFact | None] = {}
    for place, change in changes:
        done.documents += 1
        if status is not None and done.documents % PROGRESS_EVERY == 0:
            status.update(f"{cell(done.documents)} documents read")
        judged = judge(source, change, -1)
        if judged.rejected is not None:
            done.report(f"{place}: {judged.rejected.category}: {judged.rejected}")
        fact = judged.verdict.fact
        counted = fact if isinstance(fact, InteractionFact) else None
        done.not_counted += counted is None
        if change.entry_id in latest:
            done.replaced += 1
            _add(models, latest.pop(change.entry_id), -1)
        latest[change.entry_id] = counted
        if len(latest) > REMEMBERED_MAX:
            del latest[next(iter(latest))]
        _add(models, counted, 1)
    for one in models.values():
        one.rule = prices.rule(one.model, one.latest)
        one.cost_usd = one.cost_nano_usd / NANO
        one.input_usd_per_million = _usd(prices(one.model, one.latest, MILLION, 0))
        one.output_usd_per_million = _usd(prices(one.model, one.latest, 0, MILLION))
    done.models = sorted((one for one in models.values() if one.interactions), key=_dearest_first)


def _add(models: dict[str, Model], fact: InteractionFact | None, sign: int) -> None:
    if fact is None:
        return
    one = models.setdefault(fact.model, Model(fact.model))
    one.interactions += sign
    one.input_tokens += sign * (fact.input_tokens or 0)
    one.output_tokens += sign * (fact.output_tokens or 0)
    one.unpriced += sign * (not fact.priced)
    one.cost_nano_usd += sign * fact.cost_nano_usd
    one.latest = max(one.latest, fact.at_seconds)


def _dearest_first(one: Model) -> tuple[bool, int, int, str]:
    return not one.is_unpriced, -one.cost_nano_usd, -one.input_tokens - one.output_tokens, one.model


def _usd(nano_usd: int | None) -> float | None:
    return None if nano_usd is None else nano_usd / NANO


def _in_file(pack: Pack, path: Path, done: Check) -> Iterator[tuple[str, Change]]:
    for _, line in read_lines(pack, path, SOURCE):
        if isinstance(line, Problem):
            done.report(f"{line.place}: {line.reason}")
        elif line.source == SOURCE:
            yield line.place, line.change


def _in_container(options: argparse.Namespace) -> Iterator[tuple[str, Change]]:
    container = connection.connect(options).container(SOURCE)
    source = options.pack.source(SOURCE)
    for page in container.read_all_items(max_item_count=PAGE_DOCUMENTS).by_page():
        for document in page:
            change = read_document(source, as_text(document).encode())
            yield f"{SOURCE}/{change.document_id}", change


def _print(done: Check) -> None:
    out = console()
    unpriced = [
        (one.model, one.interactions, one.input_tokens, one.output_tokens)
        for one in done.models
        if one.is_unpriced
    ]
    priced = [
        (
            one.model,
            one.interactions,
            one.cost_usd,
            one.input_usd_per_million,
            one.output_usd_per_million,
            one.rule,
        )
        for one in done.models
        if not one.is_unpriced
    ]
    for headings, rows in ((UNPRICED, unpriced), (PRICED, priced)):
        if rows:
            out.print(table(headings, rows))
    out.print(
        f"{cell(done.documents)} documents, {cell(done.not_counted)} of them not counted, "
        f"{cell(done.replaced)} replaced by a later version; {cell(len(done.models))} models, "
        f"{cell(len(unpriced))} without a price"
    )
