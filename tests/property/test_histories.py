"""Any history, delivered in any way, ends in the views that the oracle computes from scratch.

`EXAMPLES` says how many histories are run, `SEED` where they begin (printed on failure); the long
run is `python -m tests.property`.
"""

import os

import pytest

from tests.property.runner import VERSIONS_MIN, long_history, run
from tests.property.world import SOURCES, World

EXAMPLES = int(os.environ.get("EXAMPLES", "100"))
SEED = int(os.environ.get("SEED", "0"))
SEEDS_PER_TEST = 10


@pytest.mark.parametrize("first", range(SEED, SEED + EXAMPLES, SEEDS_PER_TEST))
def test_any_delivery_of_any_history_ends_in_true_views(first: int) -> None:
    failures = []
    for seed in range(first, min(first + SEEDS_PER_TEST, SEED + EXAMPLES)):
        try:
            assert run(seed) >= VERSIONS_MIN
        except Exception as error:
            error.add_note(f"python -m tests.property --examples 1 --seed {seed} repeats it")
            failures.append(error)
    if failures:
        raise ExceptionGroup("histories that ended in false views", failures)


@pytest.mark.parametrize("seed", range(SEED, SEED + 6))
def test_the_number_of_buckets_shows_in_no_view(seed: int) -> None:
    published = []
    for buckets in (1, 4, 16):
        world = World(seed, buckets=buckets)
        for version in long_history(seed):
            world.write(version)
        world.deliver_some(SOURCES[0])
        world.drain()
        published.append(world.published())

    assert published[0] == published[1]
    assert published[0] == published[2]
    assert all(published[0].values())


@pytest.mark.parametrize("seed", range(SEED, SEED + 10))
def test_delivering_everything_again_writes_nothing(seed: int) -> None:
    world = World(seed, buckets=4)
    for version in long_history(seed):
        world.write(version)
        if world.random.randrange(20) == 0:
            world.deliver_some(world.random.choice(SOURCES))
    world.drain()
    writes, letters = world.state.writes, dict(world.poison.letters)
    for source in SOURCES:
        world.deliver_latest(source)
        world.deliver_recent(source, most=1_000)

    assert writes == world.state.writes
    assert letters == world.poison.letters
