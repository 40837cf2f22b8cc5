"""A state machine that writes, delivers, folds, publishes and turns the clock in any order.

Hypothesis chooses the rules and shrinks what fails; the seeded runner beside it goes for volume.
"""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.generators import Version, history_of
from tests.generators.histories import LARGEST_SEED
from tests.generators.pools import FIRST_WRITE
from tests.property.world import SOURCES, World

MACHINES = int(os.environ.get("MACHINES", "40"))
RULES_PER_MACHINE = 30

seeds = st.integers(min_value=0, max_value=LARGEST_SEED)
sources = st.sampled_from(SOURCES)
positions = st.lists(st.integers(min_value=0, max_value=10_000), min_size=1, max_size=12)


class AnyDelivery(RuleBasedStateMachine):
    """Whatever happened, once drained the views are true."""

    world: World

    @initialize(
        seed=seeds,
        buckets=st.sampled_from((1, 4, 16)),
        workers=st.integers(min_value=1, max_value=3),
        trouble=st.sampled_from((0.0, 0.05, 0.2)),
        pace_seconds=st.sampled_from((0, 60, None)),
    )
    def start(
        self, seed: int, buckets: int, workers: int, trouble: float, pace_seconds: int | None
    ) -> None:
        self.world = World(
            seed, buckets=buckets, workers=workers, trouble=trouble, pace_seconds=pace_seconds
        )
        self.world.now_seconds = FIRST_WRITE

    @rule(steps=st.lists(seeds, min_size=1, max_size=10))
    def write(self, steps: list[int]) -> None:
        later = self.world.now_seconds - FIRST_WRITE
        for version in history_of(steps):
            self.world.write(Version(version.source, version.body, version.written_at + later))

    @rule(source=sources, positions=positions, without_lsn=st.booleans())
    def deliver(self, source: str, positions: list[int], without_lsn: bool) -> None:
        written = self.world.versions[source]
        chosen = [written[position % len(written)] for position in positions if written]
        if without_lsn:
            chosen = [
                {name: value for name, value in body.items() if name != "_lsn"} for body in chosen
            ]
        self.world.deliver(source, chosen, worker=positions[0] % len(self.world.workers))

    @rule(source=sources)
    def deliver_as_the_feed_does(self, source: str) -> None:
        self.world.deliver_recent(source)

    @rule()
    def fold(self) -> None:
        self.world.fold()

    @rule()
    def publish(self) -> None:
        self.world.publish()

    @rule(seconds=st.sampled_from((1, 299, 3_600, 86_400, 31 * 86_400)))
    def wait(self, seconds: int) -> None:
        self.world.now_seconds += seconds

    @precondition(lambda self: any(self.world.versions.values()))
    @rule()
    def drain(self) -> None:
        self.world.drain()
        assert self.world.differences() == []

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.drain()
            assert self.world.differences() == []


TestAnyDelivery = AnyDelivery.TestCase
TestAnyDelivery.settings = settings(
    max_examples=MACHINES,
    stateful_step_count=RULES_PER_MACHINE,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
