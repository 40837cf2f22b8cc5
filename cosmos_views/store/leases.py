"""The lease container, as the platform's change feed processor writes it. Read only.

A lease's id is `{prefix}{host}_{database rid}_{container rid}..{token}`; beside the leases lie
documents of other kinds, which have no `LeaseToken`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from azure.cosmos import ContainerProxy

from cosmos_views.ledger.feeds import WHOLE, FeedRange, Lease
from cosmos_views.ledger.foreign import of_form
from cosmos_views.store import metering
from cosmos_views.store.failures import transient


class _Range(msgspec.Struct):
    min: str
    max: str


class _FeedRange(msgspec.Struct):
    range: _Range | None = msgspec.field(name="Range", default=None)


class _Document(msgspec.Struct):
    """A lease as the platform stores it. When it was renewed the service says (`_ts`): `timestamp`,
    which the platform adds, has another text form in every library and version."""

    id: str
    token: str | int = msgspec.field(name="LeaseToken")
    written_at: int = msgspec.field(name="_ts")
    feed_range: _FeedRange | None = msgspec.field(name="FeedRange", default=None)
    owner: str | None = msgspec.field(name="Owner", default=None)
    position: str | None = msgspec.field(name="ContinuationToken", default=None)

    @property
    def lease(self) -> Lease:
        declared = self.feed_range and self.feed_range.range
        return Lease(
            id=self.id,
            token=str(self.token),
            # Leases of old extensions name a physical range by its number only.
            feed_range=FeedRange(declared.min, declared.max) if declared else WHOLE,
            owner=self.owner or None,
            position=self.position or None,
            renewed_at=self.written_at,
        )


class LeaseStore:
    """Reads leases."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    def by_container(self, rids: Iterable[str]) -> dict[str, list[Lease]]:
        """The leases of the containers with these resource ids, by id. One query over all leases.
        Raises Transient."""
        # Resource ids are base64, and no document id may hold a slash.
        found: dict[str, list[Lease]] = {rid: [] for rid in rids}
        by_ending = {f"_{rid.replace('/', '-')}": rid for rid in found}
        for document in self._all():
            head, dots, _ = document["id"].partition("..")
            rid = next((rid for ending, rid in by_ending.items() if head.endswith(ending)), None)
            if dots and rid is not None and "LeaseToken" in document:
                lease = of_form(document, _Document, self._container.id)
                if lease is not None:
                    found[rid].append(lease.lease)
        return {rid: sorted(leases, key=lambda one: one.id) for rid, leases in found.items()}

    def _all(self) -> list[dict[str, Any]]:
        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(self._container.id, "query_items", headers)

        with transient(self._container.id, "query_items"):
            return list(
                self._container.query_items(
                    "SELECT * FROM c", enable_cross_partition_query=True, response_hook=noted
                )
            )
