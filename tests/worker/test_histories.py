"""Random histories, delivered in any order, batching and repetition, end in true views.

`HISTORIES` says how many are tried in memory, `HISTORY_SEED` where they begin; one seed repeats
one run exactly.
"""

import os
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
import pytest

from ledger.buckets import bucket_pk
from ledger.commits import Transient
from ledger.entries import entry_id
from materializers.publish import Publisher, Stage
from processors import incidents, interactions, sessions
from processors.batch import Outside, Processor
from processors.ownership import Layout
from processors.pricing import Prices as WorkerPrices
from processors.pricing import load_overrides
from store import catalogue
from tests.generators import Version, history, pools
from tests.oracle import (
    Prices,
    SourceDocument,
    classify,
    comparable,
    compute_views,
    latest_versions,
)
from tests.worker.ground import (
    SOURCES,
    Document,
    Ground,
    assert_views_are_true,
    deliver_until_done,
    kept_views,
    text_of,
)
from tests.worker.memory_state import Chaos, MemoryPoison, MemorySources, MemoryState, MemoryViews

HISTORIES = int(os.environ.get("HISTORIES", "150"))
FIRST_SEED = int(os.environ.get("HISTORY_SEED", "0"))
SEEDS_PER_TEST = 25
ROUNDS_MAX = 400

_WORKER_PRICES = WorkerPrices(load_overrides())
_ORACLE_PRICES = Prices()


class Memory:
    """Both stages over memory."""

    def __init__(self, buckets: int, chaos: Chaos) -> None:
        self.state = MemoryState(chaos)
        self.views = MemoryViews(chaos)
        self.sources = MemorySources(chaos)
        self.poison = MemoryPoison(chaos)
        self.now_seconds = 0
        self._nonce = 0
        outside = Outside(
            state=self.state,
            sources=self.sources,
            poison=self.poison,
            layout=lambda: Layout(1, buckets),
            now_ms=self._now_ms,
            nonce=self._next_nonce,
            jitter=lambda: 0.0,
            wait=lambda _seconds: None,
        )
        self._outside = outside
        self.processors = self.new_processors()
        stage = Stage(1, tuple(bucket_pk(1, bucket) for bucket in range(buckets)))
        self._stage = stage
        self.publisher = self.new_publisher()

    def new_processors(self) -> dict[str, Processor]:
        """Those of another worker."""
        containers = catalogue.load()
        all_sources = (interactions.source(_WORKER_PRICES), sessions.SOURCE, incidents.SOURCE)
        return {
            source.container: Processor(
                source, containers.named(source.container).default_ttl, self._outside
            )
            for source in all_sources
        }

    def new_publisher(self) -> Publisher:
        """That of another worker."""
        return Publisher(
            state=self.state,
            views=self.views,
            feed=self.state,
            stage=lambda: self._stage,
            now_ms=self._now_ms,
            pace_seconds=0,
        )

    def _now_ms(self) -> int:
        return self.now_seconds * 1_000

    def _next_nonce(self) -> str:
        self._nonce += 1
        return f"{self._nonce:012d}"

    def deliver(self, source: str, documents: list[Document]) -> None:
        for _ in range(ROUNDS_MAX):
            try:
                report = self.processors[source].process(text_of(documents), {})
            except Transient:
                continue
            ended = (
                report.counted
                + report.deleted
                + report.ignored.total()
                + report.dead.total()
                + report.duplicates
                + report.superseded
            )
            assert len(documents) == ended, report
            return
        raise AssertionError(f"{ROUNDS_MAX} deliveries failed")

    def publish(self) -> None:
        for _ in range(ROUNDS_MAX):
            try:
                published = self.publisher.run()
            except Transient:
                continue
            assert published.failed == []
            if published.idle:
                return
        raise AssertionError(f"never idle: {self.state.documents('h')}")


class Feeds:
    """Every version written so far, with system properties as a store would give them."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._lsn: dict[str, int] = defaultdict(int)
        self.versions: dict[str, list[Document]] = {source: [] for source in SOURCES}

    def write(self, version: Version) -> Document:
        self._lsn[version.source] += 1
        body = {
            **version.body,
            "_etag": f'"{version.source}-{self._lsn[version.source]}"',
            "_ts": version.written_at,
            "_lsn": self._lsn[version.source],
        }
        self.versions[version.source].append(body)
        return body

    def some(self, source: str, *, newest: bool = False) -> list[Document]:
        """Any versions in any order, or the newest, some twice, some without `_lsn`."""
        written = self.versions[source][-3:] if newest else self.versions[source]
        if not written:
            return []
        chosen = self._random.choices(written, k=self._random.randint(1, 12))
        return [self._shown(body) for body in chosen]

    def latest(self, source: str) -> list[Document]:
        """The latest version of every document, in any order: what a feed never fails to show."""
        documents = latest_versions(SourceDocument(source, body) for body in self.versions[source])
        bodies = [self._shown(one.body) for one in documents]
        self._random.shuffle(bodies)
        return bodies

    def _shown(self, body: Document) -> Document:
        if self._random.randrange(5):
            return body
        return {name: value for name, value in body.items() if name != "_lsn"}


def _run_in_memory(seed: int) -> None:
    random = Random(f"history:{seed}")
    chaos = Chaos(
        Random(f"chaos:{seed}"),
        probability=random.choice((0.0, 0.0, 0.1, 0.3)),
        interleaving=random.choice((0.0, 0.02, 0.1)),
    )
    memory = Memory(random.choice((1, 1, 4, 16)), chaos)
    feeds = Feeds(random)
    unwritten = deque(history(seed, steps=random.choice((3, 8, 20, 40))))
    others = memory.new_processors()
    other_publisher = memory.new_publisher()

    def write() -> None:
        version = unwritten.popleft()
        memory.sources.write(version.source, feeds.write(version))
        memory.now_seconds = version.written_at

    def meanwhile() -> None:
        """What another worker, and the writers, do between two calls of this one."""
        if unwritten and chaos.random.randrange(3) == 0:
            write()
        if chaos.random.randrange(4) == 0:
            _try(other_publisher.run)
        source = chaos.random.choice(SOURCES)
        if some := feeds.some(source, newest=chaos.random.random() < 0.5):
            _try(lambda: others[source].process(text_of(some), {}))

    chaos.meanwhile = meanwhile
    while unwritten:
        write()
        while random.randrange(3) == 0:
            source = random.choice(SOURCES)
            if some := feeds.some(source):
                memory.deliver(source, some)
        if random.randrange(6) == 0:
            _try(memory.publisher.run)
    for source in random.sample(SOURCES, len(SOURCES)):
        latest = feeds.latest(source)
        while latest:
            size = random.randint(1, 30)
            memory.deliver(source, latest[:size])
            latest = latest[size:]
        if some := feeds.some(source):
            memory.deliver(source, some)
    chaos.off()
    memory.publish()
    documents = [
        one
        for source in SOURCES
        for one in latest_versions(SourceDocument(source, body) for body in feeds.versions[source])
    ]
    _assert_decided(memory, documents)
    _assert_views(memory, documents)
    _assert_replay_writes_nothing(memory, feeds)


def _try(run: Callable[[], Any]) -> None:
    with suppress(Transient):
        run()


def _assert_decided(memory: Memory, documents: list[SourceDocument]) -> None:
    """Each document's latest version is decided as the oracle decides it."""
    entries: dict[str, list[Document]] = defaultdict(list)
    for entry in memory.state.documents("e:"):
        entries[entry["id"]].append(entry)
    for document in documents:
        body = document.body
        key = entry_id(document.source, body.get("user_id", msgspec.UNSET), body["id"])
        outcome = classify(document)
        expected = "dead" if isinstance(outcome, tuple) else outcome
        current = [one for one in entries[key] if one.get("etag") == body["_etag"]]
        assert {expected} == {one["outcome"] for one in current}, body
        others = [one["outcome"] for one in entries[key] if one not in current]
        assert "counted" not in others, f"counted under two owners: {body}"


def _assert_views(memory: Memory, documents: list[SourceDocument]) -> None:
    expected = compute_views(
        documents, now_seconds=memory.now_seconds, views=kept_views(), prices=_ORACLE_PRICES
    )
    found = {
        view: {
            one["id"]: comparable(one)
            for one in memory.views.documents(view)
            if not one.get("empty") and one.get("metric_type") != "change_feed"
        }
        for view in kept_views()
    }
    assert expected == found
    assert memory.state.documents("j:") == []
    for partial in memory.state.documents("p:"):
        assert all(value >= 0 for row in partial["cells"].values() for value in row), partial


def _assert_replay_writes_nothing(memory: Memory, feeds: Feeds) -> None:
    writes, letters = memory.state.writes, len(memory.poison.letters)
    for source in SOURCES:
        memory.deliver(source, feeds.versions[source] and feeds.latest(source))
    assert (writes, letters) == (memory.state.writes, len(memory.poison.letters))


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES, SEEDS_PER_TEST))
def test_any_delivery_of_any_history_ends_in_true_views(first: int) -> None:
    failures = []
    for seed in range(first, min(first + SEEDS_PER_TEST, FIRST_SEED + HISTORIES)):
        try:
            _run_in_memory(seed)
        except Exception as error:
            error.add_note(f"HISTORY_SEED={seed} HISTORIES=1 repeats it")
            failures.append(error)
    if failures:
        raise ExceptionGroup("histories that ended in false views", failures)


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + 3))
def test_histories_through_the_endpoint_end_in_true_views(ground: Ground, seed: int) -> None:
    """The same through the real SDK: versions in any order, some twice, some never."""
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
