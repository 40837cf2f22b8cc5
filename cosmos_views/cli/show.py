"""`show`: read published views as their readers see them."""

import argparse
import sys
from typing import Any

from cosmos_views.cli import connection, views
from cosmos_views.cli.output import console, print_json
from cosmos_views.pack import Pack

LIMIT_DEFAULT = 400


def add_parser(commands: Any, pack: Pack) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "show",
        help="published views, as a table or one document",
        description="Without KEY: a table of a view's documents. With KEY: one document in full."
        " KEY is the view's own key (a day such as 2025-08-05 for daily_metrics) or the document's"
        " id. Views that were emptied count as absent; then the exit code is 1.",
    )
    parser.add_argument(
        "view", choices=sorted(pack.views), metavar="VIEW", help=", ".join(pack.views)
    )
    parser.add_argument("key", nargs="?", metavar="KEY", help="one document instead of all")
    parser.add_argument(
        "--limit",
        type=int,
        default=LIMIT_DEFAULT,
        metavar="N",
        help="documents in a table at most (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a view."""
    target = connection.connect(options)
    if options.key is None:
        return _all(target, options)
    document = views.read_one(target, options.view, options.key)
    if document is None:
        print(f"{options.view} has no document {options.key}.", file=sys.stderr)
        return 1
    if options.json:
        print_json(document)
    else:
        views.print_document(console(), document)
    return 0


def _all(target: connection.Account, options: argparse.Namespace) -> int:
    documents = views.read_all(target, options.view, options.limit + 1)
    if len(documents) > options.limit:
        documents = documents[: options.limit]
        print(
            f"{options.view} has more than {options.limit} documents; see --limit.", file=sys.stderr
        )
    if options.json:
        print_json(documents)
    elif documents:
        console().print(views.as_table(options.pack.views[options.view], documents))
    else:
        print(f"{options.view} has no documents.", file=sys.stderr)
    return 0
