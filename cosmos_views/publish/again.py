"""Publishing again: every view key of a generation that has just come into force.

A walk over all state documents of its buckets in the order of their ids, some at a time, and then
over the view documents that an earlier generation has left, so that a key of which nothing is
counted any more becomes a tombstone. The walk can be taken up again at any place, and whatever it
names twice is only published twice.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from cosmos_views.ledger.generations import keeps
from cosmos_views.owners import OwnerKind
from cosmos_views.publish.documents import stamp_of
from cosmos_views.publish.partials import PARTIAL_PREFIX, state_key_of
from cosmos_views.publish.view import View

IDS_PER_PAGE = 500
OWNER_FROM, OWNER_TO = "u:", "u;"
PARTIAL_TO = "p;"


class AgainState(Protocol):
    """The state container, as the walk uses it."""

    def ids(
        self, pk: str, start: str, end: str, limit: int, session_token: str | None = None
    ) -> list[str]:
        """Ids with start <= id < end, in id order."""

    def read_range(
        self,
        pk: str,
        start: str,
        end: str,
        session_token: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """Documents with start <= id < end, in id order."""


class Walked(NamedTuple):
    """Some state documents: what they concern, and the last id; None after the last."""

    state_keys: list[str]
    last: str | None


def walk(
    kind: OwnerKind, state: AgainState, pk: str, after: str, session_token: str | None = None
) -> Walked:
    """State keys of the partials and of the owners of a bucket, from behind an id on; what stood
    when the session token was given is among them."""
    if after < PARTIAL_TO:
        start = max(PARTIAL_PREFIX, f"{after}\0")
        ids = state.ids(pk, start, PARTIAL_TO, IDS_PER_PAGE, session_token)
        return Walked([state_key_of(one) for one in ids], ids[-1] if ids else PARTIAL_TO)
    start = max(OWNER_FROM, f"{after}\0")
    documents = state.read_range(pk, start, OWNER_TO, session_token, IDS_PER_PAGE)
    keys = [key for one in documents if "user" in one for key in kind.state_keys(one)]
    return Walked(keys, documents[-1]["id"] if documents else None)


def names_of(
    views: Iterable[View], state_keys: Collection[str], horizon_seconds: int | None
) -> set[str]:
    """`{view}:{view key}` of everything that the state keys concern and that keeps no document of
    an earlier generation."""
    return {
        f"{view.name}:{key}"
        for view in views
        for state_key in state_keys
        for key in view.keys_of(state_key)
        if not keeps(horizon_seconds, view.starts_at_seconds(key))
    }


def names_left(
    view: View,
    documents: Iterable[Mapping[str, Any]],
    generation: int,
    horizon_seconds: int | None,
) -> set[str]:
    """`{view}:{view key}` of documents of one view that an earlier generation has written and that
    are not kept as they are."""
    names = set()
    for document in documents:
        stamp = stamp_of(document)
        key = view.key_in(document)
        if key is None or document.get("empty") or (stamp and stamp[0] >= generation):
            continue
        if not keeps(horizon_seconds, view.starts_at_seconds(key)):
            names.add(f"{view.name}:{key}")
    return names
