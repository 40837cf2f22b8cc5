"""Change feeds and the leases that triggers hold on them, as values."""

from dataclasses import dataclass
from typing import Any, NamedTuple

Document = dict[str, Any]


class FeedRange(NamedTuple):
    """A range of hashed partition keys, hexadecimal; the maximum is not part of it."""

    minimum: str
    maximum: str

    def covers(self, other: "FeedRange") -> bool:
        """Whether the other range lies within this one."""
        return self.minimum <= other.minimum and other.maximum <= self.maximum


WHOLE = FeedRange("", "FF")


class Split(Exception):
    """A range is no longer one physical range; nothing was read."""


class Page(NamedTuple):
    """Documents in the feed's order, and the position after them."""

    documents: list[Document]
    position: str | None
    session_lsn: int | None = None
    """The range's latest LSN at the time, where the answer told it."""


@dataclass(frozen=True)
class Lease:
    """Who reads a range of a source, and how far: a lease document of the platform."""

    id: str
    token: str
    feed_range: FeedRange
    owner: str | None
    position: str | None
    """The service's own mark; None before the first checkpoint."""
    renewed_at: int | None
    """When it was last written, in seconds since 1970."""
