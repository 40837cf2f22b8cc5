"""kill -9 of a rebuild at every boundary: the same command goes on, and nothing is lost, doubled or
half done.

Each kill is followed by the same command, which must end; then the next rebuild is killed further
on. `KILLS_AT=all` takes every boundary.
"""

import time

import pytest

from cosmos_views.ledger.instants import DAY_SECONDS, iso
from emulators.cosmos import Endpoint
from tests.kills.processes import Command, chosen
from tests.rebuild.rebuilds import (
    REBUILD,
    assert_only_this_generation_is_left,
    connection,
    in_force,
)
from tests.worker.conftest import GroundMaker
from tests.worker.ground import (
    INTERACTIONS,
    SOURCES,
    UNBOUNDED,
    Ground,
    deliver_all,
    publish_until_done,
)
from tests.worker.stories import incident, interaction, session


@pytest.fixture
def small(endpoint: Endpoint, grounds: GroundMaker) -> Ground:
    """A few documents of today and a user known before the horizon, in two buckets, counted and
    published."""
    ground = grounds(endpoint, buckets=2)
    ground.write(
        INTERACTIONS, *(interaction(f"i{n}", user_id=f"u{n}", timestamp=...) for n in "ab")
    )
    ground.write(INTERACTIONS, interaction("long ago", user_id="ua", timestamp=_long_ago()))
    ground.write(SOURCES[1], session("s", user_id="ua", start_time=...))
    ground.write(SOURCES[2], incident("x", user_id="ua", interaction_id="ia", created_at=...))
    worker = ground.worker()
    deliver_all(worker, {source: ground.feed(source) for source in SOURCES})
    publish_until_done(ground, worker)
    return ground


def test_a_rebuild_killed_at_any_request_is_finished_by_the_next(small: Ground) -> None:
    command = Command(small.endpoint, *REBUILD, *connection(small))
    prove = Command(small.endpoint, "reconcile", "--dry-run", *UNBOUNDED, *connection(small))
    expected = small.expected()

    for number in chosen(command.requests()):
        command.kill_at(number)
        assert command.run() == 0, f"killed at request {number}"
        assert prove.run() == 0, f"killed at request {number}"
        generation = in_force(small).generation
        assert_only_this_generation_is_left(small, generation)
        assert expected == small.views(), f"killed at request {number}"


def test_an_abort_killed_at_any_request_is_finished_by_the_next(small: Ground) -> None:
    begin = Command(small.endpoint, *REBUILD, "--compare", *connection(small))
    abort = Command(small.endpoint, *REBUILD, "--abort", *connection(small))
    expected = small.expected()

    assert begin.run() == 0
    for number in chosen(abort.requests(), some=8):
        assert begin.run() == 0
        assert abort.kill_at(number)
        # 2: the kill came after the abort's last write, and nothing is left to abort.
        assert abort.run() in (0, 2), f"killed at request {number}"
        assert_only_this_generation_is_left(small, 1)
        assert expected == small.views(), f"killed at request {number}"


def _long_ago() -> str:
    return iso((int(time.time()) - 200 * DAY_SECONDS) * 1_000_000)
