"""Removal: all state of a generation that nothing reads any more, in bounded steps.

Documents are deleted some at a time, whatever they are; several may remove the same generation, and
after a crash the next one goes on with what is left. Ids only are read, not the documents.
"""

from collections.abc import Callable, Iterator

from cosmos_views.ledger.buckets import bucket_pk
from cosmos_views.ledger.commits import (
    OPERATIONS_MAX,
    CommitError,
    Conflict,
    Delete,
    TooLarge,
)
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.attempts import Attempts
from cosmos_views.upkeep.audit import reader_name
from cosmos_views.upkeep.cursors import CURSORS_PK

_LAST_ID = "~"
"""Every id of a state document begins with a letter."""


def remove_generation(
    state: StateStore, generation: int, buckets: int, pace: Callable[[], None]
) -> Iterator[int]:
    """Delete a generation's buckets and the cursors of its audit; yields how many documents each
    step has deleted. Raises Transient."""
    for bucket in range(buckets):
        yield from remove_range(state, bucket_pk(generation, bucket), "", _LAST_ID, pace)
    reader = f"cursor:{reader_name(generation)}"
    yield from remove_range(state, CURSORS_PK, f"{reader}:", f"{reader};", pace)


def remove_range(
    state: StateStore, pk: str, start: str, end: str, pace: Callable[[], None]
) -> Iterator[int]:
    """Delete every document with start <= id < end of a partition. Raises Transient."""
    attempts, most = Attempts(f"removing {pk} keeps failing"), OPERATIONS_MAX
    while ids := state.ids(pk, start, end, most):
        try:
            state.commit(pk, [Delete(one) for one in ids])
        except CommitError as failure:
            # Another removal was faster, or nobody knows: what is left is listed again.
            attempts.failed(failure)
            if isinstance(failure, TooLarge | Conflict):
                most = max(1, most // 2)
            continue
        attempts.succeeded()
        most = OPERATIONS_MAX
        yield len(ids)
        pace()
