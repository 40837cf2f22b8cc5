"""Carrying owners' histories into the generation that is built, some owners in a commit.

The ordinary way: the hot document under the ETag it was read with, and what it is worth as a
journal document, all or nothing. So it may race live changes and another rebuild, and what was
carried before a crash is carried.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cosmos_views.intake.ownership import Layout
from cosmos_views.ledger.commits import CommitError, Operation, TooLarge, Write
from cosmos_views.ledger.generations import Building
from cosmos_views.ledger.owners import hot_id, is_erased
from cosmos_views.owners import OwnerKind
from cosmos_views.publish.journal import Journal, journal_id
from cosmos_views.publish.measures import Delta, add_row, normalized_delta
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.attempts import Attempts

OWNERS_PER_COMMIT = 40


class _Carrying(NamedTuple):
    key: str
    owner: str
    carried: Any


def carry_owners(
    kind: OwnerKind,
    state: StateStore,
    building: Building,
    documents: Iterable[Mapping[str, Any]],
    now_seconds: float,
) -> int:
    """Carry over what these documents of owners of the generation before say; how many owners did.
    Raises Transient."""
    assert building.horizon_seconds is not None
    layout = Layout(building.generation, building.buckets)
    by_bucket: dict[str, list[_Carrying]] = defaultdict(list)
    for document in documents:
        if "user" not in document or is_erased(document):
            continue
        key = document["id"].removeprefix(hot_id(""))
        whole = {document["id"]: document}
        if further := kind.further_ids(key, whole, ()):
            whole |= state.read(document["pk"], further)[0]
        carried = kind.carried(key, whole, building.horizon_seconds)
        if carried is not None:
            by_bucket[layout.pk_of(key)].append(_Carrying(key, document["user"], carried))
    return sum(
        _commit(kind, state, pk, owners, building.horizon_seconds, int(now_seconds * 1_000))
        for pk, owners in by_bucket.items()
    )


def _commit(
    kind: OwnerKind,
    state: StateStore,
    pk: str,
    owners: Sequence[_Carrying],
    horizon_seconds: int,
    at_ms: int,
) -> int:
    count, size, attempts = 0, OWNERS_PER_COMMIT, Attempts("carrying owners over keeps failing")
    while owners:
        some = owners[:size]
        carried, operations = _planned(kind, state, pk, some, horizon_seconds, at_ms)
        if operations:
            try:
                state.commit(pk, operations)
            except CommitError as failure:
                attempts.failed(failure)
                size = max(1, size // 2) if isinstance(failure, TooLarge) else size
                continue
            count += carried
        owners = owners[len(some) :]
        attempts.succeeded()
    return count


def _planned(
    kind: OwnerKind,
    state: StateStore,
    pk: str,
    owners: Sequence[_Carrying],
    horizon_seconds: int,
    at_ms: int,
) -> tuple[int, list[Operation]]:
    """(how many owners it carries over, what one commit writes); nothing where all of them were
    carried before."""
    read = {hot_id(one.key) for one in owners}
    documents, token = state.read(pk, read)
    # Later than the hot documents, and never older: their ETags order them all.
    while needed := {
        name
        for one in owners
        for name in kind.entering_ids(one.key, one.carried, documents)
        if name not in read
    }:
        found, token = state.read(pk, needed, token)
        documents = {**documents, **found}
        read |= needed
    writes: list[Operation] = []
    delta: Delta = {}
    written = 0
    for one in owners:
        made = kind.entered(one.key, pk, one.owner, one.carried, horizon_seconds, documents)
        if made is None:
            continue
        written += 1
        writes.extend(made[0])
        for state_key, measures in made[1].items():
            into = delta.setdefault(state_key, {})
            for cell, row in measures.items():
                add_row(into, cell, row)
    if not writes:
        return 0, []
    journal = Journal(journal_id(at_ms, secrets.token_hex(6)), pk, normalized_delta(delta))
    return written, [*writes, Write(journal, journal.id, None)]
