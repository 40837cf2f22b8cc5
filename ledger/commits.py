"""An atomic commit: what it writes, and the ways in which it can fail.

A commit holds writes to one bucket and applies as a whole or not at all. It is safe to repeat:
everything in it is a create, or bound to the version that was read.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

OPERATIONS_MAX = 100
"""Cosmos DB's limit for one transactional batch."""
COMMIT_BYTES_MAX = 1_500_000
"""Cosmos DB takes 2 MB; the rest is for keys, escapes and system properties."""


class Write(msgspec.Struct, frozen=True, gc=False):
    """One document to write: a create where `etag` is None, else a replace of just that version."""

    body: msgspec.Struct
    document_id: str
    etag: str | None


@dataclass(frozen=True)
class Delete:
    """One document to delete."""

    document_id: str


Operation = Write | Delete


@dataclass(frozen=True)
class Committed:
    """What a commit that landed says: new ETags by document id, and the session it belongs to."""

    etags: dict[str, str]
    session_token: str | None


class CommitError(Exception):
    """A commit that did not land, or may not have. All of them are safe to plan again."""


class Conflict(CommitError):
    """A document is not as it was read (409, 412, 404). Nothing was applied."""

    def __init__(self, document_id: str) -> None:
        super().__init__(f"{document_id} has changed")
        self.document_id = document_id


class UnknownOutcome(CommitError):
    """No answer, or one that does not tell (timeout, lost connection, 408, 410, 449, 500, 503)."""


class TooLarge(CommitError):
    """More than one commit can hold. Nothing was applied."""


class Unacceptable(Exception):
    """The service will never take this document (400, 413): too large, or an id it refuses."""


class Transient(Exception):
    """Worth redelivery: throttling, an outage, conflicts without end. Nothing is lost."""


def encoded_bytes(body: Any) -> int:
    """How many bytes a document takes on the wire, without system properties."""
    return len(msgspec.json.encode(body))
