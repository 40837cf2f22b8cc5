"""All views from scratch: read every document, then ask each section for its documents."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.oracle.content_analytics import content_analytics
from tests.oracle.content_popularity import content_popularity
from tests.oracle.daily_metrics import daily_metrics
from tests.oracle.documents import SourceDocument
from tests.oracle.engagement_summary import engagement_summary
from tests.oracle.incidents_by_content import incidents_by_content
from tests.oracle.pricing import PriceOverride, Prices
from tests.oracle.system_health import system_health
from tests.oracle.user_analytics import user_analytics
from tests.oracle.world import Outcome, World, add_document

Document = dict[str, Any]

VIEWS: Mapping[str, Callable[[World, int], Iterator[Document]]] = {
    "daily_metrics": daily_metrics,
    "content_popularity": content_popularity,
    "system_health": system_health,
    "engagement_summary": engagement_summary,
    "incidents_by_content": incidents_by_content,
    "user_analytics": user_analytics,
    "content_analytics": content_analytics,
}
OUTSIDE_COMPARISON = frozenset(
    {"published_at", "data_as_of", "generation", "stamp", "calculation_version"}
)
SYSTEM_PROPERTIES = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"})


def compute_views(
    documents: Iterable[SourceDocument],
    *,
    now_seconds: int,
    price_overrides: Sequence[PriceOverride] = (),
    views: Iterable[str] = tuple(VIEWS),
    prices: Prices | None = None,
) -> dict[str, dict[str, Document]]:
    """View name → document id → document, of the latest versions in `documents`.

    Only documents that exist (no tombstones) and whose period has begun at `now_seconds`. A test
    that computes often passes `prices`, which remembers what it was asked; `price_overrides` are
    then its own.
    """
    assert prices is None or not price_overrides, "prices carry their own overrides"
    prices = prices or Prices(price_overrides)
    world = World()
    for document in documents:
        add_document(world, document, prices)
    return {
        view: {document["id"]: document for document in VIEWS[view](world, now_seconds)}
        for view in views
    }


def classify(document: SourceDocument) -> Outcome:
    """What becomes of a version: counted, deleted, ignored, or (dead, path of the field)."""
    return add_document(World(), document, Prices())


def comparable(published: Mapping[str, Any]) -> Document:
    """A published document without what is outside every comparison."""
    document = {
        name: value
        for name, value in published.items()
        if name not in OUTSIDE_COMPARISON | SYSTEM_PROPERTIES
    }
    for alerts in ("alerts", "active_alerts"):
        if alerts in document:
            document[alerts] = [
                {name: value for name, value in alert.items() if name != "message"}
                for alert in document[alerts]
            ]
    return document
