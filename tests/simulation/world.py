"""The world: containers, Blob, clock and faults around real workers, all from one seed."""

from collections import defaultdict
from collections.abc import Collection
from random import Random
from typing import Any, cast

import msgspec
from azure.cosmos import CosmosClient

from cosmos_views import settings
from cosmos_views import worker as wiring
from cosmos_views.ledger.generations import GENERATION_ID, Generation
from cosmos_views.store import catalogue
from pack import PACK
from tests.generators import Version, pools
from tests.generators.delivered import rid_of
from tests.simulation.ambient import DEFINITION, VirtualTime, ambient
from tests.simulation.blob import Blobs
from tests.simulation.cosmos import Container, Document, Key, Operation
from tests.simulation.faults import Gate, Kind, Swarm, random_plan
from tests.simulation.scheduler import Scheduler
from tests.simulation.sdk import Client

SOURCES = ("user_interactions", "user_sessions", "abuse_incidents")
SKEW_SECONDS_MAX = 15 * 60
AUDIT_DELAY_SECONDS = 3_600
ARCHIVE_DELAY_SECONDS = SKEW_SECONDS_MAX + 300
"""Instead of months, so that stories live to see it; more than a clock may be ahead."""
_BLOB = settings.BlobConnection("UseDevelopmentStorage=true")


class World:
    """Everything outside the workers; use it as a context."""

    def __init__(
        self,
        seed: int,
        *,
        buckets: int = 1,
        swarm: Swarm | None = None,
        staying: float = 0.9,
        pace_seconds: int | None = 0,
        scheduler: Scheduler | None = None,
        views: Collection[str] | None = None,
    ) -> None:
        self.random = Random(f"world:{seed}")
        self.swarm = swarm or Swarm({})
        self.scheduler = scheduler or Scheduler(Random(f"turns:{seed}"), pools.FIRST_WRITE, staying)
        self.gate = Gate(self.scheduler, Random(f"latency:{seed}"))
        self.gate.plan = random_plan(self.swarm, Random(f"faults:{seed}"), self.scheduler)
        self.containers = {
            one.name: Container(
                one.name,
                one.partition_key,
                one.default_ttl,
                lambda: self.scheduler.now,
                Random(f"replicas:{seed}:{one.name}"),
            )
            for one in catalogue.of(PACK).containers
        }
        self.gate.stalling = self.swarm.of(Kind.STALLED) * 0.01
        lagging = self.swarm.of(Kind.LAGGING) * 0.5
        for container in self.containers.values():
            container.lagging = lagging
        self.blobs = Blobs(self.gate, Random(f"tags:{seed}"))
        self.pace_seconds = pace_seconds
        self.versions: dict[str, dict[tuple[Key, str], list[Document]]] = {
            source: defaultdict(list) for source in SOURCES
        }
        """Every version ever written, by source and document, as the feed would show it."""
        self.orders: dict[str, dict[str | None, int]] = {source: {} for source in SOURCES}
        """ETag → place in the order of writing."""
        self.current_again: set[str] = set()
        """ETags of versions that a failover brought back."""
        self.rolled_back: set[tuple[str, Key, str]] = set()
        """Documents of which a failover lost versions: what was counted of them may stand."""
        self.definition = DEFINITION
        """Of every process that starts from now on."""
        self.erasing: set[str] = set()
        """Users whose erasure has begun."""
        self.erased: set[str] = set()
        """Users of whom nothing must be left."""
        self.time = VirtualTime(self.scheduler)
        self._ambient = ambient(
            self.scheduler,
            Random(f"ambient:{seed}"),
            self.blobs,
            tuple(PACK.views) if views is None else views,
            lambda: self.definition,
        )
        self._create_generation(buckets)

    def __enter__(self) -> "World":
        self._ambient.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        self._ambient.__exit__(*failure)

    def client(self) -> Any:
        """The SDK's client, of a process that starts anew."""
        return Client(self.containers, self.gate)

    def worker(self, *, at_once: bool = False) -> wiring.Worker:
        """A process that starts anew, with nothing in its memory; one that publishes at once, or
        at the pace of this world."""
        configured = settings.Settings(
            cosmos=settings.CosmosConnection("https://simulated", None),
            database="platform",
            publish_pace_seconds=0 if at_once else self.pace_seconds,
            log_level="CRITICAL",
            audit_delay_seconds=AUDIT_DELAY_SECONDS,
            blob=_BLOB,
        )
        worker = wiring.build(PACK, cast("CosmosClient", self.client()), configured)
        for reader in worker.archives:
            reader.delay_seconds = ARCHIVE_DELAY_SECONDS
        return worker

    def generation(self) -> Generation:
        """The generation document as it is."""
        state = self.containers["state"]
        (document,) = state.under(state.key_of({"pk": GENERATION_ID}))
        return msgspec.convert(document, Generation)

    def write(self, source: str, body: Document) -> Document:
        """A writer's upsert of a source document; the version as a feed shows it."""
        container = self.containers[source]
        key = container.key_of(body)
        physical = container.physical_of(key)
        [etag] = container.write(key, [Operation("upsert", body["id"], body)])
        shown = {
            **body,
            "_etag": etag,
            "_ts": int(self.scheduler.now),
            "_lsn": physical.lsn,
            "_rid": rid_of(key, body["id"]),
        }
        self.versions[source][key, body["id"]].append(shown)
        self.orders[source][etag] = len(self.orders[source])
        return shown

    def fail_over(self, source: str, lost: int) -> int:
        """A partition of a source loses its last writes. That takes a second at the least: what is
        written next has a later `_ts` than what was lost."""
        self.scheduler.now += 1
        container = self.containers[source]
        physical = self.random.choice(container.physicals)
        before = {(key, one.id): one.etag for key, one in container.latest_versions()}
        count = container.fail_over(physical, lost)
        after = {(key, one.id): one.etag for key, one in container.latest_versions()}
        for key, name in {*before, *after}:
            if before.get((key, name)) != after.get((key, name)):
                self.rolled_back.add((source, key, name))
                self.current_again |= {one["_etag"] for one in self.versions[source][key, name]}
        return count

    @property
    def is_operated(self) -> bool:
        """Whether somebody has begun to erase or to rebuild."""
        return bool(self.erasing) or self.generation() != self._first

    def calm(self) -> None:
        """Faults stop."""
        self.gate.plan, self.gate.stalling = None, 0.0
        for container in self.containers.values():
            container.lagging, container.oldest = 0.0, None

    def state(self, prefix: str = "") -> list[Document]:
        """State documents as they are, of all buckets."""
        state = self.containers["state"]
        return [state.shown(one) for _, one in state.latest_versions() if one.id.startswith(prefix)]

    def now_seconds(self) -> int:
        return int(self.scheduler.now)

    def _create_generation(self, buckets: int) -> None:
        first = Generation(GENERATION_ID, GENERATION_ID, 1, buckets, self.definition)
        state = self.containers["state"]
        body = msgspec.to_builtins(first)
        state.write(state.key_of(body), [Operation("create", GENERATION_ID, body)])
        self._first = first
        self.scheduler.now += 1  # provisioned long ago: every replica has it


def without_busy_months(versions: Collection[Version]) -> list[Version]:
    """A busy month is sixty versions at once: no more can happen to it than to one."""
    return [one for one in versions if not one.body["id"].startswith("busy-")]
