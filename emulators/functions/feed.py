"""Reads the change feed of one container, range by range, through the real SDK.

A position is what the service calls a continuation: the quoted LSN of the last change read, as
the platform stores it in its leases. The SDK wraps it into a token of its own, which this module
composes for every read, because the SDK's token cannot be resumed after a datetime start, walks
into the children of a split by itself, and is taken from client-wide state that other threads
overwrite.

Guarantee: a page belongs wholly to the range it was asked for, and its continuation is the
service's own; a range that has been split raises `RangeSplit` and delivers nothing.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.cosmos import ContainerProxy

from emulators.functions.triggers import Start


@dataclass(frozen=True, slots=True, order=True)
class FeedRange:
    """Effective partition keys from `minimum` up to but excluding `maximum`."""

    minimum: str
    maximum: str

    @property
    def token(self) -> str:
        return f"{self.minimum}-{self.maximum}"

    def overlaps(self, other: "FeedRange") -> bool:
        return self.minimum < other.maximum and other.minimum < self.maximum

    def within(self, other: "FeedRange") -> bool:
        return other.minimum <= self.minimum and self.maximum <= other.maximum

    def as_sdk(self) -> dict[str, object]:
        return {
            "min": self.minimum,
            "max": self.maximum,
            "isMinInclusive": True,
            "isMaxInclusive": False,
        }


class RangeSplit(Exception):  # the outcome of a read, not a fault
    """The range lies in several physical partitions now: `children` cover it."""

    def __init__(self, children: list[FeedRange]) -> None:
        super().__init__(f"The range was split into {len(children)}.")
        self.children = children


@dataclass(frozen=True, slots=True)
class Page:
    """Empty `documents` mean the service answered 304: nothing new for now."""

    documents: list[dict[str, Any]]
    continuation: str
    session_lsn: int | None

    def lag_before(self) -> int:
        """Changes not yet read before this page, as Microsoft's estimator counts them."""
        return self._lag(int(self.documents[0]["_lsn"]) - 1) if self.documents else 0

    def lag_after(self) -> int:
        return self._lag(int(self.documents[-1]["_lsn"])) if self.documents else 0

    def _lag(self, read_lsn: int) -> int:
        return max(0, (self.session_lsn or read_lsn) - read_lsn)


class Feed:
    def __init__(self, container: ContainerProxy, container_rid: str) -> None:
        self._container = container
        self._rid = container_rid

    def ranges(self, refresh: bool = False) -> list[FeedRange]:
        """The physical ranges; from the SDK's routing cache unless refreshed."""
        listed = self._container.read_feed_ranges(force_refresh=refresh)
        return sorted(FeedRange(one["Range"]["min"], one["Range"]["max"]) for one in listed)

    def read(
        self, feed_range: FeedRange, continuation: str | None, start: Start, max_items: int | None
    ) -> Page:
        self._refuse_split(feed_range)
        answered: dict[str, str] = {}

        def hook(headers: Mapping[str, str], _body: object) -> None:
            # Copied at once: the SDK puts its own token in place of the etag afterwards.
            answered.update((name.lower(), value) for name, value in headers.items())

        pages = self._pages(feed_range, continuation, start, max_items, hook)
        documents = list(next(pages, iter(())))
        # A split during the read made the SDK answer from the first child alone.
        self._refuse_split(feed_range)
        return Page(documents, answered["etag"], _lsn(answered.get("x-ms-session-token", "")))

    def _pages(
        self,
        feed_range: FeedRange,
        continuation: str | None,
        start: Start,
        max_items: int | None,
        hook: Any,
    ) -> Iterator[Iterator[dict[str, Any]]]:
        options: dict[str, Any] = {"response_hook": hook}
        if max_items is not None:
            options["max_item_count"] = max_items
        if continuation is not None:
            options["continuation"] = self._sdk_token(feed_range, continuation)
        else:
            options["feed_range"] = {"Range": feed_range.as_sdk()}
            options["start_time"] = start if isinstance(start, datetime) else start.capitalize()
        return self._container.query_items_change_feed(**options).by_page()

    def _sdk_token(self, feed_range: FeedRange, continuation: str) -> str:
        token = {
            "v": "v2",
            "containerRid": self._rid,
            "mode": "LatestVersion",
            "startFrom": {"Type": "Beginning"},
            "continuation": {
                "v": "v2",
                "rid": self._rid,
                "continuation": [{"token": continuation, "range": feed_range.as_sdk()}],
                "Range": feed_range.as_sdk(),
            },
        }
        return base64.b64encode(json.dumps(token).encode()).decode()

    def _refuse_split(self, feed_range: FeedRange) -> None:
        physical = self.ranges()
        if any(feed_range.within(one) for one in physical):
            return
        raise RangeSplit(
            [
                FeedRange(
                    max(one.minimum, feed_range.minimum), min(one.maximum, feed_range.maximum)
                )
                for one in physical
                if one.overlaps(feed_range)
            ]
        )


def _lsn(session_token: str) -> int | None:
    """The LSN of `range:-1#57#…` or `range:57`."""
    parts = session_token.partition(":")[2].split(",")[0].split("#")
    text = parts[1] if len(parts) > 1 else parts[0]
    return int(text) if text.isdigit() else None
