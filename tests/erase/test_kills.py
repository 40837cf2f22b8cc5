"""kill -9 of an erasure at every boundary: the same command goes on, nothing of the user is left,
doubled or half done, and the receipt is whole.

Each kill meets the user anew: a populated store is erased, killed, and erased again.
`KILLS_AT=all` takes every boundary.
"""

from collections.abc import Iterator

import pytest

from local.cosmos import Endpoint
from store.erased import ErasedUsers
from store.state import StateStore
from tests.erase.erasures import KEY, REMOVED, USER, assert_forgotten, connection, populate
from tests.kills.processes import Command, chosen
from tests.worker.conftest import GroundMaker
from tests.worker.ground import Ground


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(seed=23) as running:
        yield running


def erasure(ground: Ground) -> Command:
    return Command(
        ground.endpoint, "erase", "--user", USER, "--settle-seconds", "0", *connection(ground)
    )


def test_an_erasure_killed_at_any_request_is_finished_by_the_next(
    endpoint: Endpoint, grounds: GroundMaker
) -> None:
    first = grounds(endpoint)
    populate(first)
    requests = erasure(first).requests()
    assert_forgotten(first)

    for number in chosen(requests, some=12):
        ground = grounds(endpoint)
        populate(ground)
        command = erasure(ground)
        assert command.kill_at(number)
        assert command.run() == 0, f"killed at request {number}"
        assert_forgotten(ground)
        record, _ = ErasedUsers(StateStore(ground.container("state"))).read(KEY)
        assert record is not None
        # Keys wait to be published only where a kill came between fold and clear.
        receipt = {**record.receipt, "waiting_view_keys": 0}
        assert receipt == {**REMOVED, "waiting_view_keys": 0}, f"killed at request {number}"
        ground.close()
