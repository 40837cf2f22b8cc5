"""The entry state machine, exhaustively: every order in which versions of a document can come.

One document is written once, twice or three times; each version says something new, the same again,
something invalid, that it is deleted, or that it is of an ignored kind. At any moment any version
written so far may be delivered, or two of them in one batch, with and without `_lsn`, while the
source's first reading is true or one version late. What is decided then depends only on what was
written and what is decided already, so walking that graph once covers every sequence of deliveries
of any length. From the first delivery of the latest version on, the entry must hold that version
and nothing else may be counted.

`_lsn` runs backwards too, as after a failover, but only between versions of different `_ts`: in the
same second a higher `_lsn` is taken at its word (docs/architecture.md, "Rules of the commit", 3).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any, NamedTuple, cast

import msgspec
import pytest
from azure.cosmos import ContainerProxy

from cosmos_views.intake.batch import Outside, Processor
from cosmos_views.intake.dead_letters import DeadLetter
from cosmos_views.intake.ownership import Layout
from cosmos_views.ledger.snapshots import Snapshot
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.reconcile import proof
from pack import PACK
from processors import interactions
from processors.pricing import Prices
from tests.oracle import SourceDocument, classify
from tests.simulation.cosmos import Container, Document, Partition
from tests.simulation.sdk import Client

KINDS = ("valid", "same", "invalid", "deleted", "ignored")
WRITTEN_AT = 1_740_873_600
SOURCE = interactions.source(Prices(()))


class Node(NamedTuple):
    """Where a document stands."""

    written: int
    """Versions written so far."""
    decided: int | None
    """The version that the entry decided."""
    latest_delivered: bool
    """The latest version has been delivered since it was written."""


@dataclass
class Ports:
    """What stage 1 sees: the source one version late at first, if so wanted."""

    versions: list[Document]
    stale: bool = False
    readings: int = 0

    def read(self, container: str, document_id: str, key: Sequence[Any]) -> bytes | None:
        self.readings += 1
        shown = self.versions[:-1] if self.stale and self.readings == 1 else self.versions
        if not shown:
            return None
        body = {name: value for name, value in shown[-1].items() if name != "_lsn"}
        return msgspec.json.encode(body)

    def by_rid(
        self, container: str, seconds: Mapping[str, int], since: int | None = None
    ) -> dict[str, bytes]:
        raise NotImplementedError

    def write(self, letter: DeadLetter) -> None:
        """Dead letters are not looked at here."""

    def delete(self, source: str, letter_id: str) -> bool:
        """Nor erased."""
        return False


class Machine:
    """Stage 1 over one bucket that can be put back to an earlier state."""

    def __init__(self) -> None:
        self.ports = Ports([])
        self.state = Container("state", "/pk", -1, lambda: float(WRITTEN_AT), Random(0))
        client = Client({"state": self.state}, lambda _container, _operation, do, writes: do())
        self._nonces = 0
        outside = Outside(
            pack=PACK,
            state=StateStore(cast("ContainerProxy", client.get_container_client("state"))),
            sources=self.ports,
            poison=self.ports,
            layout=lambda: Layout(1, 1),
            now_ms=lambda: WRITTEN_AT * 1_000,
            nonce=self._nonce,
            jitter=lambda: 0.0,
            wait=lambda _seconds: None,
        )
        self.processor = Processor(SOURCE, 31_536_000, outside)

    def deliver(self, documents: list[Document], *, stale: bool) -> None:
        self.ports.stale, self.ports.readings = stale, 0
        self.processor.breaker.in_a_row = 0
        self.processor.process(msgspec.json.encode(documents).decode(), {})

    def saved(self) -> Any:
        return {key: dict(of.versions) for key, of in self.state.partitions.items()}

    def restore(self, saved: Any) -> None:
        self.state.partitions = {}
        for key, documents in saved.items():
            partition = self.state.partitions[key] = Partition(key)
            for name, versions in documents.items():
                for version in versions:
                    partition.add(name, version)
            partition.lsn = self.state.physical_of(key).lsn

    def documents(self) -> dict[str, Document]:
        return {one["id"]: one for _, one in self.state.latest()}

    def _nonce(self) -> str:
        self._nonces += 1
        return str(self._nonces)


def version(number: int, kind: str, ts: int, lsn: int, user: str | None) -> Document:
    body: Document = {
        "id": "a",
        "document_type": "user_interaction",
        "timestamp": "2025-03-01T12:00:00Z",
        "response_time_ms": 100,
        "_etag": str(number),
        "_ts": WRITTEN_AT + ts,
        "_lsn": lsn,
    }
    if user is not None:
        body["user_id"] = user
    if kind == "valid":
        body["response_time_ms"] += number
        body["timestamp"] = f"2025-0{1 + number % 3}-01T12:00:00Z"
    elif kind == "invalid":
        body["response_time_ms"] = -1
    elif kind == "deleted":
        body["deleted"] = True
    elif kind == "ignored":
        body["document_type"] = "weather_report"
    return body


def histories(length: int, user: str | None) -> Iterator[list[Document]]:
    """All documents of so many versions: what they say, when, and under which LSNs."""
    for kinds in product(KINDS, repeat=length):
        for steps in product((0, 1), repeat=length - 1):
            for diverging in (False, True) if steps and all(steps) else (False,):
                lsns = range(length, 0, -1) if diverging else range(1, length + 1)
                times = [sum(steps[:place]) for place in range(length)]
                yield [
                    version(number, kind, ts, lsn, user)
                    for number, (kind, ts, lsn) in enumerate(
                        zip(kinds, times, lsns, strict=True), start=1
                    )
                ]


def walk(machine: Machine, versions: list[Document], *, pairs: bool) -> int:
    """Visit every state that deliveries can lead to; how many deliveries that took."""
    machine.state.partitions = {}
    start = Node(1, None, latest_delivered=False)
    saved = {start: machine.saved()}
    waiting = [start]
    measures: dict[int | None, Any] = {None: {}}
    deliveries = 0
    while waiting:
        node = waiting.pop()
        machine.ports.versions = versions[: node.written]
        for batch in batches(node.written, pairs=pairs):
            for without_lsn, stale in product((False, True), repeat=2):
                machine.restore(saved[node])
                shown = [versions[one] for one in batch]
                if without_lsn:
                    shown = [
                        {name: value for name, value in one.items() if name != "_lsn"}
                        for one in shown
                    ]
                machine.deliver(shown, stale=stale)
                deliveries += 1
                reached = after(machine, node, batch, versions, measures)
                if reached not in saved:
                    saved[reached] = machine.saved()
                    waiting.append(reached)
        if node.written < len(versions):
            written = Node(node.written + 1, node.decided, latest_delivered=False)
            if written not in saved:
                saved[written] = saved[node]
                waiting.append(written)
    return deliveries


def batches(written: int, *, pairs: bool) -> Iterator[tuple[int, ...]]:
    yield from ((one,) for one in range(written))
    if pairs:
        yield from product(range(written), repeat=2)


def after(
    machine: Machine,
    node: Node,
    batch: tuple[int, ...],
    versions: list[Document],
    measures: dict[int | None, Any],
) -> Node:
    """The node that a delivery led to, once it is known to be sound."""
    documents = machine.documents()
    [entry] = [one for name, one in documents.items() if name.startswith("e:")]
    decided = int(entry["etag"]) - 1
    latest_delivered = node.latest_delivered or node.written - 1 in batch
    assert not latest_delivered or decided == node.written - 1
    outcome = classify(SourceDocument("user_interactions", versions[decided]))
    assert entry["outcome"] == ("dead" if isinstance(outcome, tuple) else outcome)
    snapshot = Snapshot("1:0", documents)
    must = proof.expected(PACK, snapshot)
    found = proof.found_measures(snapshot)
    assert proof.measure_differences(must.measures, found) == []
    assert proof.owner_differences(PACK, must, snapshot) == {}
    # Equal decisions are equal measures, on whichever way they were reached.
    assert measures.setdefault(decided, found) == found
    return Node(node.written, decided, latest_delivered)


@pytest.mark.parametrize("user", ["ada", None])
@pytest.mark.parametrize("length", [1, 2])
def test_every_delivery_of_up_to_two_versions_ends_in_the_latest(
    length: int, user: str | None
) -> None:
    machine = Machine()
    deliveries = sum(walk(machine, one, pairs=True) for one in histories(length, user))

    assert deliveries >= {1: 40, 2: 2_400}[length]


@pytest.mark.parametrize("share", range(5))
def test_every_delivery_of_three_versions_ends_in_the_latest(share: int) -> None:
    machine = Machine()
    for number, versions in enumerate(histories(3, "ada")):
        if number % 5 == share:
            walk(machine, versions, pairs=False)
