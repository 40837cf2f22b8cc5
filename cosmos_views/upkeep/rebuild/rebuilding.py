"""The steps of a rebuild, each of which may be interrupted anywhere and repeated from its start.

The document `generation` says which phase is under way (`ledger/generations.py`); a phase ends by
replacing it as it was read, so of two rebuilds at once, or of a rebuild and an abort, one goes on
and the other finds out. Nothing depends on how long anything takes: what a trigger counts into the
wrong generation around the switch is met again by the new generation's audit, whose cursors this
rebuild has begun (docs/rebuild.md).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import msgspec

from cosmos_views.intake.ownership import Layout
from cosmos_views.ledger.buckets import bucket_pk
from cosmos_views.ledger.commits import CommitError, Conflict, Write
from cosmos_views.ledger.generations import (
    BEFORE_SWITCH,
    GENERATION_SECONDS,
    Building,
    Generation,
    Phase,
    advanced,
    ended,
    placed,
)
from cosmos_views.publish.again import OWNER_FROM, OWNER_TO, names_left, names_of, walk
from cosmos_views.publish.documents import stamp_of
from cosmos_views.publish.fold import fold, read_bucket
from cosmos_views.publish.heads import HEAD_ID, Head
from cosmos_views.publish.journal import journal_id, read_journals
from cosmos_views.publish.publisher import GenerationChanged
from cosmos_views.publish.view import SYMBOL
from cosmos_views.store.erased import ErasedOwners
from cosmos_views.store.failures import Refused
from cosmos_views.store.generation import GenerationStore, HeldGeneration
from cosmos_views.store.state import StateStore
from cosmos_views.store.views import ViewStore
from cosmos_views.upkeep.attempts import Attempts
from cosmos_views.upkeep.audit import auditing, reader_name
from cosmos_views.upkeep.erase.erasure import tombstone
from cosmos_views.upkeep.rebuild.carrying import carry_owners
from cosmos_views.upkeep.rebuild.removal import remove_generation
from cosmos_views.upkeep.trailing import TrailingReader, run_all
from cosmos_views.upkeep.working import Working

PAGES_PER_RUN = 4
"""Of each source, before what they counted is folded."""
PAGE_DOCUMENTS = 500
OWNERS_PER_PAGE = 200
RUNS_WITHOUT_PROGRESS_MAX = 5
CAUGHT_UP_PAUSE_SECONDS = 5.0
REPLICAS_SECONDS = 5.0
"""After so long every replica shows what was written."""
SWITCH_MARGIN_SECONDS = 5
"""A trigger that has read the layout just before it was to be read again still counts by it."""


class Overtaken(Exception):
    """Another command has moved the rebuild on; the message says so."""


@dataclass
class Done:
    """What this command has done so far."""

    carried: int = 0
    """Owners whose history before the horizon came over."""
    documents: int = 0
    """Read from the sources."""
    counts: Counter[str] = field(default_factory=Counter)
    keys: int = 0
    """View keys published again."""
    removed: int = 0
    """State documents deleted."""
    stuck: list[str] = field(default_factory=list)
    """View keys that could not be published; the publisher goes on trying."""


@dataclass
class Rebuilding:
    """One command that works on a rebuild."""

    worker: Working
    state: StateStore
    views: ViewStore
    generations: GenerationStore
    pace: Callable[[], None]
    note: Callable[[str], None]
    settle_seconds: float
    done: Done = field(default_factory=Done)
    wait: Callable[[float], None] = time.sleep
    _waiting: set[str] = field(default_factory=set)
    """Keys that were due and had not left the head when this command went on."""

    def now(self) -> float:
        """Seconds since 1970, by the worker's clock."""
        return self.worker.publisher.now_ms() / 1_000

    def prepare(self, held: HeldGeneration) -> HeldGeneration:
        """Lay the next generation out; then triggers of its definition may count into it."""
        building = _building(held)
        for pk in _pks(building):
            self._head(pk, lambda head: msgspec.structs.replace(head, building=True))
        # After the generation document, which an erasure reads after the registry: so one of the
        # two sees the other.
        layout = Layout(building.generation, building.buckets)
        erased = list(ErasedOwners(self.state).all())
        for one in erased:
            tombstone(self.worker.pack.owners, self.state, layout, one.id)
            self.pace()
        if erased:
            # What counts nothing writes no hot document, so no ETag stands against who has not
            # seen the tombstone, and there is no later pass as an erasure has.
            self.wait(REPLICAS_SECONDS)
        return self._advance(held, Phase.COUNTING)

    def carry(self, held: HeldGeneration) -> HeldGeneration:
        """Carry over what owners' histories before the horizon still decide."""
        building = _building(held)
        if building.horizon_seconds is None:
            return held
        place = _Place.read(building.place)
        while place.bucket < building.replaces_buckets:
            pk = bucket_pk(building.replaces, place.bucket)
            start = max(OWNER_FROM, f"{place.after}\0")
            documents = self.state.read_range(pk, start, OWNER_TO, None, OWNERS_PER_PAGE)
            self.done.carried += carry_owners(
                self.worker.pack.owners, self.state, building, documents, self.now()
            )
            place = (
                _Place(place.bucket, documents[-1]["id"])
                if documents
                else _Place(place.bucket + 1, "")
            )
            held = self._replace(held, placed(held.generation, place.text))
            self.note(f"{self.done.carried} owners' histories carried over")
            self.pace()
        return held

    def count(self, held: HeldGeneration, until: float | None = None) -> None:
        """Count what stands in the sources by now, or by an earlier moment, into the next
        generation. What is written later is not chased: triggers may be counting it."""
        building = _building(held)
        readers = self._readers(building, self.now() if until is None else until)
        if building.phase is Phase.COUNTING:
            self._require_unexpired(building, readers)
        caught_up = False
        while not caught_up:
            readings = run_all(readers, PAGES_PER_RUN, 1e9, time.monotonic)
            for reading in readings:
                self.done.documents += reading.documents
                self.done.counts += reading.done
                for failure in reading.failures:
                    raise failure
            self._fold(_pks(building))
            caught_up = all(reading.caught_up for reading in readings)
            self.note(f"{self.done.documents} documents read")
            self._still(held, building.phase)
            self.pace()

    def counted(self, held: HeldGeneration) -> HeldGeneration:
        """What could be read is counted: the generation in force may be closed."""
        return self._advance(held, Phase.CLOSING)

    def close(self, held: HeldGeneration) -> HeldGeneration:
        """Close every head of the generation in force: nobody folds or clears there any more."""
        building = _building(held)
        for bucket in range(building.replaces_buckets):
            self._head(
                bucket_pk(building.replaces, bucket),
                lambda head: msgspec.structs.replace(head, closed_for=building.generation),
            )
        return self._advance(held, Phase.SETTLING)

    def settle(self, held: HeldGeneration) -> HeldGeneration:
        """Let publishers that began before the heads were closed come to their end; switch."""
        building = _building(held)
        while (left := building.since + self.settle_seconds - self.now()) > 0:
            self.note(f"switches in {left:.0f} s")
            self.count(held)
            self.wait(min(left, CAUGHT_UP_PAUSE_SECONDS))
        self.count(held)
        return self._advance(held, Phase.PUBLISHING)

    def publish(self, held: HeldGeneration) -> HeldGeneration:
        """Publish every key of the generation that has come into force; then count and publish what
        triggers had still counted into the one before."""
        building, pack = _building(held), self.worker.pack
        pks = _pks(building)
        # All of them first: from now on a fold enters what it touches, so a key that is published
        # once from what stands then is not stale unnoticed.
        # Their heads were written by every fold before, so who reads after them misses none.
        opened = {
            pk: self._head(pk, lambda head: msgspec.structs.replace(head, building=False))
            for pk in pks
        }
        published: set[str] = set()
        place = _Place.read(building.place)
        while place.bucket < len(pks):
            pk = pks[place.bucket]
            walked = walk(pack.owners, self.state, pk, place.after, opened[pk])
            self._publish(
                pk,
                names_of(pack.views.values(), walked.state_keys, building.horizon_seconds),
                published,
            )
            place = (
                _Place(place.bucket + 1, "")
                if walked.last is None
                else _Place(place.bucket, walked.last)
            )
            held = self._replace(held, placed(held.generation, place.text))
        for view in pack.views.values():
            for page in self.views.stamps(view.name, view.partition_key):
                left = names_left(view, page, building.generation, building.horizon_seconds)
                self._publish(pks[0], left, published)
        self.count(held, self._await_triggers(building))
        self._drain(pks)
        self.done.stuck = self._unpublished(self._waiting, building.generation)
        return self._advance(held, Phase.REMOVING)

    def remove(self, held: HeldGeneration) -> HeldGeneration:
        """Delete the state of the generation before, when no function can count into it any more:
        what came after that would stay for ever, where no erasure looks."""
        building = _building(held)
        self._await_functions(building)
        self._remove(building.replaces, building.replaces_buckets)
        return self._replace(held, ended(held.generation))

    def abort(self, held: HeldGeneration) -> HeldGeneration:
        """Give the next generation up, before the switch. Heads that were closed for it are open
        again by that alone."""
        building = _building(held)
        if building.phase in BEFORE_SWITCH:
            held = self._advance(held, Phase.ABORTING)
        self._await_functions(_building(held))
        self._remove(building.generation, building.buckets)
        return self._replace(held, ended(held.generation))

    def _require_unexpired(self, building: Building, readers: Iterable[TrailingReader]) -> None:
        """Raises Refused where documents of periods since the horizon have expired unread, because
        the rebuild was interrupted for too long: those periods would be published without them."""
        if building.horizon_seconds is None:
            return
        for reader in readers:
            if reader.ttl_seconds <= 0:
                continue
            gone_before = self.now() - reader.ttl_seconds
            untils = [held.cursor.until or 0 for held in reader.cursors()]
            read_before = min(untils, default=0)
            if gone_before > max(read_before, building.horizon_seconds):
                raise Refused(
                    f"documents of {reader.container} expired before they were counted, because "
                    "the rebuild stood still for too long: run `python -m cosmos_views rebuild "
                    "--abort`, then begin again"
                )

    def _await_triggers(self, building: Building) -> float:
        """Stage 1 reads the layout again after GENERATION_SECONDS. Who does not wait for it finds
        the same by the audit, an hour later. Returns since when they all go by it."""
        follow = GENERATION_SECONDS + SWITCH_MARGIN_SECONDS
        until = building.since + min(self.settle_seconds, follow)
        while (left := until - self.now()) > 0:
            self.note(f"triggers follow within {left:.0f} s")
            self.wait(min(left, CAUGHT_UP_PAUSE_SECONDS))
        return until

    def _await_functions(self, building: Building) -> None:
        """Until every function has ended that may have begun before this phase."""
        while (left := building.since + self.settle_seconds - self.now()) > 0:
            self.note(f"deletes in {left:.0f} s")
            self.wait(min(left, CAUGHT_UP_PAUSE_SECONDS))

    def _remove(self, generation: int, buckets: int) -> None:
        for removed in remove_generation(self.state, generation, buckets, self.pace):
            self.done.removed += removed
            self.note(f"{self.done.removed} state documents removed")

    def _readers(self, building: Building, until: float) -> list[TrailingReader]:
        """The audit of the next generation, up to a moment instead of behind one."""
        layout = Layout(building.generation, building.buckets)
        readers = []
        for reader in self.worker.audits:
            processor = self.worker.processors[reader.container]
            outside = replace(processor.outside, layout=lambda: layout)
            readers.append(
                replace(
                    reader,
                    name=lambda: reader_name(building.generation),
                    delay_seconds=0,
                    now_ms=lambda: int(until * 1_000),
                    handle=auditing(replace(processor, outside=outside)),
                    page_documents=PAGE_DOCUMENTS,
                )
            )
        return readers

    def _fold(self, pks: Iterable[str]) -> None:
        """Fold what is in the journal; what waits behind a full head is its publisher's to free."""
        pace_seconds, views = self.worker.publisher.pace_seconds, self.worker.pack.views.values()
        for pk in pks:
            bucket = fold(views, self.state, pk, int(self.now()), pace_seconds)
            while bucket.journal_left and not bucket.head.full:
                self.pace()
                bucket = fold(views, self.state, pk, int(self.now()), pace_seconds)

    def _publish(self, pk: str, names: set[str], published: set[str]) -> None:
        """Make keys due at once, and publish until they are off the head again."""
        names = {name for name in names if name not in published}
        if not names:
            return
        now_seconds = int(self.now())
        due = {name: max(now_seconds, self._starts_at(name)) for name in names}

        def entered(head: Head) -> Head:
            earlier = {name: min(at, head.pending.get(name, at)) for name, at in due.items()}
            return msgspec.structs.replace(head, pending={**head.pending, **earlier})

        self._head(pk, entered)
        waiting = {name for name, at in due.items() if at <= now_seconds}
        self._waiting |= self._run_publisher(
            lambda: waiting & read_bucket(self.state, pk).head.pending.keys()
        )
        published |= names
        self.done.keys += len(names)
        self.note(f"{self.done.keys} keys published again")

    def _drain(self, pks: Sequence[str]) -> None:
        """Fold what is in the journal by now, and publish what that makes due. What comes later
        is the business of live publishers."""
        ends = journal_id(int(self.now() * 1_000))
        self._run_publisher(
            lambda: {
                journal.id
                for pk in pks
                for journal, _ in read_journals(self.state, pk, 1, before=ends)[0]
            }
        )
        with suppress(GenerationChanged):  # a replica that lags still shows the one before
            self.worker.publisher.run()

    def _run_publisher(self, left: Callable[[], set[str]]) -> set[str]:
        """Run the publisher until nothing is left, or no run gets further; returns what is left."""
        waiting, futile = left(), 0
        while waiting and futile < RUNS_WITHOUT_PROGRESS_MAX:
            with suppress(GenerationChanged):
                self.worker.publisher.run()
            self.pace()
            still = left()
            futile = 0 if len(still) < len(waiting) else futile + 1
            if futile:
                self.wait(0.1 * 2**futile)
            waiting = still
        return waiting

    def _unpublished(self, names: Iterable[str], generation: int) -> list[str]:
        """Which of these keys have no document of this generation. A key that live changes touch
        all the time hardly ever leaves the head, and is published all the same."""
        found = []
        for name in sorted(names):
            view_name, _, key = name.partition(":")
            view = self.worker.pack.views[view_name]
            if key.startswith(SYMBOL):
                continue
            document = self.views.read(view_name, view.document_id(key), view.partition(key))
            stamp = None if document is None else stamp_of(document)
            if stamp is None or stamp[0] < generation:
                found.append(name)
        return found

    def _starts_at(self, name: str) -> int:
        view, _, key = name.partition(":")
        return self.worker.pack.views[view].starts_at_seconds(key) or 0

    def _head(self, pk: str, changed: Callable[[Head], Head]) -> str | None:
        """Change a bucket's head as it was read; the session in which it has changed.
        Raises Transient."""
        attempts = Attempts(f"the head of bucket {pk} changes all the time")
        while True:
            bucket = read_bucket(self.state, pk)
            head = changed(bucket.head)
            if head == bucket.head and bucket.etag is not None:
                return bucket.session_token
            try:
                return self.state.commit(pk, [Write(head, HEAD_ID, bucket.etag)]).session_token
            except CommitError as failure:
                attempts.failed(failure)

    def _still(self, held: HeldGeneration, phase: Phase) -> None:
        building = self.generations.held().generation.building
        mine = _building(held).generation
        if building is None or building.generation != mine or building.phase is not phase:
            raise Overtaken("another command has moved this rebuild on")

    def _advance(self, held: HeldGeneration, phase: Phase) -> HeldGeneration:
        return self._replace(held, advanced(held.generation, phase, int(self.now())))

    def _replace(self, held: HeldGeneration, generation: Generation) -> HeldGeneration:
        try:
            return self.generations.replace(held, generation)
        except Conflict as conflict:
            raise Overtaken("another command has moved this rebuild on") from conflict


class _Place(msgspec.Struct):
    """How far publishing again has come: everything up to an id, in a bucket."""

    bucket: int = 0
    after: str = ""

    @classmethod
    def read(cls, text: str) -> "_Place":
        number, _, after = text.partition(" ")
        return cls(int(number or 0), after)

    @property
    def text(self) -> str:
        return f"{self.bucket} {self.after}"


def _building(held: HeldGeneration) -> Building:
    assert held.generation.building is not None
    return held.generation.building


def _pks(building: Building) -> list[str]:
    return [bucket_pk(building.generation, bucket) for bucket in range(building.buckets)]
