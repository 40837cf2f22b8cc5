"""The Functions host: leases over feed ranges, and deliveries with the platform's habits.

At least once, in LSN order per range, latest versions only; one batch in flight per lease, unless
the lease was stolen. A batch whose function failed comes again; or, as the platform does without an
unlimited retry policy and at time-outs, it is checkpointed away, and only the audit finds it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

import msgspec

from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.entries import entry_id
from cosmos_views.worker import FUNCTION_SECONDS_MAX, Worker
from tests.generators.delivered import as_delivered
from tests.simulation.cosmos import Document, Range
from tests.simulation.faults import Kind
from tests.simulation.world import SOURCES, World

BATCH_DOCUMENTS_MAX = 25
RETRY_SECONDS_MAX = 60
DELIVERIES_MAX = 300


@dataclass
class Lease:
    """Progress in one range of one source's feed."""

    source: str
    covers: Range
    position: int = 0
    epoch: int = 0
    """Moves on with every change of owner; who has an older one cannot checkpoint."""
    in_flight: bool = False


class Host:
    """All leases, and what was delivered."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.random = random
        self.leases = [
            Lease(source, physical.covers)
            for source in SOURCES
            for physical in world.containers[source].physicals
        ]
        self.delivered: dict[str, list[Document]] = {source: [] for source in SOURCES}
        self.happened = world.gate.injected

    def strikes(self, kind: Kind, most: float) -> bool:
        """Whether a fault of the host happens now; `most` is its share at full strength."""
        strength = self.world.swarm.of(kind)
        if not strength or self.world.gate.plan is None or self.random.random() >= strength * most:
            return False
        self.happened[kind] += 1
        return True

    def turn(self, worker: Worker) -> bool:
        """One lease's next batch; False where there was nothing to deliver. Raises Killed."""
        if self.strikes(Kind.LATE, 0.2):
            self._late(worker)
        taken = [lease for lease in self.leases if lease.in_flight]
        if taken and self.strikes(Kind.STOLEN, 0.3):
            return self._deliver(worker, self.random.choice(taken))
        lease = self.random.choice(self.leases)
        if lease.in_flight:
            return False
        if self.strikes(Kind.REWOUND, 0.1):
            lease.position = self.random.randint(0, lease.position)
        return self._deliver(worker, lease)

    def drain(self, worker: Worker) -> None:
        """Everything that is left, without any fault."""
        for lease in self.leases:
            lease.in_flight = False
            while self._deliver(worker, lease):
                pass

    def relayout(self, source: str) -> None:
        """Leases follow the physical ranges: children of a split take their parent's position, a
        merged range the earliest."""
        old = [lease for lease in self.leases if lease.source == source]
        self.leases = [lease for lease in self.leases if lease.source != source]
        for physical in self.world.containers[source].physicals:
            start, end = physical.covers
            overlapping = [one for one in old if one.covers.start < end and start < one.covers.end]
            same = [one for one in overlapping if one.covers == physical.covers]
            position = min(one.position for one in overlapping)
            self.leases += same or [Lease(source, physical.covers, position)]

    def _deliver(self, worker: Worker, lease: Lease) -> bool:
        container = self.world.containers[lease.source]
        count = self.random.randint(1, BATCH_DOCUMENTS_MAX)
        documents, position, _ = container.feed(lease.covers, None, lease.position, count)
        if not documents:
            return False
        lease.epoch += 1
        epoch = lease.epoch
        lease.in_flight = True
        try:
            self._offer(worker, lease.source, self._disturbed(documents))
        finally:
            if lease.epoch == epoch:
                lease.in_flight = False
        if self.strikes(Kind.LATE, 0.3):
            self._offer(worker, lease.source, self._older(lease.source, documents))
        # A batch that was given up is checkpointed like one that succeeded.
        if lease.epoch == epoch and not self.strikes(Kind.FORGOTTEN, 0.2):
            lease.position = position
        return True

    def _offer(self, worker: Worker, source: str, documents: list[Document]) -> None:
        """Deliver until it succeeds or the platform gives up."""
        text = self._text(documents)
        pause = 1.0
        for _ in range(DELIVERIES_MAX):
            self.world.scheduler.begin_function(FUNCTION_SECONDS_MAX)
            try:
                worker.process(source, text, {})
            except Transient:
                if self.strikes(Kind.DROPPED, 1.0):
                    return
                self.world.scheduler.sleep(pause)
                pause = min(2 * pause, RETRY_SECONDS_MAX)
                continue
            self.delivered[source] += documents
            self._assert_decided(source, documents)
            return
        raise AssertionError(f"{DELIVERIES_MAX} deliveries of a batch failed")

    def replay(self, worker: Worker) -> None:
        """Every version ever written of what is still there, the latest first."""
        for source in SOURCES:
            current = self.world.containers[source].latest_versions()
            there = {(key, one.id) for key, one in current}
            written = [
                one
                for (key, name), versions in self.world.versions[source].items()
                if (key, name) in there and (source, key, name) not in self.world.rolled_back
                if not self.world.erased
                for one in versions
            ]
            if written:
                self._offer(worker, source, written[::-1])

    def _late(self, worker: Worker) -> None:
        """Versions of any age, in any order, some twice; often those of one document, or of what
        was written just now."""
        source = self.random.choice(SOURCES)
        of_documents = list(self.world.versions[source].values())
        if not of_documents:
            return
        written = [one for versions in of_documents for one in versions]
        match self.random.randrange(3):
            case 0:
                written = self.random.choice(of_documents)
            case 1:
                written = sorted(written, key=lambda one: one["_ts"])[-4:]
        some = self.random.choices(written, k=self.random.randint(1, 8))
        if self.random.random() < self.world.swarm.of(Kind.WITHOUT_LSN):
            some = [_without_lsn(one) for one in some]
        self._offer(worker, source, some)

    def _older(self, source: str, documents: list[Document]) -> list[Document]:
        """Any versions of the documents that came just now."""
        container = self.world.containers[source]
        return [
            _without_lsn(self.random.choice(self.world.versions[source][key, document["id"]]))
            for document in documents
            for key in [container.key_of(document)]
        ]

    def _disturbed(self, documents: list[Document]) -> list[Document]:
        documents = [self._shown(one) for one in documents]
        if self.strikes(Kind.REPEATED, 0.3):
            documents = [one for one in documents for _ in range(self.random.randint(1, 5))]
            self.random.shuffle(documents)
        return documents

    def _shown(self, document: Document) -> Document:
        if self.strikes(Kind.WITHOUT_LSN, 0.5):
            return _without_lsn(document)
        return document

    def _text(self, documents: Iterable[Document]) -> str:
        text = json.dumps(documents)
        if self.strikes(Kind.REWRITTEN, 1.0):
            text = as_delivered(text)
        return text

    def _assert_decided(self, source: str, documents: Iterable[Document]) -> None:
        """Nothing that was delivered and is still what its source holds is left undecided."""
        if self.world.is_operated:
            return  # an erasure deletes entries; what a rebuild replaces is not read any more
        there = {one.etag for _, one in self.world.containers[source].latest_versions()}
        standing = {
            entry_id(source, (one.get("user_id", msgspec.UNSET),), one["id"]): one["_etag"]
            for one in documents
            if one["_etag"] in there
        }
        orders = self.world.orders[source]
        decided: dict[str, int] = {}
        for entry in self.world.state(f"e:{source}:"):
            place = orders[entry["etag"]]
            decided[entry["id"]] = max(place, decided.get(entry["id"], place))
        for known, etag in standing.items():
            assert known in decided, f"{known} was delivered and has no entry"
            # Another worker may have decided a version that was written meanwhile.
            assert decided[known] >= orders[etag] or etag in self.world.current_again, (
                f"{known} was delivered as {etag}, its entry has an older version"
            )


def _without_lsn(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "_lsn"}
