"""The fold: add what the journal holds to the partials, in commits guarded by the bucket's head.

A commit adds some journal documents to the partials of their keys, deletes them, and enters the
keys to publish in the head, all or nothing. A crash at any point repeats work, never loses or
doubles it: what is in the journal is not in the partials, and the other way round.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from cosmos_views.ledger.commits import (
    COMMIT_BYTES_MAX,
    OPERATIONS_MAX,
    CommitError,
    Committed,
    Delete,
    Operation,
    TooLarge,
    Transient,
    Write,
    commit_bytes,
)
from cosmos_views.publish.heads import HEAD_ID, Head, add_pending
from cosmos_views.publish.journal import Journal, read_journals
from cosmos_views.publish.measures import Delta, Measures, normalized, sum_measures
from cosmos_views.publish.parked import Parked
from cosmos_views.publish.partials import added, by_shard, first_id, further_ids
from cosmos_views.publish.view import View

KEYS_PER_COMMIT_MAX = 90
CELLS_PER_KEY_MAX = 10_000
"""A key with more is taken in part; one whose shards do not fit into a commit, shard by shard."""
BYTES_MAX = COMMIT_BYTES_MAX
JOURNALS_PER_RUN_MAX = 500
ATTEMPTS_MAX = 8
NOTHING: Mapping[str, Mapping[str, Any]] = {}


class FoldState(Protocol):
    """The state container, as stage 2 uses it."""

    def read(
        self, pk: str, ids: Collection[str], session_token: str | None = None
    ) -> tuple[dict[str, dict[str, Any]], str | None]:
        """(the documents that exist, by id; the session token of the reading), at least as new as
        the session token given."""

    def read_range(
        self,
        pk: str,
        start: str,
        end: str,
        session_token: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """Documents with start <= id < end, in id order."""

    def commit(self, pk: str, operations: Sequence[Operation]) -> Committed:
        """Apply all or nothing."""


@dataclass
class Bucket:
    """A bucket as this run holds it."""

    pk: str
    head: Head
    etag: str | None
    session_token: str | None
    folded: int = 0
    """Journal documents folded in this run."""
    journal_left: bool = False
    """The journal was not read to its end."""
    parked: dict[str, tuple[Parked, str]] = field(default_factory=dict)
    """`{view}:{view key}` → its document and ETag, of the parked keys that were looked at."""
    looked_to: str = ""
    """As in the head, after this look."""
    foreign: int = 0
    """Documents that are not of their form, and were passed by."""


@dataclass(frozen=True)
class Step:
    """What one fold commit takes."""

    delta: dict[str, list[Measures]]
    """State key → the journal's measures for it, oldest first."""
    finished: list[Journal]
    """Journal documents taken whole; what they touched without a measure is published too."""
    shortened: tuple[Journal, str] | None
    """A journal document of which only some keys fit: what is left of it, and its ETag."""


def read_bucket(state: FoldState, pk: str, session_token: str | None = None) -> Bucket:
    """The bucket's head; one without any fold is at sequence 0."""
    found, token = state.read(pk, [HEAD_ID], session_token)
    document = found.get(HEAD_ID)
    if document is None:
        return Bucket(pk, Head(HEAD_ID, pk), None, token)
    head = msgspec.convert(document, Head)
    return Bucket(pk, head, document["_etag"], token, looked_to=head.looked_to)


def fold(
    views: Collection[View],
    state: FoldState,
    pk: str,
    now_seconds: int,
    pace_seconds: int | None,
    successor: int | None = None,
) -> Bucket:
    """Fold a bucket's journal as far as one run may, and return the bucket as it then stands.

    A bucket whose head is closed for its successor is left as it is. Raises Transient when commits
    keep failing.
    """
    keys_max, bytes_max = KEYS_PER_COMMIT_MAX, BYTES_MAX
    folded = attempts = 0
    bucket = read_bucket(state, pk)
    journals = _read_journals(state, bucket)
    while (
        journals
        and folded < JOURNALS_PER_RUN_MAX
        and not bucket.head.full
        and not bucket.head.closed(successor)
    ):
        keys_max, step, head, operations = _fitting(
            views, state, bucket, journals, keys_max, bytes_max, now_seconds, pace_seconds
        )
        try:
            committed = state.commit(pk, operations)
        except CommitError as failure:
            attempts += 1
            if attempts > ATTEMPTS_MAX:
                raise Transient(f"folding bucket {pk} keeps failing: {failure}") from failure
            if isinstance(failure, TooLarge):
                bytes_max //= 2
            bucket = read_bucket(state, pk)
            journals = _read_journals(state, bucket)
            continue
        attempts = 0
        bucket.head, bucket.etag = head, committed.etags[HEAD_ID]
        bucket.session_token = committed.session_token
        folded += len(step.finished)
        journals = journals[len(step.finished) :]
        if step.shortened is not None:
            left, _ = step.shortened
            journals[0] = left, committed.etags[left.id]
    bucket.folded = folded
    bucket.journal_left = bool(journals) or folded >= JOURNALS_PER_RUN_MAX
    return bucket


def next_step(
    journals: Sequence[tuple[Journal, str]],
    keys_max: int,
    cells_max: int = CELLS_PER_KEY_MAX,
    documents: Mapping[str, Mapping[str, Any]] = NOTHING,
) -> Step:
    """As many journal documents as one commit takes; the last may be taken in part: some of its
    keys, or some cells of its first key, in the order of the shards that hold them."""
    delta: dict[str, list[Measures]] = {}
    finished: list[Journal] = []
    for journal, etag in journals:
        # One operation is the head's, one this journal document's own.
        room = min(keys_max, OPERATIONS_MAX - 2 - len(finished)) - len(delta)
        new = [key for key in journal.delta if key not in delta]
        if room < 0 or (new and not room):
            break
        taken = journal.delta.keys() - new[room:]
        left: Delta = {key: row for key, row in journal.delta.items() if key not in taken}
        cells_of = {key: len(journal.delta[key]) + _cells(delta.get(key, ())) for key in taken}
        wide = next((key for key in sorted(taken) if cells_of[key] > cells_max), None)
        if wide is not None:
            if delta:
                break
            cells = by_shard(wide, journal.delta[wide], documents)
            delta[wide] = [dict(cells[:cells_max])]
            left = {**journal.delta, wide: dict(cells[cells_max:])}
        else:
            for key in sorted(taken):
                delta.setdefault(key, []).append(journal.delta[key])
        if left:
            return Step(delta, finished, (msgspec.structs.replace(journal, delta=left), etag))
        finished.append(journal)
    return Step(delta, finished, None)


def _cells(parts: Iterable[Measures]) -> int:
    return sum(len(cells) for cells in parts)


def _fitting(
    views: Collection[View],
    state: FoldState,
    bucket: Bucket,
    journals: Sequence[tuple[Journal, str]],
    keys_max: int,
    bytes_max: int,
    now_seconds: int,
    pace_seconds: int | None,
) -> tuple[int, Step, Head, list[Operation]]:
    """The greatest step that one commit can hold, and that commit: fewer keys where they are too
    large together, fewer cells where one is too large alone. One cell is taken in any case. Before
    them, how many keys to try next."""
    cells_max = CELLS_PER_KEY_MAX
    documents: dict[str, dict[str, Any]] = {}
    read: set[str] = set()
    while True:
        step = next_step(journals, keys_max, cells_max, documents)
        if unread := step.delta.keys() - read:
            documents |= _read_partials(state, bucket, unread)
            read |= unread
            continue
        head = _head_after(views, bucket, step, now_seconds, pace_seconds)
        operations = _operations(bucket, step, head, documents)
        fits = len(operations) <= OPERATIONS_MAX and commit_bytes(operations) <= bytes_max
        if fits or (keys_max, cells_max) == (1, 1):
            return min(KEYS_PER_COMMIT_MAX, 2 * keys_max), step, head, operations
        if keys_max > 1:
            keys_max = max(1, min(keys_max, len(step.delta)) // 2)
        else:
            widest = max(map(_cells, step.delta.values()))
            cells_max = max(1, min(cells_max, widest) // 2)


def _head_after(
    views: Collection[View],
    bucket: Bucket,
    step: Step,
    now_seconds: int,
    pace_seconds: int | None,
) -> Head:
    head = Head(
        HEAD_ID,
        bucket.pk,
        bucket.head.sequence + 1,
        max([bucket.head.as_of, *(journal.as_of for journal in step.finished)]),
        dict(bucket.head.pending),
        parked=bucket.head.parked,
        looked_to=bucket.head.looked_to,
        building=bucket.head.building,
    )
    if not head.building:
        touched = (key for journal in step.finished for key in journal.touched)
        for key in (*step.delta, *touched):
            add_pending(views, head.pending, key, now_seconds, pace_seconds)
    return head


def _operations(
    bucket: Bucket, step: Step, head: Head, documents: Mapping[str, Mapping[str, Any]]
) -> list[Operation]:
    operations: list[Operation] = [Write(head, HEAD_ID, bucket.etag)]
    for key, deltas in step.delta.items():
        delta = normalized(sum_measures(deltas))
        operations.extend(added(bucket.pk, key, delta, documents))
    operations.extend(Delete(journal.id) for journal in step.finished)
    if step.shortened is not None:
        left, etag = step.shortened
        operations.append(Write(left, left.id, etag))
    return operations


def _read_partials(
    state: FoldState, bucket: Bucket, state_keys: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """All shards of these keys, as new as the head that is held."""
    first_ids = [first_id(key) for key in state_keys]
    documents, _ = state.read(bucket.pk, first_ids, bucket.session_token)
    if further := further_ids(documents):
        documents = {**documents, **state.read(bucket.pk, further, bucket.session_token)[0]}
    return documents


def _read_journals(state: FoldState, bucket: Bucket) -> list[tuple[Journal, str]]:
    journals, bucket.foreign = read_journals(
        state, bucket.pk, JOURNALS_PER_RUN_MAX, bucket.session_token
    )
    return journals
