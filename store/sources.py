"""The source containers, read document by document when only the source can tell."""

from typing import Any

import msgspec
from azure.cosmos import DatabaseProxy, NonePartitionKeyValue
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from store import metering
from store.failures import transient


class SourceStore:
    """Point reads of source documents; reading is all the worker may do there."""

    def __init__(self, database: DatabaseProxy) -> None:
        self._database = database

    def read(self, container: str, document_id: str, partition_key: Any) -> bytes | None:
        """The JSON of the document as it is now; None when it is gone."""
        key = NonePartitionKeyValue if partition_key is msgspec.UNSET else partition_key
        with transient(container, "read_item"):
            try:
                found = self._database.get_container_client(container).read_item(document_id, key)
            except CosmosResourceNotFoundError as error:
                if getattr(error, "sub_status", 0):
                    raise
                metering.note(container, "read_item", error.headers or {})
                return None
            metering.note(container, "read_item", found.get_response_headers())
            return msgspec.json.encode(dict(found))
