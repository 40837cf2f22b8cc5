"""Endpoints and SDK clients for the tests of the local Cosmos DB endpoint.

Everything goes through the real SDK; `endpoint` comes with one and with four physical partitions.
"""

from collections.abc import Iterator

import pytest
from azure.cosmos import ContainerProxy, CosmosClient

from emulators.cosmos import Endpoint
from tests.emulators.cosmos.support import connect, make_container


@pytest.fixture(params=[1, 4], ids=["one-range", "four-ranges"])
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    with Endpoint(partitions=request.param, seed=7) as running:
        yield running


@pytest.fixture
def client(endpoint: Endpoint) -> Iterator[CosmosClient]:
    with connect(endpoint) as connected:
        yield connected


@pytest.fixture
def container(client: CosmosClient) -> ContainerProxy:
    """A container keyed by /pk that expires only what asks for it."""
    return make_container(client, "things", default_ttl=-1)
