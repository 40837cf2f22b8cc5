"""One document by its id, as all stores read it: a missing document is an answer, not a failure."""

import re
from collections.abc import Mapping
from typing import Any

from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceNotFoundError
from azure.cosmos.partition_key import NullPartitionKeyValue

from cosmos_views.store import metering
from cosmos_views.store.failures import transient

_LOST_IN_A_PATH = re.compile(r"[/\\?#%\x00-\x1f\x7f-\x9f]|^\.{0,2}\Z|^\s|\s\Z")


def has_path(document_id: str) -> bool:
    """Whether the service finds a document of this id by its path.

    It does not where the id ends the path or is decoded once more on the way (`%2F` is answered
    401), names a directory, or holds what the SDK refuses.
    """
    return _LOST_IN_A_PATH.search(document_id) is None


def point_read(
    container: ContainerProxy,
    document_id: str,
    partition_key: Any,
    session_token: str | None = None,
) -> tuple[dict[str, Any] | None, Mapping[str, str]]:
    """(the document or None, the answer's headers); by a query within its partition where it has no
    path. Raises Transient."""
    if not has_path(document_id):
        return _queried(container, document_id, partition_key, session_token)
    with transient(container.id, "read_item"):
        try:
            found = container.read_item(document_id, partition_key, session_token=session_token)
        except CosmosResourceNotFoundError as error:
            # 404 with a sub-status says that this replica cannot answer yet (1002), not that the
            # document is gone.
            if getattr(error, "sub_status", 0):
                raise
            headers: Mapping[str, str] = error.headers or {}
            document = None
        else:
            headers = found.get_response_headers()
            document = dict(found)
    metering.note(container.id, "read_item", headers)
    return document, headers


def _queried(
    container: ContainerProxy, document_id: str, partition_key: Any, session_token: str | None
) -> tuple[dict[str, Any] | None, Mapping[str, str]]:
    answers: list[Mapping[str, str]] = [{}]

    def noted(headers: Mapping[str, str], _: object) -> None:
        metering.note(container.id, "query_items", headers)
        answers.append(headers)

    with transient(container.id, "query_items"):
        found = list(
            container.query_items(
                "SELECT * FROM c WHERE c.id = @id",
                parameters=[{"name": "@id", "value": document_id}],
                # None would ask all partitions.
                partition_key=NullPartitionKeyValue if partition_key is None else partition_key,
                session_token=session_token,
                response_hook=noted,
            )
        )
    return (dict(found[0]) if found else None), answers[-1]
