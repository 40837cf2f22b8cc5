"""An atomic commit: what it writes, and the ways in which it can fail.

A commit holds writes to one bucket and applies as a whole or not at all. It is safe to repeat:
everything in it is a create, or bound to the version that was read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

OPERATIONS_MAX = 100
"""Cosmos DB's limit for one transactional batch."""
COMMIT_BYTES_MAX = 2_000_000
"""As sent. Cosmos DB takes 2 MB (2 097 152); the rest is for system properties."""
CREATED_BYTES_MAX = 1_200_000
"""No document is created larger, so that the fold can rewrite a journal document that does not fit
beside the head (at most 0.25 MB) and one shard of a partial (0.35 MB when it is full)."""


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
    """The service will never take this document, or show it (400, 401, 413): too large, or an id
    it refuses."""


class Unusable(Exception):
    """The store, or a container of it, is not as a worker needs it; no repetition helps."""


class Transient(Exception):
    """Worth redelivery: throttling, an outage, conflicts without end. Nothing is lost."""


def encoded_bytes(body: Any) -> int:
    """How many bytes a document takes on the wire, without system properties: compact JSON in
    UTF-8, as the SDK sends it (`cosmos_views/store/account.py`)."""
    return len(msgspec.json.encode(body))


def commit_bytes(operations: Iterable[Operation]) -> int:
    """How many bytes a commit takes on the wire, with what the SDK puts around each document."""
    return encoded_bytes([_envelope(one) for one in operations])


def _envelope(operation: Operation) -> dict[str, Any]:
    """As azure-cosmos 4.17.1 sends it (`_base._format_batch_operations`)."""
    if not isinstance(operation, Write):
        return {"operationType": "Delete", "id": operation.document_id}
    if operation.etag is None:
        return {"operationType": "Create", "resourceBody": operation.body}
    return {
        "operationType": "Replace",
        "id": operation.document_id,
        "resourceBody": operation.body,
        "ifMatch": operation.etag,
    }
