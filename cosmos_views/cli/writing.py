"""Documents into the source containers, as their own writers put them there.

Documents of one partition key value are written in the order of the file, many in one request;
different values in parallel. A request that fails for outside reasons is repeated, which at worst
writes one more version of the same content.
"""

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError
from azure.cosmos import ContainerProxy, DatabaseProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from cosmos_views.cli.lines import Line, Problem

BATCH_DOCUMENTS_MAX = 100
BATCH_BYTES_MAX = 1_000_000
"""Half of what Cosmos DB takes in one request."""
ATTEMPTS_MAX = 8
PAUSE_SECONDS = 0.1
WORTH_REPEATING = frozenset({408, 410, 429, 449, 500, 503})


@dataclass(frozen=True, slots=True)
class Written:
    """A version that now stands in its source container."""

    line: Line
    etag: str
    ts: int


class Writer:
    """Writes documents with so many requests at a time."""

    def __init__(self, database: DatabaseProxy, concurrency: int) -> None:
        self._database = database
        self._pool = ThreadPoolExecutor(concurrency, "replay")

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def write(self, lines: Sequence[Line]) -> Iterator[Written | Problem]:
        """Write them all; what happened to each, in no particular order."""
        groups: dict[tuple[str, tuple[str, ...] | None, str], list[Line]] = defaultdict(list)
        for line in lines:
            key = line.change.key
            texts = key if all(isinstance(part, str) for part in key) else None
            groups[line.source, texts, "" if texts else line.document["id"]].append(line)
        tasks = [
            self._pool.submit(self._group, source, key, group)
            for (source, key, _), group in groups.items()
        ]
        for task in tasks:
            yield from task.result()

    def _group(
        self, source: str, key: tuple[str, ...] | None, lines: list[Line]
    ) -> list[Written | Problem]:
        container = self._database.get_container_client(source)
        results: list[Written | Problem] = []
        for batch in _batches(lines):
            if key is None:
                results += [_single(container, line) for line in batch]
            else:
                results += _together(container, key[0] if len(key) == 1 else list(key), batch)
        return results


def _batches(lines: list[Line]) -> Iterator[list[Line]]:
    """In order; no batch holds two versions of a document."""
    batch: list[Line] = []
    ids: set[str] = set()
    size = 0
    for line in lines:
        full = len(batch) >= BATCH_DOCUMENTS_MAX or size + line.size > BATCH_BYTES_MAX
        if batch and (full or line.document["id"] in ids):
            yield batch
            batch, ids, size = [], set(), 0
        batch.append(line)
        ids.add(line.document["id"])
        size += line.size
    if batch:
        yield batch


def _together(
    container: ContainerProxy, key: str | list[str], batch: list[Line]
) -> list[Written | Problem]:
    """One transactional batch, also for one document: the SDK refuses some ids in an upsert that
    the service takes in a batch, and the outcome must not depend on a document's neighbours."""
    reason = ""
    for attempt in range(ATTEMPTS_MAX):
        # Built anew: the SDK takes things out of the list it is given.
        operations: list[tuple[Any, ...]] = [("upsert", (line.document,)) for line in batch]
        try:
            answers = container.execute_item_batch(operations, key)
        except (CosmosBatchOperationError, CosmosHttpResponseError) as error:
            if error.status_code not in WORTH_REPEATING and len(batch) > 1:
                # One of them is refused, and the batch with it; alone, each gets its own answer.
                return [each for line in batch for each in _together(container, key, [line])]
            reason = f"Cosmos DB answers {error.status_code}"
            if error.status_code not in WORTH_REPEATING:
                break
        except AzureError as error:
            reason = type(error).__name__
        else:
            return [
                _written(line, answer["resourceBody"])
                for line, answer in zip(batch, answers, strict=True)
            ]
        _pause(attempt)
    return [Problem(line.place, f"cannot be written: {reason}") for line in batch]


def _single(container: ContainerProxy, line: Line) -> Written | Problem:
    reason = ""
    for attempt in range(ATTEMPTS_MAX):
        try:
            return _written(line, container.upsert_item(line.document))
        except CosmosHttpResponseError as error:
            reason = f"Cosmos DB answers {error.status_code}"
            if error.status_code not in WORTH_REPEATING:
                break
        except AzureError as error:
            reason = type(error).__name__
        except ValueError as error:
            # The SDK refuses some ids itself.
            return Problem(line.place, f"cannot be written: {error}")
        _pause(attempt)
    return Problem(line.place, f"cannot be written: {reason}")


def _written(line: Line, stored: Mapping[str, Any]) -> Written:
    return Written(line, stored["_etag"], stored["_ts"])


def _pause(attempt: int) -> None:
    time.sleep(PAUSE_SECONDS * 2**attempt * random.random())  # noqa: S311 - jitter, no secret
