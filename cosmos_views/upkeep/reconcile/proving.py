"""Proving one store: read every bucket as it stands at one moment, compare, repair.

Repairs go the ordinary way: owners' documents under the ETag that was read, a correction of
measures as a journal document, views through the publisher. So a repair that races a live change
conflicts and is left to the next run, and one that crashes is finished by it.
"""

import secrets
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from azure.cosmos import ContainerProxy

from cosmos_views.health import is_health
from cosmos_views.ledger.commits import CommitError, Conflict, Delete, Write
from cosmos_views.ledger.generations import keeps
from cosmos_views.ledger.snapshots import Difference, Snapshot
from cosmos_views.pack import Pack
from cosmos_views.publish.again import walk
from cosmos_views.publish.documents import content_of, view_document
from cosmos_views.publish.fold import Bucket, read_bucket
from cosmos_views.publish.heads import HEAD_ID, Head
from cosmos_views.publish.inputs import read_inputs
from cosmos_views.publish.journal import (
    JOURNAL_FROM,
    JOURNAL_TO,
    Journal,
    journal_id,
    read_journals,
)
from cosmos_views.publish.view import SYMBOL, View
from cosmos_views.store.bucket_feed import BucketFeed
from cosmos_views.store.state import StateStore
from cosmos_views.store.views import ViewStore
from cosmos_views.upkeep.attempts import Attempts
from cosmos_views.upkeep.publication import published_since
from cosmos_views.upkeep.reconcile import proof
from cosmos_views.upkeep.reconcile.forms import Form, form_of
from cosmos_views.upkeep.reconcile.proof import differences_of
from cosmos_views.upkeep.reconcile.walking import Moving

SNAPSHOT_TRIES_MAX = 20
LOOKS_MAX = 10
"""A document that differs is looked at again where the state has moved; then it is left to the next
run."""
DOCUMENTS_PER_REPAIR = 10
"""Of one owner in one commit: with the hot document they fit, as large as they may be."""


@dataclass
class Proof:
    """What was found in one bucket."""

    snapshot: Snapshot
    must: proof.Expected
    owners: dict[str, list[Difference]]
    measures: list[Difference]

    @property
    def differences(self) -> list[Difference]:
        """All of them, owners first."""
        return [*self.damaged, *self.of_owners, *self.measures]

    @property
    def damaged(self) -> list[Difference]:
        """State documents of ours that cannot be read."""
        names = sorted(self.snapshot.damaged)
        return [Difference(one, "$", "a document of its form", "another") for one in names]

    @property
    def of_owners(self) -> list[Difference]:
        """What is wrong with owners' documents."""
        return [one for some in self.owners.values() for one in some]

    def within(self, period: str | None) -> list[Difference]:
        """Those of a period (a prefix of YYYYMMDD); an owner's are of every period."""
        if period is None:
            return self.differences
        of_period = (one for one in self.measures if concerns(one.where, period))
        return [*self.damaged, *self.of_owners, *of_period]


def take_snapshot(
    pack: Pack,
    container: ContainerProxy,
    pk: str,
    pace: Callable[[], None],
    noted: Callable[[int], None],
) -> Snapshot:
    """The bucket at one moment. Raises Moving when it never holds still for one reading.

    The feed does not show deletions, and the fold deletes nothing but journal documents: so the
    journal is listed, and when the feed has not moved meanwhile, everything is of one moment.
    """
    feed, state = BucketFeed(container, pk), StateStore(container)
    snapshot = Snapshot(pk)
    for _ in range(SNAPSHOT_TRIES_MAX):
        for page in feed.pages():
            _take(pack, snapshot, page)
            noted(len(snapshot.documents))
            pace()
        journal = state.read_range(pk, JOURNAL_FROM, JOURNAL_TO)
        moved = [document for page in feed.pages() for document in page]
        _take(pack, snapshot, moved)
        if not moved:
            for name in [one for one in snapshot.documents if one.startswith(JOURNAL_FROM)]:
                del snapshot.documents[name]
            snapshot.damaged = {one for one in snapshot.damaged if not one.startswith(JOURNAL_FROM)}
            _take(pack, snapshot, journal)
            return snapshot
    raise Moving(f"bucket {pk} never stood still while it was read: try when less is written")


def _take(pack: Pack, snapshot: Snapshot, documents: Iterable[dict[str, Any]]) -> None:
    for document in documents:
        name, form = document["id"], form_of(pack, document)
        # Read again, because it has changed, it may be of another form.
        snapshot.documents.pop(name, None)
        snapshot.damaged.discard(name)
        if form is Form.OURS:
            snapshot.documents[name] = _kept(document)
        elif form is Form.DAMAGED:
            snapshot.damaged.add(name)
        else:
            snapshot.foreign.add(name)


def _kept(document: dict[str, Any]) -> dict[str, Any]:
    """What the proof and the repair need of a document: a bucket holds millions of entries."""
    if not document["id"].startswith(proof.ENTRY_PREFIX):
        return document
    user = document.get("user")
    kept = {
        "id": document["id"],
        "outcome": sys.intern(document["outcome"]),
        "user": None if user is None else sys.intern(user),
    }
    return kept if document.get("fact") is None else {**kept, "fact": document["fact"]}


def prove(pack: Pack, snapshot: Snapshot, since: str) -> Proof:
    """Compare a bucket with what its entries say of the months from `since` on."""
    must = proof.expected(pack, snapshot, since)
    found = proof.found_measures(snapshot, since)
    measures = proof.measure_differences(must.measures, found)
    return Proof(snapshot, must, proof.owner_differences(pack, must, snapshot), measures)


def repair(pack: Pack, state: StateStore, proven: Proof, now_ms: int) -> None:
    """Write owners as they must be, then the correction of all measures. Raises Moving."""
    snapshot, must = proven.snapshot, proven.must
    if snapshot.damaged:
        for name in snapshot.damaged:
            with suppress(Conflict):  # somebody else has deleted it
                state.commit(snapshot.pk, [Delete(name)])
        # What they told is missing now: that is named, and worked out anew, by the next reading.
        raise Moving(f"damaged documents of bucket {snapshot.pk} were deleted: run again")
    head = snapshot.documents.get(HEAD_ID)
    try:
        for key in proven.owners:
            if key in must.lost:
                # Only the sources know this user: forget the entries, and the walk counts anew.
                for name in proof.documents_of(key, snapshot):
                    state.commit(snapshot.pk, [Delete(name)])
                continue
            _repair_owner(pack, state, key, proven)
        found = proof.found_measures(snapshot, must.since)
        delta = proof.correction(must.measures, found)
        if delta:
            journal = Journal(journal_id(now_ms, secrets.token_hex(6)), snapshot.pk, delta)
            # Under the head's ETag: a fold since the snapshot would make the correction wrong.
            known = msgspec.convert(head, Head) if head else Head(HEAD_ID, snapshot.pk)
            etag = head["_etag"] if head else None
            state.commit(
                snapshot.pk, [Write(journal, journal.id, None), Write(known, HEAD_ID, etag)]
            )
    except CommitError as error:
        raise Moving(f"bucket {snapshot.pk} changed while it was repaired: run again") from error


def _repair_owner(pack: Pack, state: StateStore, key: str, proven: Proof) -> None:
    """In as many commits as a wide owner needs; the hot document is in each and orders them."""
    snapshot = proven.snapshot
    hot, *others = pack.owners.repaired(key, proven.must.owners.get(key), snapshot)
    hot_etag = snapshot.documents[hot.id]["_etag"]
    for start in range(0, max(len(others), 1), DOCUMENTS_PER_REPAIR):
        writes = [
            Write(body, body.id, snapshot.documents.get(body.id, {}).get("_etag"))
            for body in others[start : start + DOCUMENTS_PER_REPAIR]
        ]
        committed = state.commit(snapshot.pk, [Write(hot, hot.id, hot_etag), *writes])
        hot_etag = committed.etags[hot.id]


def concerns(key: str, period: str) -> bool:
    """Whether a state key or a view key is of a period."""
    return any(part.startswith(period) for part in key.split(":"))


def state_keys(pack: Pack, state: StateStore, pk: str, pace: Callable[[], None]) -> set[str]:
    """Everything that is counted in a bucket: keys of partials, and months of owners."""
    keys: set[str] = set()
    after: str | None = ""
    while after is not None:
        walked = walk(pack.owners, state, pk, after)
        keys.update(walked.state_keys)
        after = walked.last
        pace()
    return keys


def view_keys(
    pack: Pack, state: StateStore, buckets: Sequence[Bucket], state_keys: Collection[str]
) -> list[tuple[View, str]]:
    """Every view key that something in the state concerns, symbols expanded."""
    names = {
        (view.name, key)
        for view in pack.views.values()
        for state_key in state_keys
        for key in view.keys_of(state_key)
    }
    for name, key in [one for one in names if one[1].startswith(SYMBOL)]:
        names.discard((name, key))
        view = pack.views[name]
        if view.expand is not None:
            inputs = read_inputs(pack.owners, state, view.reads(key), buckets)
            names |= {(name, one) for one in view.expand(key, inputs)}
    return [(pack.views[name], key) for name, key in sorted(names)]


def orphans(
    pack: Pack,
    views: ViewStore,
    keys: Collection[tuple[View, str]],
    pace: Callable[[], None],
    foreign: Counter[str],
) -> Iterator[tuple[View, str]]:
    """Keys of published documents that nothing in the state concerns. What the worker has not
    written is counted as foreign, by container."""
    known = {(view.name, key) for view, key in keys}
    for view in pack.views.values():
        for page in views.stamps(view.name, view.partition_key):
            for document in page:
                key = view.key_in(document)
                if key is None:
                    foreign[view.name] += not is_health(pack.health, document)
                elif not document.get("empty") and (view.name, key) not in known:
                    yield view, key
            pace()


@dataclass
class PublishedViews:
    """What is published, compared with what the state renders to."""

    pack: Pack
    state: StateStore
    views: ViewStore
    generation: int
    pks: Sequence[str]
    now_seconds: int
    horizon_seconds: int | None = None
    in_force: int = 0
    """Since when the generation is in force and published, in seconds since 1970."""
    _buckets: list[Bucket] = field(default_factory=list)

    def differences(self, view: View, key: str) -> list[Difference]:
        """What is wrong with one document, path by path; nothing while a change of it is on its
        way to it. Raises Transient."""
        for _ in range(LOOKS_MAX):
            buckets = self._buckets or self._read()
            found = self._compare(buckets, view, key)
            if not found:
                return []
            # A change is in the journal, then in a head's pending keys, then in the document.
            # Looked at in that order, after the document: so none is taken for a difference.
            if f"{view.name}:{key}" in self._journal():
                return []
            if [one.etag for one in self._read()] == [one.etag for one in buckets]:
                return found
        return []

    def let_go(self, view: View, key: str) -> None:
        """A document whose stamp says that it is newer than the state would never be published
        again: give it the oldest stamp there is, and leave what readers see of it."""
        document_id, partition = view.document_id(key), view.partition(key)
        found = self.views.read(view.name, document_id, partition)
        if found is None or not self._ahead(found.get("stamp"), self._read()):
            return
        body = {name: value for name, value in found.items() if not name.startswith("_")}
        with suppress(Conflict):  # somebody has published it
            self.views.write(view.name, {**body, "stamp": [0]}, found["_etag"])

    def _stamp(self, buckets: Sequence[Bucket]) -> list[int]:
        return [self.generation, *(bucket.head.sequence for bucket in buckets)]

    def _ahead(self, stamp: Any, buckets: Sequence[Bucket]) -> bool:
        """Whether no publisher has written this stamp, or none can get past it."""
        mine = self._stamp(buckets)
        if not isinstance(stamp, list) or not stamp or any(type(one) is not int for one in stamp):
            return True
        if stamp[0] != mine[0]:
            return bool(stamp[0] > mine[0])
        return len(stamp) != len(mine) or any(
            theirs > ours for theirs, ours in zip(stamp, mine, strict=True)
        )

    def _read(self) -> list[Bucket]:
        self._buckets = [read_bucket(self.state, pk) for pk in self.pks]
        return self._buckets

    def _journal(self) -> set[str]:
        """View keys of what is not folded yet."""
        waiting = {
            state_key
            for pk in self.pks
            for journal, _ in read_journals(self.state, pk, sys.maxsize)[0]
            for state_key in (*journal.delta, *journal.touched)
        }
        return {
            f"{view.name}:{key}"
            for view in self.pack.views.values()
            for state_key in waiting
            for key in view.keys_of(state_key)
        }

    def _compare(self, buckets: Sequence[Bucket], view: View, key: str) -> list[Difference]:
        state, views, now_seconds = self.state, self.views, self.now_seconds
        starts_at = view.starts_at_seconds(key)
        if keeps(self.horizon_seconds, starts_at):
            # Its document was rendered from more than is known here.
            return []
        where = f"{view.name}/{view.document_id(key)}"
        document = views.read(view.name, view.document_id(key), view.partition(key))
        if document is not None and self._ahead(document.get("stamp"), buckets):
            stamp = self._stamp(buckets)
            return [Difference(where, "$.stamp", stamp, document.get("stamp"))]
        if (starts_at or 0) > now_seconds:
            return []
        if any(f"{view.name}:{key}" in bucket.head.pending for bucket in buckets):
            return []
        inputs = read_inputs(self.pack.owners, state, view.reads(key), buckets)
        rendered = view.render(key, inputs)
        must = content_of(view_document(view, key, rendered, stamp=[0], as_of_seconds=0, now_ms=0))
        found = content_of(views.read(view.name, view.document_id(key), view.partition(key)))
        if found is None and must is not None:
            published = published_since(
                self.pack.owners, state, view, key, buckets, inputs, self.in_force
            )
            if now_seconds >= published + must["ttl"]:
                # It may have been published, and gone by its own TTL.
                return []
        return list(differences_of(where, "$", must, found))


def republish(state: StateStore, pk: str, names: Sequence[str]) -> None:
    """Make keys due at once, under a new stamp: a document edited by hand carries the old one, and
    would pass for published. Raises Transient."""
    attempts = Attempts(f"bucket {pk} is folded all the time")
    while True:
        bucket = read_bucket(state, pk)
        head = msgspec.structs.replace(
            bucket.head,
            sequence=bucket.head.sequence + 1,
            pending={**bucket.head.pending, **dict.fromkeys(names, 0)},
        )
        try:
            state.commit(pk, [Write(head, HEAD_ID, bucket.etag)])
        except CommitError as failure:
            attempts.failed(failure)  # it was folded meanwhile, or nobody knows
        else:
            return
