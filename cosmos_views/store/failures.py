"""Failures: what an answer of Cosmos DB, or none, means to the worker.

One place decides. Reads and single writes that fail for outside reasons are transient: they raise,
and the batch is delivered again. A commit may also be in conflict, too large, or unanswered.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from cosmos_views.ledger.commits import (
    CommitError,
    Conflict,
    TooLarge,
    Transient,
    UnknownOutcome,
    Unusable,
)
from cosmos_views.store import metering

CONFLICTS = frozenset({404, 409, 412})
OWNER_NOT_FOUND = (404, 1003)
TOO_LARGE = 413
NEVER = frozenset({400, TOO_LARGE})
"""Of a single write: the account will never take this document."""
UNKNOWN = frozenset({408, 410, 449, 500, 503})


class Refused(Unusable):
    """This worker must not run on this store; the message says why and what to do."""


@contextmanager
def transient(container: str, operation: str) -> Iterator[None]:
    """Turn every failure of a call into Transient, naming the call and never a document; a missing
    container into Refused, because no repetition creates it."""
    try:
        yield
    except CosmosHttpResponseError as error:
        metering.note(container, operation, error.headers or {})
        if (error.status_code, getattr(error, "sub_status", None)) == OWNER_NOT_FOUND:
            raise Refused(
                f"container {container} does not exist: run `python -m cosmos_views provision`"
            ) from error
        raise Transient(f"{operation} on {container} failed with {_status(error)}") from error
    except AzureError as error:
        raise Transient(f"{operation} on {container} failed: {type(error).__name__}") from error


def of_commit(error: AzureError, ids: list[str]) -> CommitError | Transient:
    """What the failure of a commit that wrote these documents means."""
    if isinstance(error, CosmosBatchOperationError):
        status = error.status_code
        place = error.error_index
        if status in CONFLICTS and place is not None:
            return Conflict(ids[place])
    elif isinstance(error, CosmosHttpResponseError):
        status = error.status_code
    else:
        return UnknownOutcome(f"commit failed: {type(error).__name__}")
    if status == TOO_LARGE:
        return TooLarge(f"a commit of {len(ids)} operations is too large")
    if status in UNKNOWN:
        return UnknownOutcome(f"commit answered {status}")
    return Transient(f"commit failed with {status}")


def _status(error: CosmosHttpResponseError) -> str:
    sub_status = getattr(error, "sub_status", None)
    return f"{error.status_code}/{sub_status}" if sub_status else str(error.status_code)
