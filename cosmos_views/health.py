"""The worker's own health, `metric_type` change_feed: how it fared, by the time it ran.

Best effort, and outside every comparison (views.md, section 4). Each batch adds what it came to to
the document of its window as it stands, in the run that measured it, because a function's next run
may be another process (docs/decisions/0009-health-by-the-batch.md).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from cosmos_views.ledger.commits import Conflict
from cosmos_views.ledger.instants import SECOND_US, WINDOW_SECONDS, iso, window_label
from cosmos_views.pack import HealthPlace
from cosmos_views.publish import histogram
from cosmos_views.publish.rendering import ratio

CHANGE_FEED = "change_feed"
LAG_SECONDS_MAX = histogram.RESPONSE_MS_MAX
"""Lags are kept in the same histogram as response times: exact to 100 s, then within 1 %."""
WRITES_MAX = 5
"""A batch that loses so many races for its window's document is left out of it."""


class Batch(msgspec.Struct):
    """What one batch came to, or several of a window."""

    changes_delivered: int = 0
    changes_counted: int = 0
    duplicates: int = 0
    corrections: int = 0
    dead_letters: int = 0
    request_charge: float = 0.0
    lag_seconds_counts: dict[int, int] = {}  # msgspec copies the empty default
    """Histogram bucket of the lag in seconds → changes."""

    def __add__(self, other: "Batch") -> "Batch":
        lags = Counter(self.lag_seconds_counts) + Counter(other.lag_seconds_counts)
        return Batch(
            self.changes_delivered + other.changes_delivered,
            self.changes_counted + other.changes_counted,
            self.duplicates + other.duplicates,
            self.corrections + other.corrections,
            self.dead_letters + other.dead_letters,
            self.request_charge + other.request_charge,
            dict(sorted(lags.items())),
        )


class Views(Protocol):
    """The view containers."""

    def read(self, view: str, document_id: str, partition: str) -> dict[str, Any] | None:
        """The document as published, with its `_etag`."""

    def write(self, view: str, body: dict[str, Any], etag: str | None) -> None:
        """Create or replace just that version; Conflict when it is not as it was read."""


def lag_counts(lags_seconds: Iterable[int]) -> dict[int, int]:
    """Lags as `Batch` keeps them."""
    return Counter(histogram.bucket_of(min(max(lag, 0), LAG_SECONDS_MAX)) for lag in lags_seconds)


def add(views: Views, place: HealthPlace, batch: Batch, now_ms: int) -> None:
    """Add a batch to the document of the window it ended in. Raises Conflict where others write it
    all the time, or what the container answers."""
    window = now_ms // 1_000 // WINDOW_SECONDS
    for writes_left in reversed(range(WRITES_MAX)):
        existing = views.read(place.container, document_id(place, window), CHANGE_FEED)
        etag = None if existing is None else existing["_etag"]
        try:
            views.write(
                place.container, rendered(place, window, _read(existing) + batch, now_ms), etag
            )
        except Conflict:
            if not writes_left:
                raise
            continue
        return


def document_id(place: HealthPlace, window: int) -> str:
    """Named by the window's end."""
    end = window_label(window + 1)
    return f"{place.container}_{CHANGE_FEED}_{end[:8]}_{end[8:]}"


def is_health(place: HealthPlace, document: Mapping[str, Any]) -> bool:
    """Whether a document of the container is one of these."""
    prefix = f"{place.container}_{CHANGE_FEED}_"
    return document.get("metric_type") == CHANGE_FEED and str(document["id"]).startswith(prefix)


def rendered(place: HealthPlace, window: int, total: Batch, now_ms: int) -> dict[str, Any]:
    """The window's document."""
    lags = total.lag_seconds_counts
    return {
        "id": document_id(place, window),
        "metric_type": CHANGE_FEED,
        "document_type": place.container,
        "timestamp": iso((window + 1) * WINDOW_SECONDS * SECOND_US),
        "time_window_minutes": WINDOW_SECONDS // 60,
        **msgspec.to_builtins(total, str_keys=True),
        "request_charge": round(total.request_charge, 2),
        "lag_seconds_max": histogram.reported_ms(max(lags)) if lags else None,
        "lag_seconds_p95": histogram.percentile_ms(lags, 95),
        "resource_health": {
            "function_error_rate": ratio(total.dead_letters, total.changes_delivered)
        },
        "calculation_version": place.calculation_version,
        "published_at": iso(now_ms * 1_000),
        "ttl": place.ttl_seconds,
    }


def _read(document: Mapping[str, Any] | None) -> Batch:
    """What a window's document holds; one that somebody damaged begins anew."""
    try:
        return msgspec.convert(document or {}, Batch, strict=False)
    except msgspec.ValidationError:
        return Batch()
