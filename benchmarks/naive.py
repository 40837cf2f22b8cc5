"""The worker that the original design sketched, to compare with: no state, no ledger.

For each change it reads each view document that the change touches, adds to it, and writes it back.
It is cheaper than it could be and right only by luck: a repeated delivery counts twice, a later
version is not told from a first one, nothing is ever taken back, rankings and percentiles stay as
they are, and two workers overwrite each other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from cosmos_views.ledger.instants import WINDOW_SECONDS, day_label, month_label, window_label
from cosmos_views.store import catalogue
from pack import PACK
from processors.facts import AnyFact, IncidentFact, InteractionFact, SessionFact

MILLION = 1_000_000
DECIMALS = 4

Document = dict[str, Any]
Add = Callable[[Document], None]


@dataclass
class NaiveWorker:
    """Read, modify, write, view by view."""

    database: DatabaseProxy
    operations: int = 0
    request_units: float = 0.0
    containers: dict[str, ContainerProxy] = field(default_factory=dict)

    def apply(self, user: str | None, fact: AnyFact) -> None:
        """Add one change to every view it touches."""
        tier = "casual"
        for view, key, add in touched(user, fact):
            found = self._change(view, key, add)
            if view == "user_analytics":
                tier = found.get("user_profile", {}).get("user_tier", tier)
        if user is not None and not isinstance(fact, IncidentFact):
            month = month_label(fact.day)
            self._change("engagement_summary", f"{tier}:{month}", _count("sample_size"))

    def _change(self, view: str, key: str, add: Add) -> Document:
        container = self.containers.get(view)
        if container is None:
            container = self.containers[view] = self.database.get_container_client(view)
        document_id, partition = PACK.views[view].document_id(key), PACK.views[view].partition(key)
        try:
            document = dict(container.read_item(document_id, partition, response_hook=self._noted))
        except CosmosResourceNotFoundError:
            document = {"id": document_id, PACK.views[view].partition_key: partition}
        add(document)
        container.upsert_item(document, response_hook=self._noted)
        return document

    def _noted(self, headers: Any, _: object) -> None:
        self.operations += 1
        self.request_units += float(headers["x-ms-request-charge"])


def touched(user: str | None, fact: AnyFact) -> Iterator[tuple[str, str, Add]]:
    """(view, key, what to add) of one change; engagement_summary follows from the user's tier."""
    day, month = day_label(fact.day), month_label(fact.day)
    match fact:
        case InteractionFact():
            response = fact.response_ms
            yield (
                "daily_metrics",
                day,
                _mean("system_performance", "avg_response_time_ms", "total_requests", response),
            )
            yield "content_popularity", day, _count("data_points")
            yield "content_popularity", month, _count("data_points")
            yield (
                "system_health",
                window_label(fact.at_seconds // WINDOW_SECONDS),
                _mean("performance_metrics", "avg_response_time_ms", "requests", response),
            )
            for source in sorted({one.source for one in fact.citations}):
                yield "content_analytics", f"{month}:{source}", _count("sample_size")
            if user is not None:
                yield (
                    "user_analytics",
                    f"{month}:{user}",
                    _mean("cost", "total_cost_usd", "calls", fact.cost_nano_usd),
                )
        case SessionFact():
            yield (
                "daily_metrics",
                day,
                _mean(
                    "usage_statistics",
                    "avg_session_duration_min",
                    "total_sessions",
                    fact.duration_ms,
                ),
            )
            if user is not None:
                yield (
                    "user_analytics",
                    f"{month}:{user}",
                    _mean(
                        "session_metrics",
                        "avg_session_duration_min",
                        "total_sessions",
                        fact.duration_ms,
                    ),
                )
        case IncidentFact():
            yield (
                "daily_metrics",
                day,
                _mean("safety_metrics", "resolution_ms", "total_abuse_reports", fact.resolution_ms),
            )
            sources = sorted({source for source, _, _ in fact.cited}) or ["unattributed"]
            for source in sources:
                yield "incidents_by_content", f"{month}:{source}", _count("sample_size")


def views_copied(
    client: CosmosClient, of: DatabaseProxy, name: str, *, tuned: bool
) -> DatabaseProxy:
    """A database with a copy of every view document; indexed as the catalogue says, or, not tuned,
    as Cosmos DB does by default."""
    database = client.create_database(name)
    for view in catalogue.of(PACK).with_role(catalogue.Role.VIEW):
        container = database.create_container(
            view.name,
            PartitionKey(view.partition_key),
            indexing_policy=view.indexing_policy if tuned else None,
        )
        for document in of.get_container_client(view.name).query_items(
            "SELECT * FROM c", enable_cross_partition_query=True
        ):
            container.create_item(document)
    return database


def _count(name: str) -> Add:
    def add(document: Document) -> None:
        document[name] = (document.get(name) or 0) + 1

    return add


def _mean(part: str, mean: str, count: str, value: int | None) -> Add:
    """One more, and the mean over all moved towards it."""

    def add(document: Document) -> None:
        figures = document.setdefault(part, {})
        number = figures[count] = (figures.get(count) or 0) + 1
        if value is not None:
            before = figures.get(mean) or 0
            figures[mean] = round(before + (value - before) / number, DECIMALS)

    return add
