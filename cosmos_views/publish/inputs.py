"""Inputs: what a view is rendered from, read from every bucket and added up.

Every read is at least as new as the head that the reader holds (docs/architecture.md, "Rules of
fold and publish", 6).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cosmos_views.ledger.buckets import bucket_of
from cosmos_views.ledger.owners import hot_id, is_erased, owner_key
from cosmos_views.owners import OwnerKind
from cosmos_views.publish.fold import Bucket, FoldState
from cosmos_views.publish.partials import first_id, further_ids, merged
from cosmos_views.publish.view import Inputs, Reads


def read_inputs(
    kind: OwnerKind, state: FoldState, reads: Reads, buckets: Sequence[Bucket]
) -> Inputs:
    """The partials and the owner's history that a view asks for. Raises Transient."""
    partials = merged(read_partials(state, reads, buckets))
    return Inputs(partials, _history(kind, state, reads, buckets))


def read_partials(
    state: FoldState, reads: Reads, buckets: Sequence[Bucket]
) -> list[Mapping[str, Any]]:
    """The documents of the partials that a view asks for, of all buckets. Raises Transient."""
    documents: list[Mapping[str, Any]] = []
    for bucket in buckets:
        token = bucket.session_token
        if reads.keys:
            ids = [first_id(state_key) for state_key in reads.keys]
            found, _ = state.read(bucket.pk, ids, token)
            documents.extend(found.values())
            if further := further_ids(found):
                documents.extend(state.read(bucket.pk, further, token)[0].values())
        for start, end in reads.ranges:
            documents.extend(state.read_range(bucket.pk, first_id(start), first_id(end), token))
    return documents


def _history(kind: OwnerKind, state: FoldState, reads: Reads, buckets: Sequence[Bucket]) -> Any:
    """The history of the owner a view reads, with one part of it; None also from the moment on in
    which the owner is being erased."""
    if reads.owner is None:
        return None
    key = owner_key(reads.owner)
    bucket = buckets[bucket_of(key, len(buckets))]
    found, token = state.read(bucket.pk, kind.ids(key, reads.part), bucket.session_token)
    if is_erased(found.get(hot_id(key))):
        return None
    if further := kind.further_ids(key, found, [reads.part]):
        # Never older than the documents that name them.
        found = {**found, **state.read(bucket.pk, further, token)[0]}
    return kind.load(key, found, [reads.part])
