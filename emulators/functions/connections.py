"""Cosmos DB clients by connection setting.

Guarantee: `NAME` as a connection string or `NAME__accountEndpoint` with `NAME__accountKey`; one
client per setting, closed with the host.
"""

import threading

from azure.core.exceptions import AzureError
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from emulators.functions.app_settings import find_setting
from emulators.functions.errors import HostError


class Connections:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[str, CosmosClient] = {}

    def container(self, connection: str, database: str, container: str) -> ContainerProxy:
        return (
            self._client(connection).get_database_client(database).get_container_client(container)
        )

    def create_lease_container(self, connection: str, database: str, container: str) -> None:
        client = self._client(connection).get_database_client(database)
        client.create_container_if_not_exists(container, partition_key=PartitionKey("/id"))

    def close(self) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _client(self, connection: str) -> CosmosClient:
        with self._lock:
            if connection not in self._clients:
                endpoint, key = account_of(connection)
                try:
                    self._clients[connection] = CosmosClient(endpoint, key)
                except AzureError as error:
                    raise HostError(
                        f"Cannot use {endpoint}, the connection {connection}: "
                        f"{type(error).__name__}."
                    ) from error
            return self._clients[connection]


def account_of(connection: str) -> tuple[str, str]:
    """Endpoint and key of a connection setting, in either of its forms."""
    text = find_setting(connection) or find_setting(f"ConnectionStrings__{connection}")
    if text:
        # Keys end in "=", so only the first one separates.
        pairs = (part.partition("=") for part in text.split(";") if part.strip())
        parts = {name.strip().lower(): value.strip() for name, _, value in pairs}
        endpoint, key = parts.get("accountendpoint"), parts.get("accountkey")
        if not endpoint or not key:
            raise HostError(
                f"The connection string {connection} has to hold AccountEndpoint and AccountKey."
            )
        return endpoint, key
    endpoint = find_setting(f"{connection}__accountEndpoint")
    key = find_setting(f"{connection}__accountKey")
    if not endpoint:
        raise HostError(
            f"There is no connection {connection}: set {connection} to a connection string, or "
            f"{connection}__accountEndpoint and {connection}__accountKey."
        )
    if not key:
        raise HostError(
            f"The connection {connection} has no {connection}__accountKey: this host signs in with "
            "keys only, a managed identity works in Azure."
        )
    return endpoint, key


def read_properties(proxy: ContainerProxy, function_name: str) -> dict[str, object]:
    """The container's properties; the platform's sentence where there is no such container."""
    try:
        return dict(proxy.read())
    except CosmosResourceNotFoundError:
        raise HostError(
            f"The container {proxy.container_link} that {function_name} uses does not exist. "
            "Source and lease container have to exist before the host starts; "
            "create_lease_container_if_not_exists=True creates the latter."
        ) from None
