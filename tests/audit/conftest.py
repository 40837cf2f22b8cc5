"""One endpoint per story, because stories move its clock."""

from collections.abc import Callable, Iterator

import pytest

from emulators.cosmos import Endpoint
from tests.worker.conftest import grounds
from tests.worker.ground import Ground

__all__ = ["grounds"]


@pytest.fixture
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """A story may ask for several physical partitions, as the fixture's parameter."""
    with Endpoint(seed=11, partitions=getattr(request, "param", 1)) as running:
        yield running


@pytest.fixture
def ground(endpoint: Endpoint, grounds: Callable[..., Ground]) -> Ground:
    return grounds(endpoint)
