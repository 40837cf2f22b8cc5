"""The state feed: a cheap look at whether a bucket has changed at all (304 = 1 request unit)."""

from collections.abc import Callable, Mapping
from typing import Any

from azure.core.paging import ItemPaged
from azure.cosmos import ContainerProxy

from cosmos_views.store import metering
from cosmos_views.store.failures import transient

_ETAG = "etag"
_Hook = Callable[[Mapping[str, str], object], None]


class StateFeed:
    """Positions in the change feed of single buckets."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    def position(self, pk: str) -> str:
        """Where the bucket's changes stand now. Raises Transient."""
        return self._look(
            lambda hook: self._container.query_items_change_feed(
                partition_key=pk, start_time="Now", max_item_count=1, response_hook=hook
            )
        )[1]

    def moved(self, pk: str, position: str) -> bool:  # noqa: ARG002 - the position names the bucket
        """Whether anything was written in the bucket after that position. Raises Transient."""
        return self._look(
            lambda hook: self._container.query_items_change_feed(
                continuation=position, max_item_count=1, response_hook=hook
            )
        )[0]

    def _look(self, feed: Callable[[_Hook], ItemPaged[dict[str, Any]]]) -> tuple[bool, str]:
        """(anything there, the position after it) of one page of one document."""
        answers: list[Mapping[str, str]] = []

        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(self._container.id, "query_change_feed", headers)
            answers[:] = [headers]

        with transient(self._container.id, "query_change_feed"):
            page = next(iter(feed(noted).by_page()), ())
            moved = any(True for _ in page)
        # Only now the SDK has put its continuation into the headers it has shown. What it shows
        # first is the service's own mark, which names no bucket.
        return moved, answers[0][_ETAG]
