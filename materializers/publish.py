"""The publisher: what is due is rendered from the merged partials and written under a stamp.

Several publishers may run at once, crash anywhere and read late; still the stamp of a view document
never goes back, and a key leaves `pending` only after a document at least as new as its last change
stands; what a late read put under a stamp is published again by the key that stays
(docs/architecture.md, "Rules of fold and publish", whose numbers the comments refer to).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ledger.commits import CommitError, Conflict, Transient, Unacceptable, Write
from ledger.generations import keeps
from materializers.documents import view_document
from materializers.fold import Bucket, FoldState, fold
from materializers.heads import HEAD_ID, Head
from materializers.inputs import read_inputs
from materializers.measures import is_negative
from materializers.registry import VIEWS
from materializers.view import SYMBOL

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


class Feed(Protocol):
    """Tells cheaply whether a bucket has changed at all."""

    def position(self, pk: str) -> str:
        """Where the bucket's changes stand now."""

    def moved(self, pk: str, position: str) -> bool:
        """Whether anything was written after that position."""


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
    """Keys that could not be rendered; the others are published all the same."""
    pending: int = 0
    journal_left: bool = False


@dataclass
class Publisher:
    """Stage 2. One object serves all runs of a worker."""

    state: FoldState
    views: ViewDocuments
    feed: Feed
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
            fold(self.state, pk, now_seconds, self.pace_seconds, stage.successor)
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
        due = sorted(
            {
                name
                for bucket in buckets
                for name, due in bucket.head.pending.items()
                if due <= now_seconds
            }
        )
        done: set[str] = set()
        failures: list[Transient] = []
        failures_in_a_row: Counter[str] = Counter()
        for name in due:
            if self.now_ms() // 1_000 - now_seconds >= self.run_seconds_max:
                break
            view = name.partition(":")[0]
            if failures_in_a_row[view] >= FAILURES_IN_A_ROW_MAX:
                continue
            try:
                if self._publish(name, stage, buckets, result):
                    done.add(name)
                failures_in_a_row[view] = 0
            except Transient as failure:
                # One container that is down or throttled holds back its own view only.
                failures.append(failure)
                failures_in_a_row[view] += 1
            if len(done) >= KEYS_PER_CLEAR:
                self._clear(buckets, done)
                done = set()
        self._clear(buckets, done)
        if failures:
            raise Transient(f"{len(failures)} keys stay pending, first: {failures[0]}")
        result.pending = sum(len(bucket.head.pending) for bucket in buckets)
        if positions and not result.journal_left:
            self._quiet = _Quiet(stage, positions, _first_due(buckets))
        return result

    def _publish(self, name: str, stage: Stage, buckets: list[Bucket], result: Published) -> bool:
        """Bring one key up to date; whether it may leave `pending`."""
        view_name, _, key = name.partition(":")
        view = VIEWS[view_name]
        if view.expand is not None and key.startswith(SYMBOL):
            keys = view.expand(key, read_inputs(self.state, view.reads(key), buckets))
            done = [self._publish(f"{view_name}:{one}", stage, buckets, result) for one in keys]
            return all(done)
        if keeps(stage.horizon_seconds, view.starts_at_seconds(key)):
            result.kept += 1
            return True
        stamp = [stage.generation, *(bucket.head.sequence for bucket in buckets)]
        # Rule 3: heads first (they are held), then the view, then the partials.
        existing = self.views.read(view.name, view.document_id(key), view.partition(key))
        if existing is not None:
            if existing["stamp"] == stamp:
                result.current += 1
                return True
            if not _precedes(existing["stamp"], stamp):
                result.contended += 1
                return False
        inputs = read_inputs(self.state, view.reads(key), buckets)
        if any(is_negative(measures) for measures in inputs.partials.values()):
            result.negative.append(name)
            return False
        try:
            rendered = view.render(key, inputs)
        except Exception as error:
            # One key that cannot be rendered does not stop the others.
            result.failed.append(name)
            self.on_failure(name, error)
            return False
        if self.stage() != stage:
            # Rule 7: a publisher never overwrites a higher generation.
            raise GenerationChanged("the next run starts with the new generation")
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
            return False
        except Unacceptable as error:
            result.failed.append(name)
            self.on_failure(name, error)
            return False
        result.written += 1
        result.tombstones += rendered is None
        return True

    def _clear(self, buckets: Iterable[Bucket], done: set[str]) -> None:
        """Rule 5: take keys off a head only under the ETag this run holds; if it has moved, they
        stay, and the head is not read again in order to clear."""
        for bucket in buckets:
            pending = {name: due for name, due in bucket.head.pending.items() if name not in done}
            if bucket.etag is None or len(pending) == len(bucket.head.pending):
                continue
            head = Head(HEAD_ID, bucket.pk, bucket.head.sequence, bucket.head.as_of, pending)
            try:
                committed = self.state.commit(bucket.pk, [Write(head, HEAD_ID, bucket.etag)])
            except CommitError:
                bucket.etag = None
                continue
            bucket.head, bucket.etag = head, committed.etags[HEAD_ID]
            bucket.session_token = committed.session_token


@dataclass(frozen=True)
class _Quiet:
    """What the last run knew, so that the next can stop after one look at the state feed."""

    stage: Stage
    positions: Mapping[str, str]
    first_due_seconds: int | None

    def still(self, stage: Stage, feed: Feed, now_seconds: int) -> bool:
        return (
            stage == self.stage
            and (self.first_due_seconds is None or now_seconds < self.first_due_seconds)
            and not any(feed.moved(pk, position) for pk, position in self.positions.items())
        )


def _first_due(buckets: Iterable[Bucket]) -> int | None:
    return min((due for bucket in buckets for due in bucket.head.pending.values()), default=None)


def _precedes(stamp: list[int], mine: list[int]) -> bool:
    """Whether a document with this stamp may be overwritten by mine."""
    if stamp[0] != mine[0]:
        return stamp[0] < mine[0]
    return all(theirs <= ours for theirs, ours in zip(stamp, mine, strict=True))
