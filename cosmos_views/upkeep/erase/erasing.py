"""Erasing one owner: passes over every place that knows the owner, until one finds nothing.

The registry comes first, then the tombstone in every generation; both stay for ever. What a worker
that had looked just before them may still write is found by the last pass, which begins after a
pause. Each pass first notes what it has found, then removes it: so the receipt also holds what a
pass removed that broke off, and the next erasure of the owner goes on with the rest.
"""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from azure.core.exceptions import AzureError

from cosmos_views.intake.ownership import Layout
from cosmos_views.ledger.commits import CommitError, Conflict, Delete, Transient, Write
from cosmos_views.ledger.generations import BEFORE_SWITCH, Generation, Phase
from cosmos_views.ledger.instants import iso
from cosmos_views.ledger.owners import hot_id, is_bare, owner_key
from cosmos_views.pack import Pack
from cosmos_views.publish.fold import Bucket, fold, read_bucket
from cosmos_views.publish.heads import HEAD_ID, Head
from cosmos_views.publish.journal import journal_id, read_journals
from cosmos_views.publish.parked import (
    LOOKED_AT_MAX,
    PARKED_PER_COMMIT,
    Parked,
    parked_range,
    read_parked,
)
from cosmos_views.publish.publisher import GenerationChanged
from cosmos_views.publish.view import View
from cosmos_views.store.archive import ArchiveStore
from cosmos_views.store.erased import ERASED_PK, Erased, ErasedOwners
from cosmos_views.store.generation import GenerationStore
from cosmos_views.store.point_read import has_path
from cosmos_views.store.sources import SourceStore
from cosmos_views.store.state import StateStore
from cosmos_views.store.views import ViewStore
from cosmos_views.upkeep.archive.copies import is_segment_of, path_of, places_of
from cosmos_views.upkeep.attempts import Attempts
from cosmos_views.upkeep.erase.erasure import Entombed, Erasing, facts_by_source, tombstone
from cosmos_views.upkeep.working import Working

BUILDABLE = frozenset({Phase.PREPARING, Phase.COUNTING})
"""In these phases of a rebuild both generations can be erased from."""
FOLDS_MAX = 50
PASSES_MAX = 20
"""A pass finds what came beside the one before; so many in a row means that it never ends."""


class Waits(Exception):
    """The tombstone stands, the rest has to wait, for what the message says: a rebuild's switch, or
    whoever goes on writing."""


@dataclass(frozen=True)
class Places:
    """Where to look."""

    worker: Working
    state: StateStore
    views: ViewStore
    sources: SourceStore
    generations: GenerationStore
    archive: ArchiveStore | None
    """None without a Blob connection: then no copies are looked for."""
    thorough: bool
    """Look at the name of every copy, not only in the index of tags."""


@dataclass
class InGeneration:
    """What one generation knows of the owner."""

    layout: Layout
    pk: str
    building: bool
    at: Entombed | None
    """None in a dry run."""
    entries: list[dict[str, Any]] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    """Its documents; not the bare tombstone."""


@dataclass
class Found:
    """What one pass has found."""

    kind: str
    """What an owner is called."""
    generations: list[InGeneration]
    pending: int
    letters: list[tuple[str, str]]
    """(source, id)."""
    documents: list[tuple[str, str, str]]
    """(view, id, ETag) of published documents that name the owner."""
    copies: list[str]

    @property
    def by_place(self) -> dict[str, int]:
        """How much of what; nothing where there is nothing."""
        counts = Counter(
            f"facts_of_{source}"
            for one in self.generations
            for source in facts_by_source(one.entries)
        )
        counts["entries"] = sum(len(one.entries) for one in self.generations)
        counts[f"{self.kind}_documents"] = sum(len(one.documents) for one in self.generations)
        counts["waiting_view_keys"] = self.pending
        counts["dead_letters"] = len(self.letters)
        counts.update(f"{view}_documents" for view, _, _ in self.documents)
        counts["archived_copies"] = len(self.copies)
        return {place: number for place, number in counts.items() if number}


@dataclass
class Erasure:
    """One command that erases one owner."""

    places: Places
    owner: str
    pace: Callable[[], None]
    note: Callable[[str], None]
    settle_seconds: float
    wait: Callable[[float], None] = time.sleep
    left: list[tuple[str, str, str]] = field(default_factory=list)
    """(place, name, why) of what the last pass could not delete."""
    ends_by_ttl: dict[str, int] = field(default_factory=dict)
    """View → when the last of its documents expires that no path leads to, so that nobody can
    delete them: published under ids that are not used any more."""
    now: Callable[[], float] = time.time

    @property
    def pack(self) -> Pack:
        """The worker's."""
        return self.places.worker.pack

    @property
    def key(self) -> str:
        """The owner's name in the store."""
        return owner_key(self.owner)

    @property
    def views(self) -> dict[str, View]:
        """The views that name owners."""
        return {name: view for name, view in self.pack.views.items() if view.names_owner}

    def look(self) -> dict[str, int]:
        """What would be removed; nothing is changed."""
        generation = self.places.generations.held().generation
        return self._look(
            [_in(layout, self.key) for layout in _layouts(generation, BUILDABLE)]
        ).by_place

    def run(self) -> Erased:
        """Erase, and return the receipt. Raises Waits, Transient."""
        # Refuses what it could not take back.
        self.places.generations.counted(self.pack.definition)
        registry = ErasedOwners(self.places.state)
        record, etag = registry.read(self.key)
        record = record or Erased(self.key, ERASED_PK, "")
        record.erased_at = record.erased_at or iso(int(self.now() * 1_000_000))
        settled = bool(record.finished_at)
        # Before the generations are looked up: a rebuild does it the other way round.
        etag = _written(registry, record, etag)
        for _ in range(PASSES_MAX):
            found = self._look(self._tombstoned())
            now = found.by_place
            # Of a pass that broke off, what it had removed is not found again.
            record.removing = {
                place: max(record.removing.get(place, 0), now.get(place, 0))
                for place in (*record.removing, *now)
            }
            if now:
                record.finished_at = ""
            etag = _written(registry, record, etag)
            self.left = []
            self._remove(found)
            for place, _, _ in self.left:
                record.removing[place] -= 1
            record.removing = {place: number for place, number in record.removing.items() if number}
            record.removed, record.removing = record.receipt, {}
            record.passes += 1
            moved = sum(now.values()) > len(self.left)
            if not moved and settled:
                if not self.left:
                    record.finished_at = record.finished_at or iso(int(self.now() * 1_000_000))
                _written(registry, record, etag)
                return record
            etag = _written(registry, record, etag)
            if not moved:
                self.note(f"looks again in {self.settle_seconds:.0f} s")
                self.wait(self.settle_seconds)
                settled = True
        raise Waits(
            f"something of the owner was found in each of {PASSES_MAX} passes: "
            "what writes it must be stopped, then run the command again"
        )

    def record(self) -> Erased | None:
        """What the registry says of the owner by now."""
        return ErasedOwners(self.places.state).read(self.key)[0]

    def left_in_sources(self) -> Iterator[tuple[str, int]]:
        """How many documents of the owner each source still holds; they are their owner's."""
        for source in self.pack.sources:
            yield source.container, self.places.sources.count(source, self.owner)

    def _tombstoned(self) -> list[InGeneration]:
        """The owner's place in every generation that anybody counts into, under a tombstone."""
        generation = self.places.generations.held().generation
        found = []
        for layout in _layouts(generation, BEFORE_SWITCH):
            at = tombstone(self.pack.owners, self.places.state, layout, self.key)
            is_built = layout.generation != generation.generation
            found.append(InGeneration(layout, at.pk, is_built, at))
        if generation.building is not None and generation.building.phase not in BUILDABLE:
            raise Waits(
                f"the owner is not counted any more, but a rebuild is {generation.building.phase}: "
                "run the command again when it has finished"
            )
        building = generation.building
        if building is not None and not (
            building.definition_version == generation.definition_version == self.pack.definition
        ):
            # What facts are worth in the other generation, this worker does not know.
            raise Waits(
                "the owner is not counted any more, but a rebuild for another definition is under "
                "way: run the command again when it has finished"
            )
        return found

    def _look(self, generations: list[InGeneration]) -> Found:
        places, key = self.places, self.key
        pending = 0
        for one in generations:
            self.note(f"generation {one.layout.generation}: entries")
            token = None if one.at is None else one.at.session_token
            for page in places.state.entries_of_owner(one.pk, key, token):
                one.entries.extend(page)
                self.pace()
            documents = places.state.read_range(one.pk, *_owner_range(key), token)
            one.documents = [each["id"] for each in documents if not is_bare(each)]
            pending += sum(len(names) for _, names in self._pending(one.layout))
            self.pace()
        self.note("dead letters, views, archived copies")
        letters = [
            (source, each)
            for source in self.pack.facts
            for each in places.worker.poison.ids_of_owner(source, key, self.owner)
        ]
        documents_of_views = []
        for view in self.views:
            for document_id, etag, ends_at in places.views.of_partition(view, self.owner):
                if ends_at is None or has_path(document_id):
                    documents_of_views.append((view, document_id, etag))
                else:
                    self.ends_by_ttl[view] = max(self.ends_by_ttl.get(view, 0), ends_at)
        self.pace()
        return Found(
            self.pack.owners.name,
            generations,
            pending,
            letters,
            documents_of_views,
            sorted(set(self._copies())),
        )

    def _copies(self) -> Iterator[str]:
        archive = self.places.archive
        if archive is None:
            return
        yield from archive.paths_of_owner(self.key)
        if self.places.thorough:
            for place in places_of(archive.paths()):
                if is_segment_of(place.owner, self.owner):
                    yield path_of(place)

    def _remove(self, found: Found) -> None:
        """Each step may break off anywhere; the next pass finds what is left."""
        for one in found.generations:
            assert one.at is not None
            erasing = Erasing(
                self.pack,
                self.places.state,
                one.at,
                self.owner,
                lambda: int(self.now() * 1_000),
                lambda: secrets.token_hex(6),
                self.pace,
            )
            self.note(f"generation {one.layout.generation}: {len(one.entries)} entries")
            erasing.retract(one.entries)
            erasing.make_bare()
            erasing.delete([each for each in one.documents if each != hot_id(self.key)])
            self._fold(one)
        views, poison, archive = self.places.views, self.places.worker.poison, self.places.archive
        for view, document_id, etag in found.documents:
            with self._left(f"{view}_documents", document_id):
                views.delete(view, document_id, self.owner, etag)
            self.pace()
        for source, letter in found.letters:
            with self._left("dead_letters", letter):
                poison.delete(source, letter)
            self.pace()
        assert archive is not None or not found.copies
        for path in found.copies:
            assert archive is not None
            with self._left("archived_copies", path):
                archive.delete(path)

    @contextmanager
    def _left(self, place: str, name: str) -> Iterator[None]:
        """What cannot be deleted is named, and the rest goes on."""
        try:
            yield
        except (Transient, AzureError) as failure:
            self.left.append((place, name, str(failure).splitlines()[0]))

    def _fold(self, one: InGeneration) -> None:
        """Until nothing in the journal or a head names the owner; folds take the oldest first. What
        else they changed is published, so that views soon show all others without this owner."""
        ends = journal_id(int(self.now() * 1_000) + 1)
        publisher = self.places.worker.publisher
        for _ in range(FOLDS_MAX):
            generation = self.places.generations.held().generation
            successor = None if one.building else generation.successor
            now_seconds = int(self.now())
            fold(
                self.pack.views.values(),
                self.places.state,
                one.pk,
                now_seconds,
                publisher.pace_seconds,
                successor,
            )
            self._forget_pending(one.layout)
            self._publish()
            self.pace()
            if not read_journals(self.places.state, one.pk, 1, before=ends)[0]:
                return
        raise Transient("the journal could not be folded")

    def _publish(self) -> None:
        with suppress(GenerationChanged):  # the next run publishes the new one
            self.places.worker.publisher.run()

    def _pending(self, layout: Layout) -> Iterator[tuple[str, list[str]]]:
        """Buckets that wait to publish the owner's months, and which: in the head, or parked."""
        for number in range(layout.buckets):
            pk = layout.pk(number)
            bucket = read_bucket(self.places.state, pk)
            names = self._names_of([*bucket.head.pending, *self._parked(bucket)])
            if names:
                yield pk, names

    def _names_of(self, pending: Iterable[str]) -> list[str]:
        """Those of the pending view keys that name the owner."""
        found = []
        for name in pending:
            view_name, _, key = name.partition(":")
            view = self.views.get(view_name)
            if view is not None and view.partition(key) == self.owner:
                found.append(name)
        return found

    def _parked(self, bucket: Bucket) -> dict[str, tuple[Parked, str]]:
        """All parked keys of the views that name owners."""
        found: dict[str, tuple[Parked, str]] = {}
        for view in self.views if bucket.head.parked else ():
            start, end = parked_range(view)
            while some := self.places.state.read_range(
                bucket.pk, start, end, bucket.session_token, LOOKED_AT_MAX
            ):
                found |= read_parked(some)[0]
                if len(some) < LOOKED_AT_MAX:
                    break
                start = f"{some[-1]['id']}\0"
        return found

    def _forget_pending(self, layout: Layout) -> None:
        for pk, _ in self._pending(layout):
            attempts = Attempts("the head changes all the time")
            while True:
                bucket = read_bucket(self.places.state, pk)
                parked = self._parked(bucket)
                gone = set(self._names_of([*bucket.head.pending, *parked]))
                if not gone:
                    break
                left = {n: due for n, due in bucket.head.pending.items() if n not in gone}
                names = sorted(gone & parked.keys())[:PARKED_PER_COMMIT]
                head: Head = msgspec.structs.replace(
                    bucket.head, pending=left, parked=bucket.head.parked - len(names)
                )
                deletions = [Delete(parked[name][0].id) for name in names]
                try:
                    self.places.state.commit(pk, [Write(head, HEAD_ID, bucket.etag), *deletions])
                except CommitError as failure:
                    attempts.failed(failure)
                else:
                    attempts.succeeded()


def _layouts(generation: Generation, phases: Collection[Phase]) -> list[Layout]:
    """The generation in force, and one that is being built, in these phases."""
    building = generation.building
    layouts = [Layout(generation.generation, generation.buckets)]
    if building is not None and building.phase in phases:
        layouts.append(Layout(building.generation, building.buckets))
    return layouts


def _in(layout: Layout, key: str) -> InGeneration:
    return InGeneration(layout, layout.pk_of(key), building=False, at=None)


def _owner_range(key: str) -> tuple[str, str]:
    """Ids of all owner documents of the owner, however they are split."""
    return hot_id(key), f"{hot_id(key)}\x7f"


def _written(registry: ErasedOwners, record: Erased, etag: str | None) -> str:
    try:
        return registry.write(record, etag)
    except Conflict as conflict:
        raise Transient("another erasure of this owner is under way") from conflict
    except CommitError as error:
        raise Transient(f"the registry of erased owners could not be written: {error}") from error
