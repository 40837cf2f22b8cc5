"""`provision`: create the database, its containers and the first generation; change nothing."""

import argparse
from collections.abc import Callable
from typing import Any

from cosmos_views.cli import connection
from cosmos_views.cli.connection import Account
from cosmos_views.cli.output import print_json
from cosmos_views.ledger.generations import Generation
from cosmos_views.pack import Pack
from cosmos_views.store import account, catalogue
from cosmos_views.store.failures import Refused
from cosmos_views.store.generation import BUCKETS_DEFAULT, GenerationStore

BUCKETS_MAX = 1_024


def add_parser(commands: Any, _pack: Pack) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "provision",
        help="create the database, the containers and the state's layout",
        description="Creates what is missing and never changes what exists, so it may be run again"
        " at any time. Refuses accounts whose consistency is weaker than Session, or that are"
        " written in several regions.",
    )
    parser.add_argument(
        "--buckets",
        type=buckets,
        metavar="N",
        help="parts the state is divided into, pinned until a rebuild changes it (default:"
        f" {BUCKETS_DEFAULT}, good to about 20 000 changes a day; 4 for 100 000, 32 for a million)",
    )
    parser.add_argument(
        "--serverless",
        action="store_true",
        help="the account is serverless: give no container a throughput of its own",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Provision, and say what was created and what was there."""
    target = connection.connect(options, writes=True)
    containers: dict[str, str] = {}

    def note(container: catalogue.Container, created: bool) -> None:
        containers[container.name] = "created" if created else "exists"
        if not options.json:
            print(f"{containers[container.name]:<8} {container.name}")

    found, created = provision(target, options.buckets, not options.serverless, note)
    if options.json:
        print_json(
            {
                "database": target.database.id,
                "containers": containers,
                "generation": found.generation,
                "buckets": found.buckets,
                "definition_version": found.definition_version,
                "created": created,
            }
        )
    else:
        print(
            f"{'created' if created else 'exists':<8} generation {found.generation}, "
            f"{_number(found.buckets)}, definition "
            f"{found.definition_version}, database {target.database.id}"
        )
    return 0


def provision(
    target: Account,
    wanted_buckets: int | None = None,
    throughput: bool = True,
    on_container: Callable[[catalogue.Container, bool], None] = lambda *_: None,
) -> tuple[Generation, bool]:
    """(the generation in force, whether it was created now). Raises Refused where the account, a
    container or an existing generation does not fit this worker."""
    account.check(target.client)
    try:
        catalogue.provision(
            target.pack,
            target.client,
            target.database.id,
            throughput=throughput,
            on_container=on_container,
        )
    except ValueError as error:
        raise Refused(str(error)) from None
    generations = GenerationStore(target.container("state"))
    definition = target.pack.definition
    created = generations.read() is None
    found = generations.create_first(wanted_buckets or BUCKETS_DEFAULT, definition)
    if wanted_buckets is not None and found.buckets != wanted_buckets:
        raise Refused(
            f"the store has {_number(found.buckets)} and keeps that number: a document stays in "
            f"the bucket it was counted in, so with {wanted_buckets} it would count twice: run "
            f"`python -m cosmos_views rebuild --buckets {wanted_buckets}`, or leave --buckets out"
        )
    return generations.in_force(definition), created


def buckets(text: str) -> int:
    """A number of buckets from the command line."""
    if not text.isdigit() or not 1 <= int(text) <= BUCKETS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {BUCKETS_MAX}")
    return int(text)


def _number(count: int) -> str:
    return "1 bucket" if count == 1 else f"{count} buckets"
