"""Inputs: what a view is rendered from, read from every bucket and added up.

Every read is at least as new as the head that the reader holds (docs/architecture.md, "Rules of
fold and publish", 6).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cosmos_views.ledger.buckets import bucket_of
from cosmos_views.publish.fold import Bucket, FoldState
from cosmos_views.publish.partials import first_id, further_ids, merged
from cosmos_views.publish.view import Inputs, Reads
from processors import user_documents
from processors.users import User, hot_id, is_erased, month_id, user_key


def read_inputs(state: FoldState, reads: Reads, buckets: Sequence[Bucket]) -> Inputs:
    """The partials and the user's history that a view asks for. Raises Transient."""
    return Inputs(merged(read_partials(state, reads, buckets)), _user(state, reads, buckets))


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


def _user(state: FoldState, reads: Reads, buckets: Sequence[Bucket]) -> User | None:
    """The history of the user a view reads, with the block of one month; None also from the moment
    on in which the user is being erased."""
    if reads.user is None or reads.month is None:
        return None
    key = user_key(reads.user)
    bucket = buckets[bucket_of(key, len(buckets))]
    ids = [hot_id(key), month_id(key, reads.month)]
    found, token = state.read(bucket.pk, ids, bucket.session_token)
    if is_erased(found.get(hot_id(key))):
        return None
    if further := user_documents.further_ids(key, found, [reads.month]):
        # Never older than the documents that name them.
        found = {**found, **state.read(bucket.pk, further, token)[0]}
    return user_documents.load_user(key, found, [reads.month])
