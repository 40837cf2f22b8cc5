"""`python -m demo`: the whole worker on this machine, no Azure, no Docker.

Without a command it runs until Ctrl-C. Exit codes: 0 stopped when asked to or done, 1 something was
reported or a port is taken, 2 wrong usage or configuration, 130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence

from azure.core.exceptions import AzureError

from cosmos_views.cli.connection import LOCAL_PORT
from cosmos_views.ledger.commits import Transient
from cosmos_views.settings import ConfigurationError
from cosmos_views.store.failures import Refused
from demo import cost, run
from demo.serve import BLOB_PORT, FUNCTIONS_PORT, add_arguments, serve
from emulators.functions import HostError
from emulators.terminal import in_any_encoding


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the ground; returns the exit code."""
    in_any_encoding()
    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except (ConfigurationError, Refused) as error:
        return _report(error, 2)
    except (HostError, OSError) as error:
        return _report(
            error, 1, " Choose others with --blob-port, --cosmos-port and --functions-port."
        )
    except (AzureError, Transient) as error:
        return _report(error, 1)
    return code


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="python -m demo",
        description="Starts a Cosmos DB endpoint with the worker's containers, and a Functions host"
        " with the worker, and runs until Ctrl-C. `python -m cosmos_views` works on it as on any"
        " account.",
    )
    add_arguments(top, LOCAL_PORT, FUNCTIONS_PORT, BLOB_PORT)
    top.set_defaults(run=serve)
    commands = top.add_subparsers(metavar="COMMAND")
    run.add_parser(commands)
    cost.add_parser(commands)
    return top


def _report(error: Exception, code: int, port_hint: str = "") -> int:
    sentence = str(error).strip().splitlines()[0].rstrip(".")
    hint = port_hint if "listen" in sentence else ""
    print(f"{sentence[:1].upper()}{sentence[1:]}.{hint}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
