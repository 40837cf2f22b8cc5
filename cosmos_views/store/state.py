"""The state container: entries, owners, journal, partials, heads, and the generation document."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from azure.core.exceptions import AzureError
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError

from cosmos_views.ledger.commits import (
    COMMIT_BYTES_MAX,
    CREATED_BYTES_MAX,
    OPERATIONS_MAX,
    Committed,
    Operation,
    TooLarge,
    Write,
    commit_bytes,
    encoded_bytes,
)
from cosmos_views.store import metering
from cosmos_views.store.failures import of_commit, transient
from cosmos_views.store.point_read import point_read

IDS_PER_QUERY = 400
_SESSION_TOKEN = "x-ms-session-token"  # noqa: S105 - the name of a header

Document = dict[str, Any]


class StateStore:
    """Reads and atomic commits, one bucket at a time."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container
        self._name = container.id

    def read(
        self, pk: str, ids: Collection[str], session_token: str | None = None
    ) -> tuple[dict[str, Document], str | None]:
        """(the documents that exist, by id; the session token of the last answer).

        One point read, or queries by id; at least as new as the session token given.
        """
        if len(ids) == 1:
            (document_id,) = ids
            found, headers = point_read(self._container, document_id, pk, session_token)
            token = headers.get(_SESSION_TOKEN)
            return ({} if found is None else {document_id: found}), token
        wanted = sorted(ids)
        documents: dict[str, Document] = {}
        for start in range(0, len(wanted), IDS_PER_QUERY):
            some = wanted[start : start + IDS_PER_QUERY]
            names = [f"@p{place}" for place in range(len(some))]
            found_some, session_token = self._query(
                pk,
                f"SELECT * FROM c WHERE c.id IN ({', '.join(names)})",  # noqa: S608 - names only
                dict(zip(names, some, strict=True)),
                session_token,
            )
            documents |= {document["id"]: document for document in found_some}
        return documents, session_token

    def read_range(
        self,
        pk: str,
        start: str,
        end: str,
        session_token: str | None = None,
        limit: int | None = None,
    ) -> list[Document]:
        """Documents with start <= id < end, in id order, at most `limit`."""
        return self._query(
            pk,
            "SELECT * FROM c WHERE c.id >= @start AND c.id < @end ORDER BY c.id",
            {"@start": start, "@end": end},
            session_token,
            limit,
        )[0]

    def ids(
        self, pk: str, start: str, end: str, limit: int, session_token: str | None = None
    ) -> list[str]:
        """Ids with start <= id < end, in id order, at most `limit`; at least as new as the session
        token given. Raises Transient."""
        found, _ = self._query(
            pk,
            "SELECT c.id FROM c WHERE c.id >= @start AND c.id < @end ORDER BY c.id",
            {"@start": start, "@end": end},
            session_token,
            limit,
        )
        return [document["id"] for document in found]

    def entries_of_owner(
        self, pk: str, key: str, session_token: str | None
    ) -> Iterator[list[Document]]:
        """Pages of an owner's entries: id, outcome and fact. No entry is indexed by its owner, so
        it reads all entries of the bucket. Raises Transient."""

        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(self._name, "query_items", headers)

        with transient(self._name, "query_items"):
            pages = self._container.query_items(
                "SELECT c.id, c.outcome, c.fact FROM c"
                ' WHERE c.id >= "e:" AND c.id < "e;" AND c["user"] = @owner',
                parameters=[{"name": "@owner", "value": key}],
                partition_key=pk,
                enable_scan_in_query=True,
                response_hook=noted,
                session_token=session_token,
            ).by_page()
            for page in pages:
                yield list(page)

    def commit(self, pk: str, operations: Sequence[Operation]) -> Committed:
        """Apply all operations or none. Raises CommitError or Transient."""
        ids = [operation.document_id for operation in operations]
        # Built anew for every attempt: the SDK takes the ETags out of the list it is given.
        batch = [_as_sdk(operation) for operation in operations]
        if len(batch) > OPERATIONS_MAX or _too_large(operations):
            raise TooLarge(f"a commit of {len(ids)} operations is too large")
        try:
            answers = self._container.execute_item_batch(batch, pk)
        except AzureError as error:
            if isinstance(error, CosmosHttpResponseError):
                metering.note(self._name, "execute_batch", error.headers or {})
            raise of_commit(error, ids) from error
        headers = answers.get_response_headers()
        metering.note(self._name, "execute_batch", headers)
        etags = {
            document_id: answer["eTag"]
            for document_id, answer in zip(ids, answers, strict=True)
            if answer.get("eTag")
        }
        return Committed(etags, headers.get(_SESSION_TOKEN))

    def _query(
        self,
        pk: str,
        query: str,
        parameters: Mapping[str, object],
        session_token: str | None,
        limit: int | None = None,
    ) -> tuple[list[Document], str | None]:
        documents: list[Document] = []
        token = session_token

        def noted(headers: Mapping[str, str], _: object) -> None:
            nonlocal token
            metering.note(self._name, "query_items", headers)
            token = headers.get(_SESSION_TOKEN, token)

        with transient(self._name, "query_items"):
            pages = self._container.query_items(
                query,
                parameters=[{"name": name, "value": value} for name, value in parameters.items()],
                partition_key=pk,
                max_item_count=limit if limit is not None else -1,
                response_hook=noted,
                session_token=session_token,
            ).by_page()
            for page in pages:
                documents.extend(page)
                if limit is not None and len(documents) >= limit:
                    break
        return documents[:limit], token


def _too_large(operations: Sequence[Operation]) -> bool:
    size = commit_bytes(operations)
    return size > COMMIT_BYTES_MAX or (
        size > CREATED_BYTES_MAX
        and any(
            encoded_bytes(one.body) > CREATED_BYTES_MAX
            for one in operations
            if isinstance(one, Write) and one.etag is None
        )
    )


def _as_sdk(operation: Operation) -> tuple[Any, ...]:
    if not isinstance(operation, Write):
        return "delete", (operation.document_id,)
    body = msgspec.to_builtins(operation.body, str_keys=True)
    if operation.etag is None:
        return "create", (body,)
    return "replace", (operation.document_id, body), {"if_match_etag": operation.etag}
