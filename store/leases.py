"""The lease container, as the platform's change feed processor writes it. Read only.

A lease's id is `{prefix}{host}_{database rid}_{container rid}..{token}`; beside the leases lie
documents of other kinds, which have no `LeaseToken`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from azure.cosmos import ContainerProxy

from ledger.instants import SECOND_US, instant_us
from processors.cursors import FeedRange
from processors.lag import WHOLE, Lease
from store import metering
from store.failures import transient


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
                found[rid].append(_lease(document))
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


def _lease(document: Mapping[str, Any]) -> Lease:
    declared = (document.get("FeedRange") or {}).get("Range")
    timestamp = document.get("timestamp")
    return Lease(
        id=document["id"],
        token=str(document["LeaseToken"]),
        # Leases of old extensions name a physical range by its number only.
        feed_range=FeedRange(declared["min"], declared["max"]) if declared else WHOLE,
        owner=document.get("Owner") or None,
        position=document.get("ContinuationToken") or None,
        renewed_at=instant_us(timestamp) // SECOND_US if timestamp else None,
    )
