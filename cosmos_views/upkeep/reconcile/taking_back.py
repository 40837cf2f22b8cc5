"""Taking back what is counted of one document that is gone, as if it had been deleted softly."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from cosmos_views.intake.ownership import counts_nothing, version_of
from cosmos_views.intake.ports import State
from cosmos_views.ledger.commits import CommitError, Operation, Write
from cosmos_views.ledger.owners import hot_id, is_erased
from cosmos_views.ledger.plan import Owner
from cosmos_views.pack import Pack
from cosmos_views.publish.journal import journal_of
from cosmos_views.upkeep.attempts import Attempts
from cosmos_views.upkeep.erase.erasure import planned, retraction


def retract(
    pack: Pack,
    state: State,
    entry: Mapping[str, Any],
    now_ms: Callable[[], int],
    nonce: Callable[[], str],
) -> bool:
    """Decide an entry `deleted`; False where it no longer counts the version it did, or its owner
    is being erased. Raises Transient."""
    pk, name, key = entry["pk"], entry["id"], entry.get("user")
    attempts = Attempts("what is counted of a document that is gone could not be taken back")
    while True:
        documents, token = state.read(pk, {name} if key is None else {name, hot_id(key)})
        now = documents.get(name)
        if now is None or counts_nothing(now) or version_of(now) != version_of(entry):
            return False
        if key is not None and is_erased(documents.get(hot_id(key), {"erased": True})):
            return False
        verdict = msgspec.structs.replace(retraction(now), ttl=now.get("ttl"))
        plan = planned(pack, state, Owner(pk, key, None), [verdict], documents, token)
        operations: list[Operation] = [*plan.writes]
        journal = journal_of(pack, pk, [plan], now_ms(), nonce())
        if journal is not None:
            operations.append(Write(journal, journal.id, None))
        try:
            state.commit(pk, operations)
        except CommitError as failure:
            attempts.failed(failure)
            continue
        if not plan.partial:
            return True
        attempts.succeeded()
