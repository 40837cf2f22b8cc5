"""kill -9 at random moments: the worker that comes after ends in the same views.

A moment is so many requests of the worker after the last document was written. `KILLS_SEED` repeats
the moments as far as threads allow.
"""

import os
from functools import partial
from random import Random

import pytest

from emulators.cosmos import Endpoint
from tests.emulators.functions.processes import FAST, host_process
from tests.emulators.functions.waiting import wait_until
from tests.oracle.batches import BATCHES, read_batch
from tests.worker.conftest import GroundMaker
from tests.worker.ground import REPOSITORY, assert_state_is_sound, publish_until_done, text_of

SEED = int(os.environ.get("KILLS_SEED", "1"))
KILLS = int(os.environ.get("KILLS", "3"))
REQUESTS_MAX = 60
"""About as many as the worker makes until it has caught up."""
ARGUMENTS = ("--no-http", "--retry-delay-scale", "0.01", *FAST)


def reached(endpoint: Endpoint, number: int) -> bool:
    return requests(endpoint) >= number


def requests(endpoint: Endpoint) -> int:
    return sum(total.count for total in endpoint.stats.totals() if total.container == "state")


def test_a_worker_killed_again_and_again_during_a_day_ends_in_true_views(
    grounds: GroundMaker,
) -> None:
    random = Random(SEED)
    documents = read_batch(BATCHES / "50_synthetic_day.jsonl")[:450]
    with Endpoint.subprocess() as endpoint:
        ground = grounds(endpoint)
        share = len(documents) // KILLS + 1
        for number in range(KILLS):
            with host_process(REPOSITORY, ground.app_settings(), *ARGUMENTS) as host:
                host.wait_for_line("Ready")
                for document in documents[number * share : (number + 1) * share]:
                    ground.container(document.source).upsert_item(document.body)
                killed_at = requests(endpoint) + random.randrange(REQUESTS_MAX)
                wait_until(partial(reached, endpoint, killed_at))
                host.kill()

        with ground.host() as host:
            host.run_until_idle(steal=True)
        worker = ground.worker()
        publish_until_done(ground, worker)

        assert ground.expected() == ground.views(), f"KILLS_SEED={SEED}"
        assert_state_is_sound(ground)
        ground.close()


@pytest.mark.parametrize("batches", [1, 3])
def test_a_host_abandoned_between_batches_is_replayed_by_the_next(
    endpoint: Endpoint, grounds: GroundMaker, batches: int
) -> None:
    ground = grounds(endpoint)
    ground.write_all(read_batch(BATCHES / "20_shapes.jsonl"))
    with ground.host() as host:
        host.run_until_idle(max_batches=batches)
        host.abandon()

    with ground.host() as host:
        host.run_until_idle(steal=True)
        host.fire("publish")

    assert ground.expected() == ground.views()
    assert_state_is_sound(ground)


def test_a_batch_that_was_counted_but_not_checkpointed_is_a_batch_of_duplicates(
    endpoint: Endpoint, grounds: GroundMaker
) -> None:
    """The function ended, the process died before the checkpoint."""
    ground = grounds(endpoint)
    ground.write_all(read_batch(BATCHES / "20_shapes.jsonl"))
    worker = ground.worker()
    for source, changes in ground.all_changes().items():
        worker.processors[source].process(text_of(changes), {})
    before = ground.etags()

    with ground.host() as host:
        host.run_until_idle()

    assert before == ground.etags()
