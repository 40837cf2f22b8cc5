"""Atomic batches: many operations on one logical partition, one LSN, all or nothing.

Guarantee: a failed batch changes nothing; its answer names the failing operation and marks every
other 424.
"""

from dataclasses import dataclass

import msgspec

from emulators.cosmos import charges, documents
from emulators.cosmos.catalogue import Container
from emulators.cosmos.errors import Refused, unsupported
from emulators.cosmos.history import History
from emulators.cosmos.items import Conditions, Outcome, Writes
from emulators.cosmos.partition_keys import Key
from emulators.cosmos.storage import Storage

OPERATIONS_MAX = 100
BATCH_BYTES_MAX = 2 * 1024 * 1024


class _Operation(msgspec.Struct, rename="camel"):
    operation_type: str
    id: str | None = None
    resource_body: msgspec.Raw = msgspec.Raw()
    if_match: str | None = None
    if_none_match: str | None = None


_operations = msgspec.json.Decoder(list[_Operation])


@dataclass(frozen=True, slots=True)
class BatchResult:
    """`body` is the JSON answer; `lsn` the partition's LSN afterwards."""

    status: int
    body: bytes
    charge: float
    partition_id: str
    session_token: str
    lsn: int


class _OperationFailedError(Exception):
    """Carries the failing operation out of the transaction, which rolls back."""

    def __init__(self, index: int, refused: Refused) -> None:
        super().__init__(refused.sentence)
        self.index = index
        self.refused = refused


def execute(
    storage: Storage,
    history: History,
    container: Container,
    key: Key,
    body: bytes,
    now: float,
    *,
    minimal: bool,
) -> BatchResult:
    """Applies a batch. Refused for what makes the whole request invalid; else 200 or 207."""
    operations = _parse(body)
    try:
        with storage.transaction() as connection:
            writes = Writes(connection, history, container, key, now)
            outcomes = [
                _apply(writes, container, index, operation)
                for index, operation in enumerate(operations)
            ]
            writes.commit_lsn()
    except _OperationFailedError as failed:
        partition = writes.partition
        return BatchResult(
            207,
            _failure(len(operations), failed),
            charges.FAILED * len(operations),
            partition.id,
            partition.session_token(),
            partition.lsn,
        )
    partition = writes.partition
    if writes.changed:
        partition.lsn = writes.lsn
    return BatchResult(
        200,
        b"[%b]" % b",".join(_result(outcome, minimal=minimal) for outcome in outcomes),
        sum(outcome.charge for outcome in outcomes),
        partition.id,
        partition.session_token(),
        partition.lsn,
    )


def _parse(body: bytes) -> list[_Operation]:
    if len(body) > BATCH_BYTES_MAX:
        raise Refused(413, f"The batch is larger than {BATCH_BYTES_MAX} bytes.")
    try:
        operations = _operations.decode(body)
    except msgspec.DecodeError as error:
        raise Refused(400, f"The batch is not a list of operations: {error}.") from None
    if not operations:
        raise Refused(400, "Batch request has no operations.")
    if len(operations) > OPERATIONS_MAX:
        raise Refused(400, "Batch request has more operations than what is supported.")
    if any(operation.operation_type == "Patch" for operation in operations):
        raise unsupported("patch operations")
    return operations


def _apply(writes: Writes, container: Container, index: int, operation: _Operation) -> Outcome:
    conditions = Conditions(operation.if_match, operation.if_none_match)
    try:
        match operation.operation_type:
            case "Create":
                return writes.create(documents.parse(operation.resource_body, container))
            case "Upsert":
                incoming = documents.parse(operation.resource_body, container)
                return writes.upsert(incoming, conditions)
            case "Replace":
                incoming = documents.parse(operation.resource_body, container)
                return writes.replace(operation.id or "", incoming, conditions)
            case "Delete":
                return writes.delete(operation.id or "", conditions)
            case "Read":
                return writes.read(operation.id or "")
            case other:
                raise unsupported(f"the batch operation {other!r}")
    except Refused as refused:
        raise _OperationFailedError(index, refused) from None


def _result(outcome: Outcome, *, minimal: bool) -> bytes:
    head = b'{"statusCode":%d,"requestCharge":%.2f' % (outcome.status, outcome.charge)
    if outcome.etag is None:
        return head + b"}"
    head += b',"eTag":"\\"%b\\""' % outcome.etag.encode()
    if minimal and outcome.status != 200:
        return head + b"}"
    return b'%b,"resourceBody":%b}' % (head, outcome.document)


def _failure(count: int, failed: _OperationFailedError) -> bytes:
    results: list[dict[str, object]] = [
        {"statusCode": 424, "requestCharge": charges.FAILED} for _ in range(count)
    ]
    results[failed.index] = {
        "statusCode": failed.refused.status,
        "subStatusCode": failed.refused.substatus,
        "requestCharge": charges.FAILED,
        "message": failed.refused.sentence,
    }
    return msgspec.json.encode(results)
