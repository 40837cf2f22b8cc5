"""The ground a story stands on: one database at the endpoint, its sources, a worker, the oracle.

Everything goes through the real SDK and the real wiring. A story writes documents, delivers their
versions in whatever order it likes, publishes, and asks `assert_views_are_true`.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient

from cosmos_views import worker as wiring
from cosmos_views.intake.report import Report
from cosmos_views.ledger.buckets import bucket_pk
from cosmos_views.ledger.commits import Transient
from cosmos_views.publish.heads import HEAD_ID
from cosmos_views.settings import CosmosConnection, Settings
from cosmos_views.store import account, catalogue
from cosmos_views.store.generation import GenerationStore
from cosmos_views.upkeep.working import Working
from emulators.cosmos import Endpoint
from emulators.functions import Host, Timing
from emulators.functions.payload import documents_json
from pack import PACK
from tests.emulators.cosmos.support import settle
from tests.generators.delivered import as_delivered
from tests.oracle import Prices, SourceDocument, comparable, compute_views

Document = dict[str, Any]
Views = dict[str, dict[str, Document]]

REPOSITORY = Path(__file__).parents[2]
SOURCES = ("user_interactions", "user_sessions", "abuse_incidents")
INTERACTIONS, SESSIONS, INCIDENTS = SOURCES
PUBLISHES_MAX = 60
DELIVERIES_MAX = 400
UNBOUNDED = ("--request-units-per-second", "1000000")
"""Of a command that would otherwise spare its account: half of its time went by in pauses."""

_PRICES = Prices()
DEFINITION = PACK.definition
"""Taken before any story changes which views are kept, so that other processes agree."""


def kept_views() -> tuple[str, ...]:
    """The views the worker keeps, at this moment."""
    return tuple(sorted(PACK.views))


@dataclass
class Ground:
    """One database. `client` is the test's own; workers get clients of their own."""

    endpoint: Endpoint
    client: CosmosClient
    database: str
    buckets: int = 1

    def __post_init__(self) -> None:
        catalogue.provision(PACK, self.client, self.database, throughput=False)
        self.clients: list[CosmosClient] = []
        self.generation = 1
        self.closed = False
        self._delivered: set[str] = set()
        GenerationStore(self.container("state")).create_first(self.buckets, DEFINITION)

    def container(self, name: str) -> ContainerProxy:
        return self.client.get_database_client(self.database).get_container_client(name)

    def close(self) -> None:
        """Also before its endpoint closes; a second call does nothing."""
        if self.closed:
            return
        self.closed = True
        self.endpoint.faults.clear()
        self.endpoint.lag.set(0)
        self.client.delete_database(self.database)
        for client in (*self.clients, self.client):
            settle(client)
            client.close()

    # What is written and delivered.

    def write(self, source: str, *bodies: Document) -> list[Document]:
        """Write documents; returns the stored versions, as the change feed shows them."""
        for body in bodies:
            self.container(source).upsert_item(body)
        return self.changes(source)

    def write_all(self, documents: Iterable[SourceDocument]) -> None:
        """Write documents to their sources, in order."""
        for document in documents:
            self.container(document.source).upsert_item(document.body)

    def feed(self, source: str) -> list[Document]:
        """The latest version of every document, as the change feed shows it."""
        return list(self.container(source).query_items_change_feed(start_time="Beginning"))

    def changes(self, source: str) -> list[Document]:
        """What the feed shows and this method has not returned before."""
        fresh = [one for one in self.feed(source) if one["_etag"] not in self._delivered]
        self._delivered.update(one["_etag"] for one in fresh)
        return fresh

    def all_changes(self) -> dict[str, list[Document]]:
        return {source: self.changes(source) for source in SOURCES}

    def later(self, seconds: float = 1) -> None:
        """What is written from now on has a greater `_ts`."""
        self.endpoint.clock.advance(seconds)

    # Workers.

    def connect(self) -> CosmosClient:
        client = account.connect(CosmosConnection(self.endpoint.url, self.endpoint.key))
        self.clients.append(client)
        return client

    def settings(self) -> Settings:
        return Settings(
            cosmos=CosmosConnection(self.endpoint.url, self.endpoint.key),
            database=self.database,
            publish_pace_seconds=0,
            log_level="INFO",
        )

    def worker(self, client: CosmosClient | None = None) -> wiring.Worker:
        """A worker, by default with its own client, whose pauses are as short as can be."""
        worker = wiring.build(PACK, client or self.connect(), self.settings())
        for processor in worker.processors.values():
            processor.outside = replace(processor.outside, wait=lambda _seconds: time.sleep(0))
        return worker

    @contextmanager
    def host(self, **options: Any) -> Iterator[Host]:
        """The function app in a Functions host of this process."""
        with pytest.MonkeyPatch.context() as patch:
            connect = account.connect

            def connected(connection: CosmosConnection) -> CosmosClient:
                client = connect(connection)
                self.clients.append(client)
                return client

            patch.setattr(account, "connect", connected)
            patch.setitem(options, "timing", options.get("timing", Timing(retry_delay_scale=0.0)))
            with Host(REPOSITORY, self.app_settings(), seed=1, **options) as host:
                yield host

    def app_settings(self) -> dict[str, str]:
        return {
            "COSMOS": self.endpoint.connection_string,
            "COSMOS_DATABASE": self.database,
            "PUBLISH_SECONDS": "1",
            "PUBLISH_PACE_SECONDS": "0",
        }

    def next_generation(self) -> int:
        """From now on workers that are built begin with empty state; sources stay as they are."""
        self.generation += 1
        state = self.container("state")
        document = state.read_item("generation", "generation")
        state.upsert_item({**document, "generation": self.generation})
        return self.generation

    # What is there.

    def documents(self, container: str) -> list[Document]:
        return list(
            self.container(container).query_items(
                "SELECT * FROM c", enable_cross_partition_query=True
            )
        )

    def state(self, prefix: str = "") -> list[Document]:
        """State documents of the generation in force."""
        pks = [bucket_pk(self.generation, bucket) for bucket in range(self.buckets)]
        return [
            one
            for pk in pks
            for one in self.container("state").query_items("SELECT * FROM c", partition_key=pk)
            if one["id"].startswith(prefix)
        ]

    def etags(self, container: str = "state") -> dict[tuple[str, str], str]:
        """Every document's ETag: equal before and after means that nothing was written."""
        return {(str(one.get("pk")), one["id"]): one["_etag"] for one in self.documents(container)}

    def letters(self) -> list[Document]:
        return sorted(self.documents("poison_messages"), key=lambda one: str(one["document_id"]))

    def views(self) -> Views:
        """What readers see: comparable documents without tombstones."""
        return {
            view: {
                one["id"]: comparable(one)
                for one in self.documents(view)
                if not one.get("empty") and one.get("metric_type") != "change_feed"
            }
            for view in kept_views()
        }

    def tombstones(self, view: str) -> list[str]:
        return sorted(one["id"] for one in self.documents(view) if one.get("empty"))

    def written(self) -> list[SourceDocument]:
        """The latest version of every source document."""
        return [
            SourceDocument(source, body) for source in SOURCES for body in self.documents(source)
        ]

    def expected(self, now_seconds: float | None = None) -> Views:
        """What the oracle says of the source containers as they are now."""
        return compute_views(
            self.written(),
            now_seconds=int(time.time() if now_seconds is None else now_seconds),
            views=kept_views(),
            prices=_PRICES,
        )


def text_of(documents: Sequence[Document]) -> str:
    """A batch as the platform hands it over."""
    return as_delivered(documents_json(documents, rewrites_dates=False))


def deliver(worker: Working, source: str, documents: Sequence[Document]) -> Report:
    """One batch, once; raises what the worker raised."""
    return worker.processors[source].process(text_of(documents), {"invocation_id": "test"})


def deliver_until_done(worker: wiring.Worker, source: str, documents: Sequence[Document]) -> Report:
    """As the platform does with an unlimited retry policy."""
    for _ in range(DELIVERIES_MAX):
        try:
            return deliver(worker, source, documents)
        except Transient:
            continue
    raise AssertionError(f"{DELIVERIES_MAX} deliveries failed")


def deliver_all(worker: wiring.Worker, changes: dict[str, list[Document]]) -> None:
    for source, documents in changes.items():
        if documents:
            deliver(worker, source, documents)


def publish_until_done(ground: Ground, worker: wiring.Worker) -> None:
    """Run the publisher, as its timer would, until nothing that is due is left."""
    for _ in range(PUBLISHES_MAX):
        try:
            published = worker.publisher.run()
        except Transient:
            continue
        if published.idle:
            return
        assert published.failed == []
        if not ground.state("j:") and not due(ground, worker):
            return
    raise AssertionError(f"{PUBLISHES_MAX} runs left {due(ground, worker)}, {ground.state('j:')}")


def publish_until_idle(worker: wiring.Worker) -> None:
    """As the timer does while calls fail: nothing but the worker asks the endpoint."""
    for _ in range(PUBLISHES_MAX):
        try:
            published = worker.publisher.run()
        except Transient:
            continue
        assert published.failed == []
        if published.idle:
            return
    raise AssertionError(f"not idle after {PUBLISHES_MAX} runs")


def due(ground: Ground, worker: wiring.Worker) -> list[str]:
    """Keys that should have been published by now."""
    now_seconds = worker.publisher.now_ms() // 1_000
    return [
        key
        for head in ground.state(HEAD_ID)
        if head["id"] == HEAD_ID
        for key, at_seconds in head.get("pending", {}).items()
        if at_seconds <= now_seconds
    ]


def assert_views_are_true(ground: Ground, worker: wiring.Worker | None = None) -> None:
    """Publish everything, then: views equal the oracle, nothing is negative, nothing is left."""
    worker = worker or ground.worker()
    publish_until_done(ground, worker)
    assert ground.expected(worker.publisher.now_ms() // 1_000) == ground.views()
    assert_state_is_sound(ground)


def assert_state_is_sound(ground: Ground) -> None:
    """Drained: no journal, no negative measure, one entry per document."""
    assert ground.state("j:") == []
    for partial in ground.state("p:"):
        negative = {cell: row for cell, row in partial["cells"].items() if min(row) < 0}
        assert negative == {}, partial["id"]
    counted: dict[str, int] = defaultdict(int)
    for entry in ground.state("e:"):
        counted[entry["id"]] += entry["outcome"] == "counted"
    twice = [entry_id for entry_id, times in counted.items() if times > 1]
    assert twice == [], "counted under two owners"
