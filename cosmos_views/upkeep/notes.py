"""Notes: what a run leaves for the next one, which may be another process.

Nothing depends on a note for being right: one that is lost, or overtaken by another run's, makes
the next run begin where it would without any.
"""

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from cosmos_views.intake.ports import State
from cosmos_views.ledger.commits import CommitError, Write
from cosmos_views.upkeep.cursors import CURSORS_PK


class _Note(msgspec.Struct):
    """The state document `note:{name}`."""

    id: str
    pk: str
    places: dict[str, str]


class Note:
    """One note: names, each with a place; as it stood when it was read."""

    def __init__(self, state: State, name: str) -> None:
        self._state = state
        self._id = f"note:{name}"
        self._etag: str | None = None
        self.places: dict[str, str] = {}

    def read(self) -> dict[str, str]:
        """As the run before has left it; empty where there is none, or none that can be read.
        Raises Transient."""
        document = self._state.read(CURSORS_PK, [self._id])[0].get(self._id)
        self._etag = None if document is None else document["_etag"]
        self.places = {}
        if document is not None:
            with suppress(msgspec.ValidationError):
                self.places = msgspec.convert(document, _Note).places
        return dict(self.places)

    def leave(self, places: Mapping[str, str]) -> None:
        """For the next run; nothing is written where nothing has changed. Raises Transient."""
        if dict(places) == self.places:
            return
        body = _Note(self._id, CURSORS_PK, dict(places))
        with suppress(CommitError):  # another run left its own
            self._state.commit(CURSORS_PK, [Write(body, self._id, self._etag)])
