"""One seed, one history, one way of delivering it: ends in true views or in AssertionError."""

from random import Random

from tests.generators import Version, history
from tests.property.world import SOURCES, World

VERSIONS_MIN = 200
_STEPS = 100
"""Of `tests.generators`; a step writes one version or a busy month."""
MONTH_SECONDS = 31 * 86_400


def long_history(seed: int, versions_min: int = VERSIONS_MIN) -> list[Version]:
    """A history of at least so many versions, and of a tenth more at most."""
    steps = _STEPS
    while len(versions := history(seed, steps)) < versions_min:
        steps *= 2
    return versions[: versions_min + seed % (versions_min // 10 + 1)]


def run(seed: int, versions_min: int = VERSIONS_MIN) -> int:
    """Run one history; how many versions it had. AssertionError names the first differences."""
    random = Random(f"run:{seed}")
    world = World(
        seed,
        buckets=random.choice((1, 1, 4, 16)),
        workers=random.choice((1, 1, 2, 3)),
        trouble=random.choice((0.0, 0.02, 0.1)),
        pace_seconds=random.choice((0, 0, None)),
    )
    versions = long_history(seed, versions_min)
    batch = random.choice((1, 5, 20, 60))
    drains = {random.randrange(len(versions)) for _ in range(random.randrange(3))}
    undelivered = 0
    for number, version in enumerate(versions):
        world.write(version)
        undelivered += 1
        if undelivered >= batch:
            undelivered = 0
            for source in SOURCES:
                if random.randrange(4):
                    world.deliver_recent(source, random.randint(1, 2 * batch))
            if random.randrange(2) == 0:
                world.deliver_some(random.choice(SOURCES))
            act = random.randrange(12)
            if act == 0:
                world.publish()
            elif act <= 2:
                world.fold()
        if number in drains:
            _drained(world, seed)
    _drained(world, seed)
    if random.randrange(4) == 0:
        # The clock alone makes periods appear: a month later the last users have churned.
        world.now_seconds += MONTH_SECONDS
        world.settle()
        _assert_true(world, seed)
    return len(versions)


def _drained(world: World, seed: int) -> None:
    world.drain()
    _assert_true(world, seed)


def _assert_true(world: World, seed: int) -> None:
    differences = world.differences()
    if differences:
        shown = "\n".join(differences[:5])
        raise AssertionError(f"seed {seed}: {len(differences)} differences\n{shown}")
