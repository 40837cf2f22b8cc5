"""Stage 1 and an erasure as actors, and what must hold of what they count.

The production code as it is: a batch through `Processor`, an erasure through
`upkeep/erase/erasing.py`, of which only folding and publishing are left out, because stage 1 meets
it in the ledger.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import msgspec

import cosmos_views.upkeep.erase.erasing
from cosmos_views.intake.batch import Outside as Ports
from cosmos_views.intake.batch import Processor
from cosmos_views.intake.dead_letters import DeadLetter
from cosmos_views.intake.ownership import Layout
from cosmos_views.ledger.commits import CommitError, Transient
from cosmos_views.ledger.generations import Generation
from cosmos_views.ledger.owners import Tombstone, hot_id, owner_key
from cosmos_views.ledger.snapshots import Snapshot
from cosmos_views.pack import Pack
from cosmos_views.publish.measures import Delta
from cosmos_views.store.erased import ERASED_PK
from cosmos_views.store.generation import HeldGeneration
from cosmos_views.upkeep.erase.erasing import Erasure, Found, InGeneration, Places
from cosmos_views.upkeep.reconcile import proof
from pack import PACK
from processors import incidents, interactions
from processors.pricing import Prices
from tests.interleaved.laws import Untrue
from tests.interleaved.questions import Pause, Remove, Upsert
from tests.interleaved.replay import Frozen, Outside, Program
from tests.interleaved.store import Page, Partition, World, decoded

NOW_SECONDS = 1_740_873_600
BUCKET, LETTERS = "1:0", "letters"
SOURCES = {one.container: one for one in (interactions.source(Prices(())), incidents.SOURCE)}
TTL_SECONDS = 31_536_000
Document = Mapping[str, Any]


@dataclass
class _Letters:
    """The poison container."""

    outside: Outside

    def write(self, letter: DeadLetter) -> None:
        body = msgspec.json.encode(letter)
        self.outside.ask(lambda: Upsert(LETTERS, letter.id, body))

    def delete(self, _source: str, letter_id: str) -> bool:
        return bool(self.outside.ask(lambda: Remove(LETTERS, letter_id)))

    def ids_of_owner(self, source: str, key: str, user: str) -> list[str]:
        found = self.outside.read_range(LETTERS, "", "~")
        return [
            one["id"]
            for one in found
            if one["source"] == source and (one["user"] == key or user in one["partition_key"])
        ]


@dataclass
class _Sources:
    """The sources hold what is delivered."""

    documents: Sequence[Document]

    def read(self, _container: str, document_id: str, key: Sequence[Any]) -> bytes | None:
        for one in reversed(self.documents):
            if one["id"] == document_id:
                return msgspec.json.encode({k: v for k, v in one.items() if k != "_lsn"})
        return None

    def by_rid(
        self, container: str, seconds: Mapping[str, int], since: int | None = None
    ) -> dict[str, bytes]:
        raise NotImplementedError


def counting(
    container: str, documents: Sequence[Document], standing: Sequence[Document]
) -> Program:
    """A worker to which a batch is delivered until it succeeds."""

    def run(outside: Outside) -> None:
        ports = Ports(
            pack=PACK,
            state=outside,
            sources=_Sources(standing),
            poison=_Letters(outside),
            layout=lambda: Layout(1, 1),
            now_ms=lambda: NOW_SECONDS * 1_000,
            nonce=lambda: f"{container}{documents[0]['id']}{outside.nonce()}",
            jitter=lambda: 0.0,
            wait=lambda _seconds: None,
        )
        while True:
            with suppress(Transient, CommitError):
                processor = Processor(SOURCES[container], TTL_SECONDS, ports)
                processor.process(json.dumps(documents), {})
                return

    return run


@dataclass
class _State:
    """The state container, as an erasure uses it."""

    outside: Outside

    def __getattr__(self, name: str) -> Any:
        return getattr(self.outside, name)

    def entries_of_owner(
        self, pk: str, key: str, session_token: str | None
    ) -> Iterator[list[dict[str, Any]]]:
        found = self.outside.read_range(pk, "e:", "e;", session_token)
        yield [one for one in found if one.get("user") == key]


@dataclass
class _Else:
    """What an erasure asks and never finds anything in."""

    def of_partition(self, _view: str, _partition: str) -> list[tuple[str, str, int | None]]:
        return []

    def held(self) -> HeldGeneration:
        return HeldGeneration(Generation("generation", "generation", 1, 1, "any"), "1")

    def counted(self, _definition_version: str) -> tuple[int, int]:
        return 1, 1


class _Erasure(Erasure):
    """Its parts leave nothing behind but what they return."""

    def _look(self, generations: list[InGeneration]) -> Found:
        found: Found = self._whole(lambda: Frozen(super(_Erasure, self)._look(generations))).value
        return found

    def _remove(self, found: Found) -> None:
        self._whole(lambda: super(_Erasure, self)._remove(found))

    def _fold(self, one: InGeneration) -> None:
        """Stage 2 has its own check."""

    def _whole(self, part: Callable[[], Any]) -> Any:
        outside: Outside = self.places.state.outside  # type: ignore[attr-defined]
        return outside.whole(part)


@dataclass
class _Worker:
    poison: _Letters
    pack: Pack = PACK


def erasing(user: str) -> Program:
    """The command, run again until it succeeds; its pause is longer than any batch."""

    def run(outside: Outside) -> None:
        anything: Any = _Else()
        state: Any = _State(outside)
        worker: Any = _Worker(_Letters(outside))
        places = Places(worker, state, anything, anything, anything, None, thorough=False)
        erasure = _Erasure(
            places,
            user,
            pace=lambda: None,
            note=lambda _: None,
            settle_seconds=0.0,
            wait=lambda _: outside.ask(Pause),
            now=lambda: float(NOW_SECONDS),
        )

        class Secrets:
            @staticmethod
            def token_hex(_count: int) -> str:
                return f"erase{outside.nonce()}"

        with patch.object(cosmos_views.upkeep.erase.erasing, "secrets", Secrets):
            while True:
                with suppress(Transient, CommitError):
                    erasure.run()
                    return

    return run


class CountingLaws:
    """The ledger counts everything once, and in the end as if all had come one after the other."""

    def __init__(self, expected: Delta, letters: Collection[str], erased: str | None) -> None:
        self.expected = expected
        """What journal and partials come to."""
        self.letters = frozenset(letters)
        self.erased = erased

    def check_commit(self, before: Partition, after: Partition) -> None:
        if after.pk != BUCKET:
            return
        snapshot = _snapshot(after)
        must = proof.expected(PACK, snapshot)
        wrong = proof.measure_differences(must.measures, proof.found_measures(snapshot))
        for of_user in proof.owner_differences(PACK, must, snapshot).values():
            wrong += of_user
        if wrong:
            raise Untrue(f"{len(wrong)} sums are wrong: {wrong[0]}")
        for one in after.documents:
            if one.id.startswith("e:"):
                _check_entry(before, one.id, decoded(one))

    def check_page(self, _before: Page, _after: Page, _world: World) -> Untrue | None:
        return None

    def check_world(self, world: World) -> None:
        """Commits are checked one by one."""

    def check_at_rest(self, world: World) -> None:
        self.check_at_end(world)

    def check_at_end(self, world: World) -> None:
        snapshot = _snapshot(world.partition(BUCKET))
        found = proof.found_measures(snapshot)
        if found != self.expected:
            wrong = proof.measure_differences(self.expected, found)
            raise Untrue(f"in the end {len(wrong)} sums are wrong: {wrong[0]}")
        letters = {one.id for one in world.partition(LETTERS).documents}
        if letters != self.letters:
            raise Untrue(f"in the end letters are {letters}")
        if self.erased is not None:
            _check_forgotten(self.erased, snapshot)


def _check_entry(before: Partition, name: str, after: Document) -> None:
    known = next((decoded(one) for one in before.documents if one.id == name), None)
    if known is not None and known["ts"] > after["ts"]:
        raise Untrue(f"{name} went back")


def _check_forgotten(user: str, snapshot: Snapshot) -> None:
    key = owner_key(user)
    for name, one in snapshot.documents.items():
        bare = msgspec.to_builtins(Tombstone(name, snapshot.pk))
        if name == hot_id(key) and {k: v for k, v in one.items() if k != "_etag"} == bare:
            continue
        # The journal names the months of users, until it is folded.
        if key in str(one) or (f"'{user}'" in str(one) and not name.startswith("j:")):
            raise Untrue(f"of the erased user is left: {one}")


def measures_of(world: World) -> Delta:
    """What journal and partials come to."""
    return proof.found_measures(_snapshot(world.partition(BUCKET)))


def letters_of(world: World) -> set[str]:
    return {one.id for one in world.partition(LETTERS).documents}


def first_world() -> World:
    """Nothing counted, nobody erased."""
    partitions = tuple(Partition(pk) for pk in (BUCKET, LETTERS, ERASED_PK))
    return World(partitions, Page(0, None, (0, None)), 1, NOW_SECONDS)


def _snapshot(partition: Partition) -> Snapshot:
    return Snapshot(partition.pk, {one.id: decoded(one) for one in partition.documents})
