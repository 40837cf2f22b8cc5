"""Reads that lag behind writes, as replicas do under Session consistency.

The pause before a doubt is settled is longer than replicas lag, so here it ends the lag.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from cosmos_views.intake.doubts import DOUBT_PAUSE_SECONDS
from cosmos_views.ledger.commits import Transient
from cosmos_views.worker import Worker
from emulators.cosmos import Endpoint
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    SESSIONS,
    Ground,
    assert_views_are_true,
    deliver_until_done,
)
from tests.worker.stories import incident, interaction, on, session

LSNS = 6
ROUNDS = 6


def lagging_worker(ground: Ground) -> Worker:
    worker = ground.worker()

    def wait(seconds: float) -> None:
        if seconds >= DOUBT_PAUSE_SECONDS:
            ground.endpoint.lag.set(0)

    for processor in worker.processors.values():
        processor.outside = replace(processor.outside, wait=wait)
    return worker


@pytest.mark.usefixtures("few_views")
@pytest.mark.parametrize(("seed", "buckets"), [(1, 1), (2, 1), (3, 3)])
def test_workers_that_read_late_count_once_and_publish_the_truth(
    endpoint: Endpoint, grounds: Callable[..., Ground], seed: int, buckets: int
) -> None:
    ground = grounds(endpoint, buckets)
    random = Random(seed)
    workers = [lagging_worker(ground) for _ in range(3)]
    for turn in range(ROUNDS):
        day = on(random.randint(1, 28))
        user = random.choice(("ada", "bob"))
        ground.write(INTERACTIONS, interaction("a", user_id=user, timestamp=day, turn=turn))
        ground.write(SESSIONS, session(f"s{turn % 2}", user_id=user, start_time=day, turn=turn))
        ground.write(INCIDENTS, incident("i", user_id=user, created_at=day, turn=turn))
        for source in random.sample((INTERACTIONS, SESSIONS, INCIDENTS), 3):
            changes = ground.feed(source)
            for worker in random.sample(workers, 2):
                endpoint.lag.set(LSNS, 0.5)
                deliver_until_done(worker, source, changes)
        endpoint.lag.set(LSNS, 0.5)
        try:
            random.choice(workers).publisher.run()
        except Transient:
            continue
    endpoint.lag.set(0)

    assert_views_are_true(ground, workers[0])


def test_a_doubt_that_a_late_read_would_settle_wrongly_is_read_again(ground: Ground) -> None:
    worker = lagging_worker(ground)
    ground.endpoint.lag.set(1)  # of what is written from here on
    older = ground.write(INTERACTIONS, interaction("a"))
    newer = ground.write(INTERACTIONS, interaction("a", timestamp=on(11)))
    deliver_until_done(ground.worker(), INTERACTIONS, newer)
    # The last write to the state is not the entry's, so only the source is read late.
    ground.container("state").upsert_item({"id": "another", "pk": "another"})

    deliver_until_done(worker, INTERACTIONS, older)

    ground.endpoint.lag.set(0)
    assert_views_are_true(ground, worker)


def test_a_late_read_does_not_go_behind_any_version_of_its_batch(ground: Ground) -> None:
    """The newest was delivered before the oldest, and a reading between them was believed."""
    worker = lagging_worker(ground)
    oldest = ground.write(INTERACTIONS, interaction("a"))
    deliver_until_done(worker, INTERACTIONS, oldest)
    ground.later()
    ground.endpoint.lag.set(1)  # of what is written from here on
    ground.write(INTERACTIONS, interaction("a", timestamp=on(11)))
    newest = ground.write(INTERACTIONS, interaction("a", timestamp=on(12)))

    deliver_until_done(worker, INTERACTIONS, [*newest, *oldest])

    ground.endpoint.lag.set(0)
    assert_views_are_true(ground, worker)
