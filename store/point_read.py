"""One point read, as all stores make it: a missing document is an answer, not a failure."""

from collections.abc import Mapping
from typing import Any

from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from store import metering
from store.failures import transient


def point_read(
    container: ContainerProxy,
    document_id: str,
    partition_key: Any,
    session_token: str | None = None,
) -> tuple[dict[str, Any] | None, Mapping[str, str]]:
    """(the document or None, the answer's headers). Raises Transient."""
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
