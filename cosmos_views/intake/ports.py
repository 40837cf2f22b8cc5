"""What stage 1 asks of the outside; `cosmos_views/store/` answers it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from cosmos_views.intake.dead_letters import DeadLetter
from cosmos_views.ledger.commits import Committed, Operation


class State(Protocol):
    """The state container."""

    def read(
        self, pk: str, ids: Collection[str], session_token: str | None = None
    ) -> tuple[dict[str, dict[str, Any]], str | None]:
        """(the documents that exist, by id, each with its `_etag`; the session token of the
        reading). At least as new as the token given; without one it may be stale."""

    def commit(self, pk: str, operations: Sequence[Operation]) -> Committed:
        """Apply all or nothing. Raises CommitError, or Transient when nothing was applied."""


class Sources(Protocol):
    """The source containers."""

    def read(self, container: str, document_id: str, key: Sequence[Any]) -> bytes | None:
        """The JSON of the document with these parts of a partition key as it is now; None when it
        is gone."""

    def by_rid(
        self, container: str, seconds: Mapping[str, int], since: int | None = None
    ) -> dict[str, bytes]:
        """By `_rid`, the JSON of those documents as they are now, among what was last written in
        one of these seconds (`_ts`), or from `since` on."""


class Poison(Protocol):
    """The poison container."""

    def write(self, letter: DeadLetter) -> None:
        """Write or overwrite; an earlier letter's first failure and attempts are kept and grow."""

    def delete(self, source: str, letter_id: str) -> bool:
        """Whether there was such a letter."""
