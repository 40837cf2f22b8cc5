"""When a view document was published last, as far as the state tells."""

from collections.abc import Sequence

from cosmos_views.owners import OwnerKind
from cosmos_views.publish.fold import Bucket, FoldState
from cosmos_views.publish.inputs import read_partials
from cosmos_views.publish.partials import state_key_of
from cosmos_views.publish.view import SYMBOL, Inputs, View


def published_since(
    kind: OwnerKind,
    state: FoldState,
    view: View,
    key: str,
    buckets: Sequence[Bucket],
    inputs: Inputs,
    in_force: int,
) -> int:
    """A moment, in seconds since 1970, at which or after which a key that is not pending has been
    published: the latest that is known, given since when the generation is in force and published.
    No document says when it was (docs/decisions/0011-when-a-document-was-published.md)."""
    reads, starts_at = view.reads(key), view.starts_at_seconds(key)
    known = [in_force, starts_at or 0]
    if inputs.owner is not None:
        known.append(kind.changed_seconds(inputs.owner, reads.part))
    for partial in read_partials(state, reads, buckets):
        names = view.keys_of(state_key_of(partial["id"]))
        if any(
            one == key or (one.startswith(SYMBOL) and view.starts_at_seconds(one) == starts_at)
            for one in names
        ):
            known.append(partial["_ts"])
    return max(known)
