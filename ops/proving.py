"""Proving one store: read every bucket as it stands at one moment, compare, repair.

Repairs go the ordinary way: users' documents under the ETag that was read, a correction of measures
as a journal document, views through the publisher. So a repair that races a live change conflicts
and is left to the next run, and one that crashes is finished by it.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
from azure.cosmos import ContainerProxy

from ledger.commits import CommitError, Delete, Write
from ledger.generations import keeps
from materializers import proof
from materializers.documents import content_of, view_document
from materializers.fold import Bucket
from materializers.heads import HEAD_ID, Head
from materializers.inputs import read_inputs
from materializers.journal import JOURNAL_FROM, JOURNAL_TO, Journal
from materializers.partials import PARTIAL_PREFIX, state_key_of
from materializers.proof import Difference, Snapshot, differences_of
from materializers.registry import VIEWS
from materializers.view import SYMBOL, View
from store.bucket_feed import BucketFeed
from store.state import StateStore
from store.views import ViewStore

SNAPSHOT_TRIES_MAX = 20
DOCUMENTS_PER_REPAIR = 10
"""Of one user in one commit: with the hot document they fit, as large as they may be."""


class Moving(Exception):
    """The store changed while it was read or repaired; the message says what to do."""


@dataclass
class Proof:
    """What was found in one bucket."""

    snapshot: Snapshot
    must: proof.Expected
    users: dict[str, list[Difference]]
    measures: list[Difference]

    @property
    def differences(self) -> list[Difference]:
        """All of them, users first."""
        return [one for some in self.users.values() for one in some] + self.measures


def take_snapshot(
    container: ContainerProxy, pk: str, pace: Callable[[], None], noted: Callable[[int], None]
) -> Snapshot:
    """The bucket at one moment. Raises Moving when it never holds still for one reading.

    The feed does not show deletions, and the fold deletes nothing but journal documents: so the
    journal is listed, and when the feed has not moved meanwhile, everything is of one moment.
    """
    feed, state = BucketFeed(container, pk), StateStore(container)
    snapshot = Snapshot(pk)
    for _ in range(SNAPSHOT_TRIES_MAX):
        for page in feed.pages():
            snapshot.documents.update((document["id"], document) for document in page)
            noted(len(snapshot.documents))
            pace()
        journal = state.read_range(pk, JOURNAL_FROM, JOURNAL_TO)
        moved = [document for page in feed.pages() for document in page]
        snapshot.documents.update((document["id"], document) for document in moved)
        if not moved:
            for name in [one for one in snapshot.documents if one.startswith(JOURNAL_FROM)]:
                del snapshot.documents[name]
            snapshot.documents.update((document["id"], document) for document in journal)
            return snapshot
    raise Moving(f"bucket {pk} never stood still while it was read: try when less is written")


def prove(snapshot: Snapshot, period: str | None) -> Proof:
    """Compare a bucket with what its entries say; `period` (a prefix of YYYYMMDD) narrows which
    measures are compared, never what they are compared with."""
    must = proof.expected(snapshot)
    found = proof.found_measures(snapshot)
    measures = [
        one
        for one in proof.measure_differences(must.measures, found)
        if period is None or one.where.partition(":")[2].startswith(period)
    ]
    return Proof(snapshot, must, proof.user_differences(must, snapshot), measures)


def repair(state: StateStore, proven: Proof, now_ms: int) -> None:
    """Write users as they must be, then the correction of all measures. Raises Moving."""
    snapshot, must = proven.snapshot, proven.must
    head = snapshot.documents.get(HEAD_ID)
    try:
        for key in proven.users:
            if key in must.lost:
                # Only the sources know this user: forget the entries, and the walk counts anew.
                for name in proof.documents_of(key, snapshot):
                    state.commit(snapshot.pk, [Delete(name)])
                continue
            _repair_user(state, key, proven)
        delta = proof.correction(must.measures, proof.found_measures(snapshot))
        if delta:
            journal = Journal(
                f"{JOURNAL_FROM}{now_ms:013d}:{secrets.token_hex(6)}", snapshot.pk, delta
            )
            # Under the head's ETag: a fold since the snapshot would make the correction wrong.
            known = msgspec.convert(head, Head) if head else Head(HEAD_ID, snapshot.pk)
            etag = head["_etag"] if head else None
            state.commit(
                snapshot.pk, [Write(journal, journal.id, None), Write(known, HEAD_ID, etag)]
            )
    except CommitError as error:
        raise Moving(f"bucket {snapshot.pk} changed while it was repaired: run again") from error


def _repair_user(state: StateStore, key: str, proven: Proof) -> None:
    """In as many commits as a wide user needs; the hot document is in each and orders them."""
    snapshot = proven.snapshot
    hot, *others = proof.repaired_user(key, proven.must, snapshot)
    hot_etag = snapshot.documents[hot.id]["_etag"]
    for start in range(0, max(len(others), 1), DOCUMENTS_PER_REPAIR):
        writes = [
            Write(body, body.id, snapshot.documents.get(body.id, {}).get("_etag"))
            for body in others[start : start + DOCUMENTS_PER_REPAIR]
        ]
        committed = state.commit(snapshot.pk, [Write(hot, hot.id, hot_etag), *writes])
        hot_etag = committed.etags[hot.id]


def view_keys(
    state: StateStore, buckets: Sequence[Bucket], snapshots: Sequence[Snapshot]
) -> list[tuple[View, str]]:
    """Every view key that something in the state concerns, symbols expanded."""
    state_keys = {
        state_key_of(document["id"])
        for snapshot in snapshots
        for document in snapshot.under(PARTIAL_PREFIX)
    }
    for snapshot in snapshots:
        for hot in snapshot.under(proof.USER_PREFIX):
            if "user" in hot:
                state_keys |= {f"user:{month}:{hot['user']}" for month in hot.get("active", {})}
    names = {
        (view.name, key)
        for view in VIEWS.values()
        for state_key in state_keys
        for key in view.keys_of(state_key)
    }
    for name, key in [one for one in names if one[1].startswith(SYMBOL)]:
        names.discard((name, key))
        view = VIEWS[name]
        if view.expand is not None:
            inputs = read_inputs(state, view.reads(key), buckets)
            names |= {(name, one) for one in view.expand(key, inputs)}
    return [(VIEWS[name], key) for name, key in sorted(names)]


def view_differences(
    state: StateStore,
    views: ViewStore,
    buckets: Sequence[Bucket],
    keys: Sequence[tuple[View, str]],
    now_seconds: int,
    horizon_seconds: int | None = None,
) -> Iterator[tuple[View, str, list[Difference]]]:
    """Published documents that are not what the partials render to, path by path."""
    pending = {name for bucket in buckets for name in bucket.head.pending}
    for view, key in keys:
        starts_at = view.starts_at_seconds(key)
        if starts_at > now_seconds or f"{view.name}:{key}" in pending:
            continue
        if keeps(horizon_seconds, starts_at):
            # Its document was rendered from more than is known here.
            continue
        rendered = view.render(key, read_inputs(state, view.reads(key), buckets))
        must = content_of(view_document(view, key, rendered, stamp=[0], as_of_seconds=0, now_ms=0))
        found = content_of(views.read(view.name, view.document_id(key), view.partition(key)))
        ttl_seconds = (must or {}).get("ttl", 0)
        if found is None and now_seconds >= starts_at + ttl_seconds:
            # It may have been published, and gone by its own TTL.
            continue
        where = f"{view.name}/{view.document_id(key)}"
        differences = list(differences_of(where, "$", must, found))
        if differences:
            yield view, key, differences


def republish(state: StateStore, buckets: Sequence[Bucket], names: Sequence[str]) -> None:
    """Make keys due at once, under a new stamp: a document edited by hand carries the old one, and
    would pass for published. Raises Moving."""
    bucket = buckets[0]
    head = msgspec.structs.replace(
        bucket.head,
        sequence=bucket.head.sequence + 1,
        pending={**bucket.head.pending, **dict.fromkeys(names, 0)},
    )
    try:
        state.commit(bucket.pk, [Write(head, HEAD_ID, bucket.etag)])
    except CommitError as error:
        raise Moving("the state was folded while views were compared: run again") from error
