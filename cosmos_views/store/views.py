"""The view containers."""

from collections.abc import Iterator, Mapping
from typing import Any

from azure.core import MatchConditions
from azure.cosmos import DatabaseProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from cosmos_views.ledger.commits import Conflict, Transient, Unacceptable
from cosmos_views.store import metering
from cosmos_views.store.failures import NEVER, transient
from cosmos_views.store.point_read import point_read

NEVER_OF_ONE_ID = NEVER | {401}
"""The gateway answers 401 to ids that it decodes (`%2F`). A credential that is no good fails at the
state before, without which nothing is parked."""


class ViewStore:
    """Point reads and conditional writes of view documents."""

    def __init__(self, database: DatabaseProxy) -> None:
        self._database = database

    def read(self, view: str, document_id: str, partition: str) -> dict[str, Any] | None:
        """The document as published, with its `_etag`; None when there is none. Raises
        Unacceptable, Transient."""
        container = self._database.get_container_client(view)
        try:
            return point_read(container, document_id, partition)[0]
        except Transient as failure:
            if getattr(failure.__cause__, "status_code", None) in NEVER_OF_ONE_ID:
                raise Unacceptable(str(failure)) from failure
            raise

    def stamps(self, view: str, partition_key: str) -> Iterator[list[dict[str, Any]]]:
        """Pages of all documents, each only with what names it, its stamp and whether it is a
        tombstone. Raises Transient."""

        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(view, "query_items", headers)

        with transient(view, "query_items"):
            pages = self._database.get_container_client(view).query_items(
                f'SELECT c.id, c.stamp, c["empty"], c.period_start, c["{partition_key}"] FROM c',  # noqa: S608
                enable_cross_partition_query=True,
                response_hook=noted,
            )
            for page in pages.by_page():
                yield list(page)

    def of_partition(self, view: str, partition: str) -> list[tuple[str, str, int | None]]:
        """(id, ETag, when it expires by its TTL) of every document, tombstones too, under a
        partition key value. Raises Transient."""

        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(view, "query_items", headers)

        with transient(view, "query_items"):
            found = self._database.get_container_client(view).query_items(
                "SELECT c.id, c._etag, c._ts, c.ttl FROM c",
                partition_key=partition,
                response_hook=noted,
            )
            return [
                (one["id"], one["_etag"], _expires_at_seconds(one["_ts"], one.get("ttl")))
                for one in found
            ]

    def delete(self, view: str, document_id: str, partition: str, etag: str) -> None:
        """Delete just that version; a document that is gone or has changed is left.
        Raises Transient."""

        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(view, "delete_item", headers)

        with transient(view, "delete_item"):
            try:
                self._database.get_container_client(view).delete_item(
                    document_id,
                    partition,
                    etag=etag,
                    match_condition=MatchConditions.IfNotModified,
                    response_hook=noted,
                )
            except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError) as error:
                metering.note(view, "delete_item", error.headers or {})

    def write(self, view: str, body: dict[str, Any], etag: str | None) -> None:
        """Create where `etag` is None, else replace just that version.

        Raises Conflict when the document is not as it was read, else Transient.
        """
        container = self._database.get_container_client(view)
        operation = "create_item" if etag is None else "replace_item"
        with transient(view, operation):
            try:
                if etag is None:
                    answer = container.create_item(body, no_response=True)
                else:
                    answer = container.replace_item(
                        body["id"],
                        body,
                        etag=etag,
                        match_condition=MatchConditions.IfNotModified,
                        no_response=True,
                    )
            except (
                CosmosAccessConditionFailedError,
                CosmosResourceExistsError,
                CosmosResourceNotFoundError,
            ) as error:
                metering.note(view, operation, error.headers or {})
                raise Conflict(body["id"]) from error
            except CosmosHttpResponseError as error:
                if error.status_code not in NEVER_OF_ONE_ID:
                    raise
                metering.note(view, operation, error.headers or {})
                raise Unacceptable(f"{operation} on {view}: {error.status_code}") from error
            metering.note(view, operation, answer.get_response_headers())


def _expires_at_seconds(ts: int, ttl: object) -> int | None:
    """None: never, or nobody can tell. The service takes -1 for never."""
    return ts + ttl if type(ttl) is int and ttl > 0 else None
