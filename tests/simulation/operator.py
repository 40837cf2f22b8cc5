"""An operator in the world: erases a user, or rebuilds the state, while everything else goes on.

It runs what the commands of `ops` run, over the simulated SDK. Whatever kills a command or ends it
early, the operator runs it again, as the command asks, until it says that all is done. Now and then
the operator gives a rebuild up, or deploys another definition before it.
"""

from collections.abc import Callable
from contextlib import suppress
from random import Random

from azure.core.exceptions import AzureError

from cosmos_views.ledger.commits import CommitError, Transient
from cosmos_views.ledger.generations import BEFORE_SWITCH, Phase
from cosmos_views.store.archive import ArchiveStore
from cosmos_views.store.failures import Refused
from cosmos_views.store.generation import GenerationStore
from cosmos_views.store.sources import SourceStore
from cosmos_views.store.state import StateStore
from cosmos_views.store.views import ViewStore
from cosmos_views.upkeep.erase.erasing import Erasure, Places, Waits
from cosmos_views.upkeep.rebuild.phases import Wanted, work
from cosmos_views.upkeep.rebuild.rebuilding import Overtaken, Rebuilding
from cosmos_views.worker import SETTLE_SECONDS
from tests.simulation.scheduler import Killed
from tests.simulation.world import World

RUNS_MAX = 200
PAUSE_SECONDS_MAX = 600.0
GIVES_UP = 0.3
"""How often a rebuild is aborted, as soon as it has broken off."""
LOOKS_SECONDS = (5, 400, 3_000)
"""How long it takes to look at what a rebuild would change."""


class Operator:
    """One person with one thing to do."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.random = random
        self.impatience = random.choice((0.0, 0.0, 0.02, 0.1))
        """How often the command is stopped where it may be: between its steps."""

    def erase(self, user: str) -> None:
        """Until the receipt says that nothing is left."""
        world = self.world
        world.erasing.add(user)
        thorough = self.random.random() < 0.5

        def command() -> bool:
            database = world.client()
            state = database.get_container_client("state")
            erasure = Erasure(
                Places(
                    worker=world.worker(at_once=True),
                    state=StateStore(state),
                    views=ViewStore(database),
                    sources=SourceStore(database),
                    generations=GenerationStore(state),
                    archive=ArchiveStore(world.blobs),  # type: ignore[arg-type]
                    thorough=thorough,
                ),
                user,
                self._pace,
                lambda _: None,
                SETTLE_SECONDS,
                wait=world.scheduler.sleep,
                now=world.time.time,
            )
            return bool(erasure.run().finished_at)

        self._until_done(command)
        world.erased.add(user)
        world.gate.injected["erased"] += 1

    def rebuild(self, buckets: int | None, definition: str) -> None:
        """Until another generation is in force, or the rebuild was given up."""
        world = self.world
        before = world.generation()
        world.definition = definition
        gives_up = self.random.random() < GIVES_UP
        compares = self.random.random() < 0.5

        def command() -> bool:
            nonlocal compares
            now = world.generation()
            if now.building is not None:
                abort = gives_up and now.building.phase in {*BEFORE_SWITCH, Phase.ABORTING}
                self.proceed(buckets, abort=abort)
            elif now == before:
                self.proceed(buckets, compare=compares)
                if compares:
                    compares = False
                    world.scheduler.sleep(self.random.choice(LOOKS_SECONDS))
                    return False
            return True

        self._until_done(command)
        now = world.generation()
        if now.building is None:
            # Of a rebuild that was given up, what was deployed for it is taken back.
            world.definition = now.definition_version
        switched = now.generation != before.generation
        world.gate.injected["rebuilt" if switched else "aborted"] += 1

    def proceed(self, buckets: int | None, *, abort: bool = False, compare: bool = False) -> None:
        """Run the command of a rebuild once."""
        world = self.world
        database = world.client()
        state = database.get_container_client("state")
        generations = GenerationStore(state)
        rebuilding = Rebuilding(
            worker=world.worker(),
            state=StateStore(state),
            views=ViewStore(database),
            generations=generations,
            pace=self._pace,
            note=lambda _: None,
            settle_seconds=SETTLE_SECONDS,
            wait=world.scheduler.sleep,
        )
        work(rebuilding, generations.held(), Wanted(abort, compare, buckets))

    def _until_done(self, command: Callable[[], bool]) -> None:
        """Again after everything that the command line reports."""
        scheduler = self.world.scheduler
        for run in range(RUNS_MAX):
            try:
                with suppress(Transient, CommitError, Refused, AzureError, Waits, Overtaken):
                    if command():
                        return
            except Killed:
                if scheduler.current is not None and scheduler.current.doomed:
                    raise
            scheduler.sleep(self.random.random() * min(PAUSE_SECONDS_MAX, 30.0 * (run + 1)))
        raise AssertionError(f"{RUNS_MAX} runs of a command were not enough")

    def _pace(self) -> None:
        if self.world.gate.plan is not None and self.random.random() < self.impatience:
            raise Killed
