"""The account a command works on: from `--connection`, the environment, or the local ground."""

import argparse
import os
import sys
from dataclasses import dataclass

from azure.core.exceptions import AzureError, ServiceRequestError
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceNotFoundError

from cosmos_views.ledger.generations import Generation
from cosmos_views.pack import Pack
from cosmos_views.settings import CONNECTION, ConfigurationError, cosmos_connection
from cosmos_views.store import account, catalogue
from cosmos_views.store.failures import Refused
from cosmos_views.store.generation import GenerationStore

LOCAL_PORT = 8081
LOCAL_KEY = (
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
)
"""The emulator's key: public, the same everywhere, no secret."""
LOCAL_CONNECTION = f"AccountEndpoint=http://127.0.0.1:{LOCAL_PORT}/;AccountKey={LOCAL_KEY};"


class Unreachable(Exception):
    """The account does not answer, or not to us; the message says what to look at."""


@dataclass(frozen=True)
class Account:
    """A client of the account, the database the worker uses in it, and the worker's pack."""

    client: CosmosClient
    database: DatabaseProxy
    pack: Pack

    def container(self, name: str) -> ContainerProxy:
        """One container by its catalogue name."""
        return self.database.get_container_client(name)

    def generation(self) -> Generation:
        """The generation in force. Raises Refused where nothing has been provisioned."""
        state = self.container("state")
        try:
            state.read()
            found = GenerationStore(state).read()
        except CosmosResourceNotFoundError:
            found = None
        if found is None:
            raise Refused(
                f"database {self.database.id} has no generation document: run "
                "`python -m cosmos_views provision`"
            )
        return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that every command takes."""
    parser.add_argument(
        "--connection",
        metavar="STRING",
        help="connection string of the account, instead of the environment's",
    )
    parser.add_argument(
        "--database",
        metavar="NAME",
        help="database (default: COSMOS_DATABASE, else the catalogue's name for it)",
    )


def connect(options: argparse.Namespace, *, writes: bool = False) -> Account:
    """A client of the account. A command that writes says first where. Raises ConfigurationError
    or Unreachable."""
    environment = dict(os.environ)
    if options.connection:
        environment[CONNECTION] = options.connection
    elif not (environment.get(CONNECTION) or environment.get(f"{CONNECTION}__accountEndpoint")):
        print(
            f"Using the local ground at port {LOCAL_PORT}: neither {CONNECTION} nor "
            f"{CONNECTION}__accountEndpoint is set.",
            file=sys.stderr,
        )
        environment[CONNECTION] = LOCAL_CONNECTION
    connection = cosmos_connection(environment)
    name = (
        options.database
        or environment.get("COSMOS_DATABASE")
        or catalogue.of(options.pack).database
    )
    try:
        client = account.connect(connection)
    except ServiceRequestError:
        hint = "start it with `python -m demo`" if _is_local(connection.endpoint) else "is it up?"
        raise Unreachable(f"nothing answers at {connection.endpoint}: {hint}") from None
    except CosmosHttpResponseError as error:
        raise Unreachable(
            f"{connection.endpoint} refuses with {error.status_code}: check the key or the role "
            "assignments"
        ) from None
    except (AzureError, ValueError) as error:
        raise ConfigurationError(
            f"the connection to {connection.endpoint} cannot be used: {type(error).__name__}"
        ) from None
    if writes:
        endpoint = connection.endpoint.rstrip("/")
        print(f"Writes to database {name} of {endpoint}.", file=sys.stderr)
    return Account(client, client.get_database_client(name), options.pack)


def agreed(options: argparse.Namespace, question: str) -> bool:
    """Whether a person at a terminal agrees; where nobody sits, and with `--yes`, nobody is
    asked."""
    if options.yes or not sys.stdin.isatty():
        return True
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    print("Nothing was done.", file=sys.stderr)
    return False


def add_yes(parser: argparse.ArgumentParser) -> None:
    """The argument of a command that asks."""
    parser.add_argument("--yes", action="store_true", help="do not ask, also on a terminal")


def _is_local(endpoint: str) -> bool:
    return "//127.0.0.1" in endpoint or "//localhost" in endpoint
