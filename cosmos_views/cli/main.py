"""`python -m cosmos_views`: what an operator asks of the worker's store.

Exit codes: 0 done, 1 something was reported, 2 wrong usage or configuration. Results go to standard
output, everything else to standard error; an expected failure is one sentence and no traceback.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from azure.core.exceptions import AzureError

from cosmos_views import packs
from cosmos_views.cli import (
    archive,
    audit,
    dead_letters,
    erase,
    lag,
    provision,
    rebuild,
    reconcile,
    replay,
    show,
    status,
)
from cosmos_views.cli.connection import Unreachable
from cosmos_views.cli.output import in_any_encoding
from cosmos_views.ledger.commits import CommitError, Transient
from cosmos_views.ledger.foreign import skipping
from cosmos_views.pack import Pack
from cosmos_views.settings import ConfigurationError
from cosmos_views.store.failures import Refused

COMMANDS = (
    provision,
    replay,
    show,
    status,
    lag,
    dead_letters,
    audit,
    archive,
    reconcile,
    rebuild,
    erase,
)


def main(arguments: Sequence[str] | None = None, pack: Pack | None = None) -> int:
    """Run one command for a pack, by default the one that PACK names; returns the exit code."""
    in_any_encoding()
    try:
        pack = pack or packs.load(os.environ)
    except ConfigurationError as error:
        return _report(f"{error}", 2)
    options = parser(pack).parse_args(arguments)
    with skipping() as skipped:
        code = _run(options)
    for container, number in skipped.by_container.items():
        what = "1 document that is" if number == 1 else f"{number} documents that are"
        print(f"Skipped in {container}: {what} not of the worker's form.", file=sys.stderr)
    return code


def _run(options: argparse.Namespace) -> int:
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except (ConfigurationError, Refused, Unreachable) as error:
        return _report(f"{error}", 2)
    except (Transient, CommitError) as error:
        return _report(f"{error}; run the command again", 1)
    except AzureError as error:
        return _report(f"Cosmos DB failed: {type(error).__name__}: {_first_line(error)}", 1)
    except BrokenPipeError:
        # Whoever read the output has seen enough; leave the interpreter nothing to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _report("interrupted", 130)
    return code


def parser(pack: Pack) -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="python -m cosmos_views",
        description="Operates the change-feed worker's store: create it, feed it, look at it.",
        epilog="The account comes from the environment, as the worker's own does: COSMOS (a"
        " connection string) or COSMOS__accountEndpoint (an identity). When neither is set, the"
        " local ground (`python -m demo`) is used. Exit codes: 0 done, 1 something was reported,"
        " 2 wrong usage or configuration.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for command in (*COMMANDS, *pack.commands):
        command.add_parser(commands, pack)
    top.set_defaults(pack=pack)
    return top


def _report(sentence: str, code: int) -> int:
    print(f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}.", file=sys.stderr)
    return code


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
