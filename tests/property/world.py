"""A world: sources with all their versions, several workers over one store, and the oracle.

A test writes versions, delivers some of them in whatever order, folds and publishes when it likes;
`drain` then brings everything to rest, and `differences` says where the views are not true.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any

import msgspec

from cosmos_views.intake.batch import Outside, Processor
from cosmos_views.intake.ownership import Layout
from cosmos_views.ledger.buckets import bucket_pk
from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.entries import entry_id
from cosmos_views.publish.fold import fold
from cosmos_views.publish.publisher import Publisher, Stage
from cosmos_views.source import Source
from cosmos_views.store import catalogue
from pack import PACK
from processors import incidents, interactions, sessions
from processors.pricing import Prices as WorkerPrices
from processors.pricing import load_overrides
from tests.generators import Version
from tests.generators.delivered import as_delivered
from tests.oracle import (
    Prices,
    SourceDocument,
    classify,
    comparable,
    compute_views,
    latest_versions,
)
from tests.property.memory import (
    Document,
    MemoryPoison,
    MemorySources,
    MemoryState,
    MemoryViews,
    Trouble,
    rid_of,
)

SOURCES = ("user_interactions", "user_sessions", "abuse_incidents")
DELIVERIES_MAX = 300
RUNS_MAX = 100
PACE_SECONDS_MAX = max(view.pace_seconds for view in PACK.views.values())

_ORACLE_PRICES = Prices()
_ENCODER = msgspec.json.Encoder()


@cache
def _sources() -> tuple[Source[Any], ...]:
    prices = WorkerPrices(load_overrides())
    return interactions.source(prices), sessions.SOURCE, incidents.SOURCE


class World:
    """`buckets` and `workers` are a storage and a deployment decision: no view may show them."""

    def __init__(
        self,
        seed: int,
        *,
        buckets: int = 1,
        workers: int = 1,
        trouble: float = 0.0,
        pace_seconds: int | None = 0,
    ) -> None:
        self.random = Random(f"world:{seed}")
        self.trouble = Trouble(Random(f"trouble:{seed}"), trouble)
        self.state = MemoryState(self.trouble)
        self.views = MemoryViews(self.trouble)
        self.sources = MemorySources(self.trouble)
        self.poison = MemoryPoison(self.trouble)
        self.pks = [bucket_pk(1, bucket) for bucket in range(buckets)]
        self.pace_seconds = pace_seconds
        self.now_seconds = 0
        self.versions: dict[str, list[Document]] = {source: [] for source in SOURCES}
        self._lsn = 0
        self._nonce = 0
        self._unfinished: list[tuple[str, list[Document]]] = []
        outside = Outside(
            pack=PACK,
            state=self.state,
            sources=self.sources,
            poison=self.poison,
            layout=lambda: Layout(1, buckets),
            now_ms=self._now_ms,
            nonce=self._next_nonce,
            jitter=lambda: 0.0,
            wait=self.sources.pause,
        )
        containers = catalogue.of(PACK)
        self.workers = [
            {
                source.container: Processor(
                    source, containers.named(source.container).default_ttl, outside
                )
                for source in _sources()
            }
            for _ in range(workers)
        ]
        stage = Stage(1, tuple(self.pks))
        self.publishers = [
            Publisher(
                pack=PACK,
                state=self.state,
                views=self.views,
                feed=self.state,
                stage=lambda: stage,
                now_ms=self._now_ms,
                pace_seconds=pace_seconds,
            )
            for _ in range(workers)
        ]
        if workers > 1:
            self.trouble.others_turn = self._somebody_acts

    def _now_ms(self) -> int:
        return self.now_seconds * 1_000

    def _next_nonce(self) -> str:
        self._nonce += 1
        return f"{self._nonce:012d}"

    # What happens.

    def write(self, version: Version) -> None:
        """One version, with the system properties a store gives it."""
        self._lsn += 1
        body = {
            **version.body,
            "_etag": f'"{self._lsn}"',
            "_ts": version.written_at,
            "_lsn": self._lsn,
            "_rid": rid_of(version.source, version.body),
        }
        self.versions[version.source].append(body)
        self.sources.write(version.source, body)
        self.now_seconds = max(self.now_seconds, version.written_at)

    def deliver(self, source: str, documents: Sequence[Document], worker: int = 0) -> None:
        """One batch, delivered again until it succeeds; every change ends in exactly one way."""
        text = self._text(documents)
        for _ in range(DELIVERIES_MAX):
            try:
                report = self.workers[worker][source].process(text, {})
            except Transient:
                continue
            ended = (
                report.counted
                + report.deleted
                + report.ignored.total()
                + report.dead.total()
                + report.duplicates
                + report.superseded
                + report.gone
            )
            assert len(documents) == ended, report
            return
        raise AssertionError(f"{DELIVERIES_MAX} deliveries failed")

    def deliver_some(self, source: str, most: int = 12) -> None:
        """Any versions, old ones too, some twice, some without `_lsn`, in any order."""
        written = self.versions[source]
        if written:
            chosen = self.random.choices(written, k=self.random.randint(1, most))
            self.deliver(source, [self._shown(body) for body in chosen], self._any_worker())

    def deliver_recent(self, source: str, most: int = 30) -> None:
        """The latest versions of what was written last, each document once, as a feed shows it."""
        recent = self.versions[source][-most:]
        if recent:
            documents = latest_versions(SourceDocument(source, body) for body in recent)
            self.deliver(source, [one.body for one in documents], self._any_worker())

    def deliver_latest(self, source: str) -> None:
        """The latest version of every document, in any order and batching: a feed never omits
        it."""
        bodies = [self._shown(one.body) for one in self._latest(source)]
        self.random.shuffle(bodies)
        while bodies:
            size = self.random.randint(1, 60)
            self.deliver(source, bodies[:size], self._any_worker())
            bodies = bodies[size:]

    def fold(self) -> None:
        """The first half of a publisher's run, of one that then dies."""
        for pk in self.pks:
            try:
                fold(PACK.views.values(), self.state, pk, self.now_seconds, self.pace_seconds)
            except Transient:
                return

    def publish(self) -> bool:
        """One run of one publisher; whether it found nothing to do."""
        try:
            published = self.random.choice(self.publishers).run()
        except Transient:
            return False
        assert published.failed == [], published
        return published.idle

    def _somebody_acts(self) -> None:
        """Another worker, between somebody's reading and commit."""
        act = self.random.randrange(4)
        if act == 0:
            self.publish()
        elif act == 1:
            self.fold()
        else:
            source = self.random.choice(SOURCES)
            if written := self.versions[source]:
                chosen = self.random.choices(written[-20:], k=self.random.randint(1, 3))
                text = self._text(chosen)
                try:
                    self.workers[-1][source].process(text, {})
                except Transient:
                    return

    def drain(self) -> None:
        """Deliver what is left, then publish until nothing due is left."""
        for source in self.random.sample(SOURCES, len(SOURCES)):
            self.deliver_latest(source)
        self.settle()

    def settle(self) -> None:
        """Publish without any trouble until every publisher rests."""
        trouble, self.trouble.probability = self.trouble.probability, 0.0
        self._publish_all()
        if self.pace_seconds != 0:
            self.now_seconds += PACE_SECONDS_MAX
            self._publish_all()
        self.trouble.probability = trouble

    def _publish_all(self) -> None:
        for publisher in self.publishers:
            for _ in range(RUNS_MAX):
                published = publisher.run()
                assert published.failed == [], published
                if published.idle:
                    # What a race has parked is tried again when its time has come.
                    parked = [one["due"] for one in self.state.documents("f:")]
                    if not parked:
                        break
                    self.now_seconds = max(self.now_seconds, *parked)
            else:
                raise AssertionError(f"never idle: {list(self.state.documents('h'))}")

    # What must hold then.

    def differences(self) -> list[str]:
        """Where the published views are not what the oracle says; empty when all are true."""
        documents = [one for source in SOURCES for one in self._latest(source)]
        expected = compute_views(documents, now_seconds=self.now_seconds, prices=_ORACLE_PRICES)
        found = self.published()
        differences = []
        for view in PACK.views:
            for name in sorted({*expected[view], *found[view]}):
                differences += compared(name, expected[view].get(name), found[view].get(name))
        return differences + self._unsound()

    def published(self) -> dict[str, dict[str, Document]]:
        """View → document id → what readers see of it."""
        return {
            view: {one["id"]: comparable(one) for one in self.views.documents(view)}
            for view in PACK.views
        }

    def _unsound(self) -> list[str]:
        left = [f"left: {journal['id']}" for journal in self.state.documents("j:")]
        negative = [
            f"negative: {partial}"
            for partial in self.state.documents("p:")
            if any(value < 0 for row in partial["cells"].values() for value in row)
        ]
        counted: dict[str, int] = defaultdict(int)
        for entry in self.state.documents("e:"):
            counted[entry["id"]] += entry["outcome"] == "counted"
        twice = [f"counted twice: {entry}" for entry, times in counted.items() if times > 1]
        return left + negative + twice + self._undecided()

    def _undecided(self) -> list[str]:
        """Latest versions that are not decided as the oracle decides them."""
        outcomes = {
            (entry["id"], entry.get("etag")): entry["outcome"]
            for entry in self.state.documents("e:")
        }
        found = []
        for document in (one for source in SOURCES for one in self._latest(source)):
            body = document.body
            name = entry_id(document.source, (body.get("user_id", msgspec.UNSET),), body["id"])
            outcome = classify(document)
            expected = "dead" if isinstance(outcome, tuple) else outcome
            if (was := outcomes.get((name, body["_etag"]))) != expected:
                found.append(f"{document.identity} must be {expected}, it is {was}")
        return found

    def _latest(self, source: str) -> list[SourceDocument]:
        return latest_versions(SourceDocument(source, body) for body in self.versions[source])

    def _shown(self, body: Document) -> Document:
        """Now and then without `_lsn`, as audit and redrive deliver it."""
        if self.random.randrange(5):
            return body
        return {name: value for name, value in body.items() if name != "_lsn"}

    def _text(self, documents: Sequence[Document]) -> str:
        """As the host hands it over; now and then as it is stored."""
        text = _ENCODER.encode(documents).decode()
        return text if self.random.randrange(4) == 0 else as_delivered(text)

    def _any_worker(self) -> int:
        return self.random.randrange(len(self.workers))


def compared(path: str, expected: object, found: object) -> list[str]:
    """Where two JSON values differ, by path."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            difference
            for name in {**expected, **found}
            for difference in compared(f"{path}.{name}", expected.get(name), found.get(name))
        ]
    if expected == found:
        return []
    expected, found = ("a document" if isinstance(one, dict) else one for one in (expected, found))
    return [f"{path}: expected {expected!r}, found {found!r}"]
