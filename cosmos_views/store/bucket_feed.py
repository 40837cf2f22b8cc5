"""A bucket, read through its change feed: every document once, then what changed meanwhile."""

from collections.abc import Iterator, Mapping
from typing import Any

from azure.cosmos import ContainerProxy

from cosmos_views.store import metering
from cosmos_views.store.failures import transient


class BucketFeed:
    """The documents of one bucket, in order of their last write. Deletions do not show."""

    def __init__(self, container: ContainerProxy, pk: str) -> None:
        self._container = container
        self._pk = pk
        self.position: str | None = None
        """Up to where the feed was read; None before the beginning."""

    def pages(self) -> Iterator[list[dict[str, Any]]]:
        """Pages from the position on, until nothing is left. Raises Transient."""

        answers: list[Mapping[str, str]] = []

        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(self._container.id, "query_change_feed", headers)
            answers[:] = [headers]

        with transient(self._container.id, "query_change_feed"):
            if self.position is None:
                feed = self._container.query_items_change_feed(
                    partition_key=self._pk, start_time="Beginning", response_hook=noted
                )
            else:
                feed = self._container.query_items_change_feed(
                    continuation=self.position, response_hook=noted
                )
            for page in feed.by_page():
                # Only now the SDK has put its continuation into the headers it has shown. What it
                # shows first is the service's own mark, which names no bucket.
                self.position = answers[0]["etag"]
                yield list(page)
        if answers:
            self.position = answers[0]["etag"]
