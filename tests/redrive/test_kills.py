"""kill -9 of a redrive at every boundary: the same command goes on, every document is counted once
and every letter says how it ended. `KILLS_AT=all` takes every boundary.
"""

from collections.abc import Callable

from tests.kills.processes import Command, chosen
from tests.redrive.conftest import dies_of_a_defect, standing
from tests.worker.ground import INTERACTIONS, Ground, assert_views_are_true
from tests.worker.stories import interaction

IDS = ("a", "b", "c")


def ready(grounds: Callable[..., Ground]) -> tuple[Ground, Command]:
    """Three letters of yesterday's worker, whose documents today's can apply."""
    ground = grounds(buckets=2)
    dies_of_a_defect(ground, *(interaction(one, user_id=f"u{one}") for one in IDS))
    arguments = ("dead-letters", "redrive", "--source", INTERACTIONS)
    account = ("--connection", ground.endpoint.connection_string, "--database", ground.database)
    return ground, Command(ground.endpoint, *arguments, *account)


def test_a_redrive_killed_at_any_request_is_finished_by_the_next(
    grounds: Callable[..., Ground],
) -> None:
    first, command = ready(grounds)
    requests = command.requests()
    assert standing(first) == dict.fromkeys(IDS, "redriven")

    for number in chosen(requests, some=8):
        ground, command = ready(grounds)
        assert command.kill_at(number)
        assert command.run() == 0, f"killed at request {number}"
        assert standing(ground) == dict.fromkeys(IDS, "redriven"), f"killed at request {number}"
        assert_views_are_true(ground)
