"""The source containers, read document by document when only the source can tell."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from azure.cosmos import DatabaseProxy
from azure.cosmos.partition_key import NonePartitionKeyValue

from processors.documents import as_delivered
from store import metering
from store.failures import transient
from store.point_read import point_read


class SourceStore:
    """Point reads of source documents; reading is all the worker may do there."""

    def __init__(self, database: DatabaseProxy) -> None:
        self._database = database

    def read(self, container: str, document_id: str, partition_key: Any) -> bytes | None:
        """The JSON of the document as it is now; None when it is gone."""
        key = NonePartitionKeyValue if partition_key is msgspec.UNSET else partition_key
        document, _ = point_read(self._database.get_container_client(container), document_id, key)
        return None if document is None else as_delivered(document).encode()

    def count(self, container: str, partition_key: str) -> int:
        """How many documents stand under a partition key value. Raises Transient."""

        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(container, "query_items", headers)

        with transient(container, "query_items"):
            found = self._database.get_container_client(container).query_items(
                "SELECT VALUE COUNT(1) FROM c", partition_key=partition_key, response_hook=noted
            )
            numbers: list[int] = [int(cast("Any", one)) for one in found]
        return sum(numbers)
