"""The registry of erased users: one document per user, named by a hash, in a partition of its own.

It is written before anything is erased and stays for ever, so that whatever builds state anew, or
keeps copies elsewhere, knows whom to leave out. It also keeps the receipt. No user id stands in it.
"""

from collections.abc import Collection

import msgspec

from ledger.commits import Write
from store.state import StateStore

ERASED_PK = "erased"
_LAST_KEY = "~"
"""Keys are hexadecimal."""


class Erased(msgspec.Struct):
    """The registry's document of one user; `id` is the user's key."""

    id: str
    pk: str
    erased_at: str
    """When the user's erasure first began (ISO 8601)."""
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


class ErasedUsers:
    """Reads and writes the registry."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def read(self, user_key: str) -> tuple[Erased | None, str | None]:
        """(the user's document, its ETag); None for a user who was never erased. Raises
        Transient."""
        found, _ = self._state.read(ERASED_PK, [user_key])
        document = found.get(user_key)
        if document is None:
            return None, None
        return msgspec.convert(document, Erased), document["_etag"]

    def write(self, erased: Erased, etag: str | None) -> str:
        """Create or replace just that version; returns the new ETag. Raises CommitError."""
        committed = self._state.commit(ERASED_PK, [Write(erased, erased.id, etag)])
        return committed.etags[erased.id]

    def all(self) -> list[Erased]:
        """Everybody who was erased, by key. Raises Transient."""
        found = self._state.read_range(ERASED_PK, "", _LAST_KEY)
        return [msgspec.convert(document, Erased) for document in found]

    def among(self, user_keys: Collection[str]) -> set[str]:
        """Those of the users who were erased. Raises Transient."""
        return set(self._state.read(ERASED_PK, user_keys)[0]) if user_keys else set()
