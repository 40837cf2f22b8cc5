"""One endpoint per module, one fresh database per story."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from cosmos_views.settings import CosmosConnection
from cosmos_views.store import account
from emulators.cosmos import Endpoint
from pack import PACK
from tests.worker.ground import Ground

_NUMBERS = itertools.count()
GroundMaker = Callable[..., Ground]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(seed=11) as running:
        yield running


@pytest.fixture(scope="module")
def split_endpoint() -> Iterator[Endpoint]:
    """Four physical partitions."""
    with Endpoint(seed=11, partitions=4) as running:
        yield running


@pytest.fixture
def grounds() -> Iterator[Callable[..., Ground]]:
    """Makes grounds: `grounds(endpoint, buckets=4)`."""
    made: list[Ground] = []

    def make(endpoint: Endpoint, buckets: int = 1) -> Ground:
        client = account.connect(CosmosConnection(endpoint.url, endpoint.key))
        ground = Ground(endpoint, client, f"story-{next(_NUMBERS)}", buckets)
        made.append(ground)
        return ground

    yield make
    for ground in made:
        ground.close()


@pytest.fixture
def ground(endpoint: Endpoint, grounds: Callable[..., Ground]) -> Ground:
    return grounds(endpoint)


@pytest.fixture
def few_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that keeps two views only, for stories about publishing rather than about views."""
    for view in set(PACK.views) - {"daily_metrics", "content_analytics"}:
        monkeypatch.delitem(PACK.views, view)
