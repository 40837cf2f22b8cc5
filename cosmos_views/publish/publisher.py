"""The publisher: what is due is rendered from the merged partials and written under a stamp.

Several publishers may run at once, crash anywhere and read late; still the stamp of a view document
never goes back, and a key leaves `pending` only after a document at least as new as its last change
stands; what a late read put under a stamp is published again by the key that stays. A key that
cannot be published, whatever the reason, is parked and holds up no other
(docs/architecture.md, "Rules of fold and publish", whose numbers the comments refer to).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cosmos_views.ledger.commits import (
    CommitError,
    Conflict,
    Delete,
    Operation,
    Transient,
    Unusable,
    Write,
)
from cosmos_views.ledger.generations import keeps
from cosmos_views.pack import Pack
from cosmos_views.publish.documents import stamp_of, view_document
from cosmos_views.publish.fold import Bucket, FoldState, fold, read_bucket
from cosmos_views.publish.heads import HEAD_ID, Head
from cosmos_views.publish.inputs import read_inputs
from cosmos_views.publish.measures import is_negative
from cosmos_views.publish.parked import (
    LOOKED_AT_MAX,
    PARKED_FROM,
    PARKED_PER_COMMIT,
    PARKED_TO,
    Parked,
    failed_again,
    parked_id,
    read_parked,
)
from cosmos_views.publish.view import SYMBOL

KEYS_PER_CLEAR = 200
RUN_SECONDS_MAX = 240
FAILURES_IN_A_ROW_MAX = 5
"""So many keys of one view in a row that could not be read or written, and its others wait."""


class ViewDocuments(Protocol):
    """The view containers."""

    def read(self, view: str, document_id: str, partition: str) -> dict[str, Any] | None:
        """The document as published, with its `_etag`."""

    def write(self, view: str, body: dict[str, Any], etag: str | None) -> None:
        """Create or replace just that version; Conflict when it is not as it was read."""


class StateChanges(Protocol):
    """Tells cheaply whether a bucket has changed at all."""

    def position(self, pk: str) -> str:
        """Where the bucket's changes stand now."""

    def moved(self, pk: str, position: str) -> bool:
        """Whether anything was written after that position."""


class Negative(Exception):
    """Less than nothing is counted under a key, and no other half of a move is left to fold."""


class Ahead(Exception):
    """The document says that it is newer than the state."""


class GenerationChanged(Exception):
    """A rebuild has switched the generation while this run was publishing."""


@dataclass(frozen=True)
class Stage:
    """The generation in force, and the partition key values of its buckets."""

    generation: int
    pks: tuple[str, ...]
    horizon_seconds: int | None = None
    """Periods that began before it keep the documents of an earlier generation."""
    successor: int | None = None
    """The number of the next generation: for it, heads are closed."""


@dataclass
class Published:
    """What one run did."""

    idle: bool = False
    folded: int = 0
    written: int = 0
    tombstones: int = 0
    current: int = 0
    """Keys whose document already carried this run's stamp."""
    kept: int = 0
    """Keys of periods that keep the document of an earlier generation."""
    contended: int = 0
    """Keys left to the next run: another publisher was at them."""
    negative: list[str] = field(default_factory=list)
    """Keys of which one half of a move was read before the other."""
    failed: list[str] = field(default_factory=list)
    """Keys that could not be published; the others are all the same."""
    damaged: int = 0
    """Documents without a stamp that a publisher writes; they were written anew."""
    foreign: dict[str, int] = field(default_factory=dict)
    """Bucket → state documents that are not of their form, and were passed by."""
    pending: int = 0
    parked: int = 0
    """Keys that wait in documents of their own until they are tried again."""
    journal_left: bool = False


@dataclass
class Publisher:
    """Stage 2. One object serves all runs of a worker."""

    pack: Pack
    state: FoldState
    views: ViewDocuments
    feed: StateChanges
    stage: Callable[[], Stage | None]
    """Reads the generation document anew; None while there is nothing to publish."""
    now_ms: Callable[[], int]
    pace_seconds: int | None = None
    """Overrides every view's own pace."""
    run_seconds_max: int = RUN_SECONDS_MAX
    on_failure: Callable[[str, Exception], None] = lambda _key, _error: None
    _quiet: "_Quiet | None" = None
    _calm: bool = True
    """The last run folded nothing: only then is a position in the state feed worth its price."""

    def run(self) -> Published:
        """Fold every bucket, publish what is due. Raises Transient."""
        stage = self.stage()
        if stage is None:
            return Published(idle=True)
        now_seconds = self.now_ms() // 1_000
        # Forgotten first: whatever makes the look fail, the next run does without it.
        quiet, self._quiet = self._quiet, None
        if quiet is not None and quiet.still(stage, self.feed, now_seconds):
            self._quiet = quiet
            return Published(idle=True)
        positions = {pk: self.feed.position(pk) for pk in stage.pks if self._calm}
        buckets = [
            fold(
                self.pack.views.values(),
                self.state,
                pk,
                now_seconds,
                self.pace_seconds,
                stage.successor,
            )
            for pk in stage.pks
        ]
        if any(bucket.head.closed(stage.successor) for bucket in buckets):
            # A rebuild is about to switch: what is published now is what readers keep until then.
            return Published(idle=True)
        result = Published(
            folded=sum(bucket.folded for bucket in buckets),
            journal_left=any(bucket.journal_left for bucket in buckets),
        )
        self._calm = not result.folded and not result.journal_left
        self._look_at_parked(buckets)
        done = _Done(now_seconds)
        failures: list[Transient | Unusable] = []
        failures_in_a_row: Counter[str] = Counter()
        for name in done.due(buckets):
            if self.now_ms() // 1_000 - now_seconds >= self.run_seconds_max:
                break
            view = name.partition(":")[0]
            if failures_in_a_row[view] >= FAILURES_IN_A_ROW_MAX:
                continue
            try:
                parks = self._publish(name, stage, buckets, result)
                if parks is not None:
                    done.names[name] = parks
                failures_in_a_row[view] = 0
            except (Transient, Unusable) as failure:
                # One container that is down or throttled holds back its own view only.
                failures.append(failure)
                failures_in_a_row[view] += 1
            if len(done.names) >= KEYS_PER_CLEAR:
                self._clear(buckets, done)
                done.names = {}
        self._clear(buckets, done)
        if failures:
            raise Transient(f"{len(failures)} keys stay pending, first: {failures[0]}")
        result.pending = sum(len(bucket.head.pending) for bucket in buckets)
        result.parked = sum(bucket.head.parked for bucket in buckets)
        result.foreign = {bucket.pk: bucket.foreign for bucket in buckets if bucket.foreign}
        if positions and not result.journal_left:
            self._quiet = _Quiet(stage, positions, _first_due(buckets))
        return result

    def _publish(
        self, name: str, stage: Stage, buckets: list[Bucket], result: Published
    ) -> tuple[str, ...] | None:
        """Bring one key up to date: what is to be parked in its place, nothing where it is
        published; None where it stays as it is. Whatever one key raises is that key's failure,
        unless it says of itself that it is everybody's."""
        try:
            return self._published(name, stage, buckets, result)
        except (Transient, Unusable, GenerationChanged):
            raise
        except Negative:
            result.negative.append(name)
        except Ahead:
            result.contended += 1
        except Exception as error:
            result.failed.append(name)
            self.on_failure(name, error)
        return (name,)

    def _published(
        self, name: str, stage: Stage, buckets: list[Bucket], result: Published
    ) -> tuple[str, ...] | None:
        view_name, _, key = name.partition(":")
        view = self.pack.views[view_name]
        if view.expand is not None and key.startswith(SYMBOL):
            keys = view.expand(
                key, read_inputs(self.pack.owners, self.state, view.reads(key), buckets)
            )
            parks: tuple[str, ...] = ()
            stays = False
            for one in keys:
                failed = self._publish(f"{view_name}:{one}", stage, buckets, result)
                stays = stays or failed is None
                parks += failed or ()
            if stays:
                return None
            # More than one commit takes: all of them are tried again, under their symbol.
            return parks if len(parks) < PARKED_PER_COMMIT else (name,)
        if keeps(stage.horizon_seconds, view.starts_at_seconds(key)):
            result.kept += 1
            return ()
        stamp = [stage.generation, *(bucket.head.sequence for bucket in buckets)]
        # Rule 3: heads first (they are held), then the view, then the partials.
        existing = self.views.read(view.name, view.document_id(key), view.partition(key))
        if existing is not None:
            theirs = stamp_of(existing)
            if theirs == stamp:
                result.current += 1
                return ()
            if theirs is None or (theirs[0] == stamp[0] and len(theirs) != len(stamp)):
                result.damaged += 1
            elif not _precedes(theirs, stamp):
                if self._ahead(theirs, stage, buckets):
                    raise Ahead
                result.contended += 1
                return None
        inputs = read_inputs(self.pack.owners, self.state, view.reads(key), buckets)
        if any(is_negative(measures) for measures in inputs.partials.values()):
            if not result.journal_left:
                raise Negative
            result.negative.append(name)
            return None
        rendered = view.render(key, inputs)
        # Rule 7: a publisher never overwrites a higher generation.
        self._require(stage)
        body = view_document(
            view,
            key,
            rendered,
            stamp=stamp,
            as_of_seconds=max(bucket.head.as_of for bucket in buckets),
            now_ms=self.now_ms(),
        )
        try:
            self.views.write(view.name, body, None if existing is None else existing["_etag"])
        except Conflict:
            result.contended += 1
            return None
        result.written += 1
        result.tombstones += rendered is None
        return ()

    def _require(self, stage: Stage) -> None:
        if self.stage() != stage:
            raise GenerationChanged("the next run starts with the new generation")

    def _ahead(self, stamp: list[int], stage: Stage, buckets: list[Bucket]) -> bool:
        """Whether a stamp says more than another publisher can have known by now."""
        self._require(stage)
        if stamp[0] != stage.generation:
            return True
        now = [read_bucket(self.state, one.pk, one.session_token).head.sequence for one in buckets]
        return not _precedes(stamp, [stamp[0], *now])

    def _look_at_parked(self, buckets: list[Bucket]) -> None:
        """Some parked keys of each bucket that has any, going on behind the last that was looked
        at."""
        some = [bucket for bucket in buckets if bucket.head.parked]
        for bucket in some:
            most = max(1, LOOKED_AT_MAX // len(some))
            begin = bucket.head.looked_to or PARKED_FROM
            found = self.state.read_range(bucket.pk, begin, PARKED_TO, bucket.session_token, most)
            bucket.parked, foreign = read_parked(found)
            bucket.foreign += foreign
            bucket.looked_to = f"{found[-1]['id']}\0" if len(found) == most else ""

    def _clear(self, buckets: Iterable[Bucket], done: "_Done") -> None:
        """Rule 5: take keys off a head, and park what could not be published, only under the ETag
        this run holds; if it has moved, all stays, and the head is not read again in order to
        clear."""
        for bucket in buckets:
            here = [
                name for name in done.names if name in bucket.head.pending or name in bucket.parked
            ]
            if not here and bucket.looked_to == bucket.head.looked_to:
                continue
            failed = [one for name in here for one in done.names[name]]
            ids = {parked_id(one) for one in failed if one not in bucket.parked}
            if ids and bucket.head.parked > len(bucket.parked):
                # Parked already, perhaps, beyond those that were looked at.
                found, _ = self.state.read(bucket.pk, ids, bucket.session_token)
                bucket.parked = {**bucket.parked, **read_parked(found.values())[0]}
            for first in range(0, max(len(here), 1), KEYS_PER_CLEAR):
                self._clear_some(bucket, here[first : first + KEYS_PER_CLEAR], done)

    def _clear_some(self, bucket: Bucket, names: list[str], done: "_Done") -> None:
        while bucket.etag is not None:
            pending = dict(bucket.head.pending)
            parked = dict(bucket.parked)
            operations: list[Operation] = []
            left: list[str] = []
            for name in names:
                if len(operations) + 1 + len(done.names[name]) > PARKED_PER_COMMIT and operations:
                    left.append(name)
                    continue
                pending.pop(name, None)
                if name in parked and name not in done.names[name]:
                    operations.append(Delete(parked.pop(name)[0].id))
                for one in done.names[name]:
                    park, etag = done.parked(bucket, one), parked.get(one, (None, None))[1]
                    if one not in parked or parked[one][0] != park:
                        operations.append(Write(park, park.id, etag))
                        parked[one] = park, ""
            head = Head(
                HEAD_ID,
                bucket.pk,
                bucket.head.sequence,
                bucket.head.as_of,
                pending,
                parked=bucket.head.parked + len(parked) - len(bucket.parked),
                looked_to=bucket.looked_to,
            )
            if head == bucket.head and not operations:
                return
            try:
                committed = self.state.commit(
                    bucket.pk, [Write(head, HEAD_ID, bucket.etag), *operations]
                )
            except CommitError:
                bucket.etag = None
                return
            bucket.head, bucket.etag = head, committed.etags[HEAD_ID]
            bucket.session_token = committed.session_token
            bucket.parked = {
                name: (one, committed.etags.get(one.id, etag))
                for name, (one, etag) in parked.items()
            }
            names = left
            if not names:
                return


@dataclass
class _Done:
    """What a run has done and not yet cleared."""

    now_seconds: int
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Key → what is to be parked in its place; nothing where it is published."""
    waiting: set[str] = field(default_factory=set)
    """Keys whose next try is not due: they are parked as they are."""
    known: dict[str, list[Parked]] = field(default_factory=dict)

    def due(self, buckets: Iterable[Bucket]) -> list[str]:
        """What is tried in this run: what is pending, then what is parked, the oldest first. A key
        that is parked and touched again waits as long; one that is due at 0 was asked for by a
        command, and does not wait."""
        pending: set[str] = set()
        for bucket in buckets:
            pending |= {name for name, at in bucket.head.pending.items() if at <= self.now_seconds}
            for name, (one, _) in bucket.parked.items():
                self.known.setdefault(name, []).append(one)
        asked = {
            name for bucket in buckets for name in pending if bucket.head.pending.get(name) == 0
        }
        again = {name: max(one.due for one in parked) for name, parked in self.known.items()}
        self.waiting = {
            name for name in pending & again.keys() - asked if again[name] > self.now_seconds
        }
        self.names = {name: (name,) for name in self.waiting}
        retried = [
            name for name, at in again.items() if at <= self.now_seconds and name not in pending
        ]
        return sorted(pending - self.waiting) + sorted(
            retried, key=lambda name: (again[name], name)
        )

    def parked(self, bucket: Bucket, name: str) -> Parked:
        """A key's document in a bucket."""
        known = self.known.get(name, [])
        if name in self.waiting:
            latest = max(known, key=lambda one: one.due)
            return Parked(parked_id(name), bucket.pk, name, latest.attempts, latest.due)
        return failed_again(bucket.pk, name, known, self.now_seconds)


@dataclass(frozen=True)
class _Quiet:
    """What the last run knew, so that the next can stop after one look at the state feed."""

    stage: Stage
    positions: Mapping[str, str]
    first_due_seconds: int | None

    def still(self, stage: Stage, feed: StateChanges, now_seconds: int) -> bool:
        return (
            stage == self.stage
            and (self.first_due_seconds is None or now_seconds < self.first_due_seconds)
            and not any(feed.moved(pk, position) for pk, position in self.positions.items())
        )


def _first_due(buckets: Iterable[Bucket]) -> int | None:
    dues = [due for bucket in buckets for due in bucket.head.pending.values()]
    dues += [one.due for bucket in buckets for one, _ in bucket.parked.values()]
    if any(bucket.head.parked > len(bucket.parked) for bucket in buckets):
        return 0
    return min(dues, default=None)


def _precedes(stamp: list[int], mine: list[int]) -> bool:
    """Whether a document with this stamp may be overwritten by mine."""
    if stamp[0] != mine[0]:
        return stamp[0] < mine[0]
    return all(theirs <= ours for theirs, ours in zip(stamp, mine, strict=True))
