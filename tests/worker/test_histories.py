"""Random histories through the real SDK, delivered in any order and batching, end in true views.

Many more of them, without the SDK: `tests/property`, and under faults `tests/simulation`.
"""

from random import Random

import pytest

from tests.generators import history, pools
from tests.worker.ground import (
    SOURCES,
    Document,
    Ground,
    assert_views_are_true,
    deliver_until_done,
)


@pytest.mark.parametrize("seed", range(3))
def test_histories_through_the_endpoint_end_in_true_views(ground: Ground, seed: int) -> None:
    """Versions in any order, some twice, some never."""
    random = Random(f"endpoint:{seed}")
    workers = [ground.worker(), ground.worker()]
    shown: dict[str, list[Document]] = {source: [] for source in SOURCES}
    ground.later(max(0.0, pools.FIRST_WRITE - ground.endpoint.clock.now()))
    for version in history(seed, steps=12):
        shown[version.source] += ground.write(version.source, version.body)
        if random.randrange(4) == 0:
            ground.later()
        if random.randrange(3) == 0:
            source = random.choice([one for one in SOURCES if shown[one]])
            batch = random.choices(shown[source], k=random.randint(1, 6))
            deliver_until_done(random.choice(workers), source, batch)
    for source in random.sample(SOURCES, len(SOURCES)):
        latest = ground.feed(source)
        random.shuffle(latest)
        if latest:
            deliver_until_done(random.choice(workers), source, latest)

    assert_views_are_true(ground, workers[0])
