"""The registry of erased owners: one document per owner, named by a hash, in a partition of its
own.

It is written before anything is erased and stays for ever, so that whatever builds state anew, or
keeps copies elsewhere, knows whom to leave out. It also keeps the receipt. No owner id stands in
it."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from cosmos_views.ledger.commits import Write
from cosmos_views.ledger.foreign import of_form
from cosmos_views.store.state import StateStore

ERASED_PK = "erased"
_LAST_KEY = "~"
_KEY = re.compile("[0-9a-f]{32}")


class Erased(msgspec.Struct):
    """The registry's document of one owner; `id` is the owner's key."""

    id: str
    pk: str
    erased_at: str
    """When the owner's erasure first began (ISO 8601); empty where somebody damaged the
    document."""
    finished_at: str = ""
    """When a pass last found nothing more; empty while there may be more."""
    passes: int = 0
    removed: dict[str, int] = msgspec.field(default_factory=dict)
    """What the finished passes have removed, by place."""
    removing: dict[str, int] = msgspec.field(default_factory=dict)
    """What the pass under way had found."""

    @property
    def receipt(self) -> dict[str, int]:
        """What has been removed, by place, once the pass under way is finished."""
        places = (*self.removed, *self.removing)
        return {one: self.removed.get(one, 0) + self.removing.get(one, 0) for one in places}


class ErasedOwners:
    """Reads and writes the registry."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def read(self, key: str) -> tuple[Erased | None, str | None]:
        """(the owner's document, its ETag); None for an owner who was never erased. Raises
        Transient."""
        found, _ = self._state.read(ERASED_PK, [key])
        document = found.get(key)
        if document is None:
            return None, None
        return _as_erased(document), document["_etag"]

    def write(self, erased: Erased, etag: str | None) -> str:
        """Create or replace just that version; returns the new ETag. Raises CommitError."""
        committed = self._state.commit(ERASED_PK, [Write(erased, erased.id, etag)])
        return committed.etags[erased.id]

    def all(self) -> list[Erased]:
        """Everybody who was erased, by key. Raises Transient."""
        found = self._state.read_range(ERASED_PK, "", _LAST_KEY)
        known = (_as_erased(document) for document in found)
        return [one for one in known if one is not None]

    def among(self, keys: Collection[str]) -> set[str]:
        """Those of the owners who were erased. Raises Transient."""
        return set(self._state.read(ERASED_PK, keys)[0]) if keys else set()


def _as_erased(document: Mapping[str, Any]) -> Erased | None:
    """The document as the registry writes it; None where it is foreign. An owner's own document
    that somebody damaged still says who was erased: forgetting that would bring the owner back."""
    erased = of_form(document, Erased, "state")
    if erased is None and _KEY.fullmatch(document["id"]):
        return Erased(document["id"], ERASED_PK, "")
    return erased if erased is not None and _KEY.fullmatch(erased.id) else None
