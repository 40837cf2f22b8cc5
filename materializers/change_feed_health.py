"""system_health, `metric_type` change_feed: how the worker itself fared, by the time it ran.

Best effort, and outside every comparison (views.md, section 4): counts live in memory until the
publisher's next run adds them to the document of their window, so a crash loses some of them, and
nothing else depends on them.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.instants import SECOND_US, WINDOW_SECONDS, iso, window_label
from materializers import histogram
from materializers.rendering import ratio
from materializers.system_health import VIEW

CHANGE_FEED = "change_feed"
LAG_SECONDS_MAX = histogram.RESPONSE_MS_MAX
"""Lags are kept in the same histogram as response times: exact to 100 s, then within 1 %."""

_LAGS = "lag_seconds_counts"


@dataclass
class Feed:
    """What the batches of one window came to."""

    changes_delivered: int = 0
    changes_counted: int = 0
    duplicates: int = 0
    corrections: int = 0
    dead_letters: int = 0
    request_charge: float = 0.0
    lags: Counter[int] = field(default_factory=Counter)
    """Histogram bucket of the lag in seconds → changes."""


@dataclass(frozen=True)
class DeadLetters:
    """The dead letters as they stood when a window was written, None where that is unknown."""

    pending: Mapping[str, int] | None = None
    """Category → letters that nobody has redriven or discarded yet."""
    oldest_age_seconds: int | None = None


class Health:
    """Counts of this worker not yet written, by window. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[int, Feed] = {}

    def note(
        self,
        now_seconds: int,
        *,
        delivered: int,
        counted: int,
        duplicates: int,
        corrections: int,
        dead_letters: int,
        request_charge: float,
        lags_seconds: Iterable[int],
    ) -> None:
        """Add one batch."""
        with self._lock:
            feed = self._windows.setdefault(now_seconds // WINDOW_SECONDS, Feed())
            feed.changes_delivered += delivered
            feed.changes_counted += counted
            feed.duplicates += duplicates
            feed.corrections += corrections
            feed.dead_letters += dead_letters
            feed.request_charge += request_charge
            feed.lags.update(
                histogram.bucket_of(min(max(lag, 0), LAG_SECONDS_MAX)) for lag in lags_seconds
            )

    def take(self) -> dict[int, Feed]:
        """What has come in since the last call."""
        with self._lock:
            taken, self._windows = self._windows, {}
        return taken

    def put_back(self, window: int, feed: Feed) -> None:
        """Return what could not be written."""
        with self._lock:
            kept = self._windows.setdefault(window, Feed())
            self._windows[window] = _sum(kept, feed)


def document_id(window: int) -> str:
    """Named by the window's end, as all of system_health."""
    end = window_label(window + 1)
    return f"system_health_{CHANGE_FEED}_{end[:8]}_{end[8:]}"


def rendered(
    window: int,
    feed: Feed,
    existing: Mapping[str, Any] | None,
    now_ms: int,
    dead_letters: DeadLetters | None = None,
) -> dict[str, Any]:
    """The window's document with a worker's counts added to what stands there."""
    waiting = dead_letters or DeadLetters()
    total = feed if existing is None else _sum(_read(existing), feed)
    lags = dict(sorted(total.lags.items()))
    return {
        "id": document_id(window),
        "metric_type": CHANGE_FEED,
        "document_type": VIEW.name,
        "timestamp": iso((window + 1) * WINDOW_SECONDS * SECOND_US),
        "time_window_minutes": WINDOW_SECONDS // 60,
        "changes_delivered": total.changes_delivered,
        "changes_counted": total.changes_counted,
        "duplicates": total.duplicates,
        "corrections": total.corrections,
        "dead_letters": total.dead_letters,
        "dead_letters_pending": waiting.pending,
        "oldest_dead_letter_age_seconds": waiting.oldest_age_seconds,
        "request_charge": round(total.request_charge, 2),
        "lag_seconds_max": histogram.reported_ms(max(lags)) if lags else None,
        "lag_seconds_p95": histogram.percentile_ms(lags, 95),
        "resource_health": {
            "function_error_rate": ratio(total.dead_letters, total.changes_delivered)
        },
        _LAGS: {str(bucket): count for bucket, count in lags.items()},
        "calculation_version": VIEW.calculation_version,
        "published_at": iso(now_ms * 1_000),
        "ttl": VIEW.ttl_seconds,
    }


def _read(document: Mapping[str, Any]) -> Feed:
    return Feed(
        changes_delivered=document["changes_delivered"],
        changes_counted=document["changes_counted"],
        duplicates=document["duplicates"],
        corrections=document["corrections"],
        dead_letters=document["dead_letters"],
        request_charge=document["request_charge"],
        lags=Counter({int(bucket): count for bucket, count in document[_LAGS].items()}),
    )


def _sum(left: Feed, right: Feed) -> Feed:
    return Feed(
        changes_delivered=left.changes_delivered + right.changes_delivered,
        changes_counted=left.changes_counted + right.changes_counted,
        duplicates=left.duplicates + right.duplicates,
        corrections=left.corrections + right.corrections,
        dead_letters=left.dead_letters + right.dead_letters,
        request_charge=left.request_charge + right.request_charge,
        lags=left.lags + right.lags,
    )
