"""The account: a client of it, and whether it gives the guarantees the worker reasons with."""

import threading
from typing import Any

from azure.cosmos import CosmosClient
from azure.cosmos._cosmos_client_connection import CosmosClientConnection

from cosmos_views.settings import CosmosConnection
from cosmos_views.store.failures import Refused
from cosmos_views.store.transport import CosmosTransport

STRONG_ENOUGH = frozenset({"Session", "BoundedStaleness", "Strong"})


class _ThreadedConnection(CosmosClientConnection):
    """The SDK's connection, made safe for threads, as the platform runs functions in them.

    It keeps the headers of the last answer and writes numbers of retries into whatever lies there
    (azure-cosmos 4.17.1, `_retry_utility.Execute`): with several threads, into an answer that
    another one is reading at the moment (`OrderedDict mutated during iteration`). Here each thread
    has a last answer of its own.
    """

    last: threading.local

    @property
    def last_response_headers(self) -> Any:
        """Of this thread's last answer."""
        return getattr(self.last, "headers", None)

    @last_response_headers.setter
    def last_response_headers(self, headers: Any) -> None:
        self.last.headers = headers


def connect(connection: CosmosConnection) -> CosmosClient:
    """A client of the account, for any number of threads. A key is for local work; in Azure the
    identity of the worker."""
    client = _connected(connection)
    # The SDK offers no way to say which class of connection a client has.
    shared: Any = client.client_connection
    shared.__class__ = _ThreadedConnection
    shared.last = threading.local()
    return client


def _connected(connection: CosmosConnection) -> CosmosClient:
    # Otherwise every letter that is not ASCII is sent as 6 bytes, and the limits of the service
    # count those.
    options: dict[str, Any] = {
        "transport": CosmosTransport(),
        "enable_compact_utf8_item_writes": True,
    }
    if connection.key is not None:
        return CosmosClient(connection.endpoint, connection.key, **options)
    # Imported only where it is used: it costs a cold start 0.1 s.
    from azure.identity import DefaultAzureCredential

    return CosmosClient(
        connection.endpoint,
        DefaultAzureCredential(managed_identity_client_id=connection.client_id),
        **options,
    )


def check(client: CosmosClient) -> None:
    """Refuse an account whose reads may go back, or that is written in several regions.

    Session tokens and ETags order what the worker reads and writes; weaker consistency ignores the
    first, multi-region writes the second (Microsoft: "Consistency levels in Azure Cosmos DB", and
    "Conflict resolution": with several write regions the last writer wins, whatever it read).
    """
    account = client.get_database_account()
    policy = account.ConsistencyPolicy or {}
    level = policy.get("defaultConsistencyLevel", "unknown")
    if level not in STRONG_ENOUGH:
        raise Refused(
            f"the account's default consistency is {level}: set it to Session or stronger"
        )
    if account._EnableMultipleWritableLocations:  # the SDK has no public name for it
        raise Refused(
            "the account is written in several regions, where ETags order nothing: turn "
            "multi-region writes off"
        )
