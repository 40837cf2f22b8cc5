"""The source containers, read document by document when only the source can tell."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, cast

import msgspec
from azure.cosmos import DatabaseProxy
from azure.cosmos.partition_key import NonePartitionKeyValue

from cosmos_views.intake.raw_json import as_text
from cosmos_views.source import Source
from cosmos_views.store import metering
from cosmos_views.store.failures import transient
from cosmos_views.store.point_read import point_read
from cosmos_views.store.queries import in_query

RIDS_PER_QUERY = 100


class SourceStore:
    """Source documents by id and by `_rid`; reading is all the worker may do there."""

    def __init__(self, database: DatabaseProxy) -> None:
        self._database = database

    def read(self, container: str, document_id: str, key: Sequence[Any]) -> bytes | None:
        """The JSON of the document with these parts of a partition key as it is now; None when it
        is gone."""
        parts = [NonePartitionKeyValue if one is msgspec.UNSET else one for one in key]
        document, _ = point_read(
            self._database.get_container_client(container),
            document_id,
            parts[0] if len(parts) == 1 else parts,
        )
        return None if document is None else as_text(document).encode()

    def by_rid(
        self, container: str, seconds: Mapping[str, int], since: int | None = None
    ) -> dict[str, bytes]:
        """By `_rid`, the JSON of those documents as they are now, among what was last written in
        one of these seconds (`_ts`), or from `since` on. Raises Transient.

        Of the two only `_ts` is sure to be indexed, so a query loads what was written in the
        seconds it names, in every physical partition, and no more, however far apart they lie.
        """
        found: dict[str, bytes] = {}
        pairs = iter(sorted(seconds.items(), key=lambda pair: pair[1]))
        while some := dict(islice(pairs, RIDS_PER_QUERY)):
            for document in self._by_rid(container, list(some), sorted({*some.values()}), since):
                found[document["_rid"]] = as_text(document).encode()
        return found

    def _by_rid(
        self, container: str, rids: Sequence[str], seconds: Sequence[int], since: int | None
    ) -> list[dict[str, Any]]:
        values: dict[str, Any] = {f"@r{place}": rid for place, rid in enumerate(rids)}
        asked = f"c._rid IN ({', '.join(values)})"
        names = {f"@t{place}": second for place, second in enumerate(seconds)}
        where = f"{asked} AND c._ts IN ({', '.join(names)})"
        values |= names
        if since is not None:
            where += f" OR {asked} AND c._ts >= @since"
            values["@since"] = since

        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(container, "query_items", headers)

        with transient(container, "query_items"):
            return list(
                self._database.get_container_client(container).query_items(
                    f"SELECT * FROM c WHERE {where}",  # noqa: S608 - names only
                    parameters=[{"name": name, "value": one} for name, one in values.items()],
                    enable_cross_partition_query=True,
                    response_hook=noted,
                )
            )

    def count(self, source: Source[Any], owner: str) -> int:
        """How many documents of a source stand under an owner. Raises Transient."""
        container, key = source.container, source.key
        owned = " OR ".join(f"{in_query(path)} = @owner" for path in source.owner)
        query = "SELECT VALUE COUNT(1) FROM c"
        if len(key) == 1 and key[0] in source.owner:
            where: dict[str, Any] = {"partition_key": owner}
        elif owned:
            query += f" WHERE {owned}"
            where = {
                "enable_cross_partition_query": True,
                "parameters": [{"name": "@owner", "value": owner}],
            }
        else:
            return 0

        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(container, "query_items", headers)

        with transient(container, "query_items"):
            found = self._database.get_container_client(container).query_items(
                query, response_hook=noted, **where
            )
            numbers: list[int] = [int(cast("Any", one)) for one in found]
        return sum(numbers)
