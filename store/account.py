"""The account: a client of it, and whether it gives the guarantees the worker reasons with."""

from azure.cosmos import CosmosClient

from settings import CosmosConnection
from store.failures import Refused

STRONG_ENOUGH = frozenset({"Session", "BoundedStaleness", "Strong"})


def connect(connection: CosmosConnection) -> CosmosClient:
    """A client of the account. A key is for local work; in Azure the identity of the worker."""
    if connection.key is not None:
        return CosmosClient(connection.endpoint, connection.key)
    # Imported only where it is used: it costs a cold start 0.1 s.
    from azure.identity import DefaultAzureCredential

    return CosmosClient(
        connection.endpoint,
        DefaultAzureCredential(managed_identity_client_id=connection.client_id),
    )


def check(client: CosmosClient) -> None:
    """Refuse an account whose reads may go back, or that is written in several regions.

    Session tokens and ETags order what the worker reads and writes; weaker consistency ignores the
    first, multi-region writes the second (platform facts: Cosmos DB, "Consistency levels").
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
