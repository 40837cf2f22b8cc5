"""Leases: who reads which feed range, and how far.

One document per range in the lease container (partition key `/id`), in the shape the platform's
change feed processor writes: `LeaseToken`, `FeedRange`, `Owner`, `ContinuationToken`,
`timestamp`.

Guarantee: every update carries If-Match. Whoever no longer owns a lease gets `LeaseLost` instead
of a write.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.core import MatchConditions
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from emulators.functions.feed import FeedRange

# The platform's own limit on conflicts with itself (a renewal beside a checkpoint).
_UPDATE_TRIES_MAX = 5


class LeaseLost(Exception):  # the platform's name for it
    """Another host owns the lease now, or it was deleted after a split."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One version of a lease document."""

    document: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def token(self) -> str:
        return str(self.document["LeaseToken"])

    @property
    def range(self) -> FeedRange:
        declared = self.document["FeedRange"]["Range"]
        return FeedRange(declared["min"], declared["max"])

    @property
    def owner(self) -> str | None:
        return self.document.get("Owner") or None

    @property
    def continuation(self) -> str | None:
        return self.document.get("ContinuationToken")

    @property
    def timestamp(self) -> datetime:
        return datetime.fromisoformat(self.document["timestamp"])


class LeaseStore:
    """The leases of one function, seen by one host."""

    def __init__(
        self,
        container: ContainerProxy,
        id_prefix: str,
        owner: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._container = container
        self._id_prefix = id_prefix
        self._clock = clock
        self.owner = owner

    def all(self) -> list[Lease]:
        found = self._container.query_items(
            "SELECT * FROM c WHERE STARTSWITH(c.id, @prefix)",
            parameters=[{"name": "@prefix", "value": f"{self._id_prefix}.."}],
            enable_cross_partition_query=True,
        )
        return sorted((Lease(document) for document in found), key=lambda lease: lease.token)

    def create(
        self, feed_range: FeedRange, continuation: str | None, owner: str | None
    ) -> Lease | None:
        """The new lease, or None where another host was first."""
        document = {
            "id": f"{self._id_prefix}..{feed_range.token}",
            "version": 1,
            "LeaseToken": feed_range.token,
            "FeedRange": {"Range": feed_range.as_sdk()},
            "Owner": owner,
            "ContinuationToken": continuation,
            "timestamp": self._clock().isoformat(),
            "properties": {},
        }
        try:
            return Lease(self._container.create_item(document))
        except CosmosResourceExistsError:
            return None

    def acquire(self, lease: Lease) -> Lease | None:
        """The lease as ours, or None where somebody has touched it since it was read."""
        try:
            return self._replace(lease, {"Owner": self.owner})
        except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError):
            return None

    def renew(self, lease: Lease) -> Lease:
        return self._update(lease, {})

    def checkpoint(self, lease: Lease, continuation: str) -> Lease:
        return self._update(lease, {"ContinuationToken": continuation})

    def release(self, lease: Lease) -> None:
        self._update(lease, {"Owner": None})

    def delete(self, lease: Lease) -> None:
        try:
            self._container.delete_item(
                lease.id,
                lease.id,
                etag=lease.document["_etag"],
                match_condition=MatchConditions.IfNotModified,
            )
        except CosmosResourceNotFoundError:
            return
        except CosmosAccessConditionFailedError as error:
            raise LeaseLost(lease.id) from error

    def _update(self, lease: Lease, changes: dict[str, object]) -> Lease:
        for _ in range(_UPDATE_TRIES_MAX):
            if lease.owner != self.owner:
                raise LeaseLost(lease.id)
            try:
                return self._replace(lease, changes)
            except CosmosResourceNotFoundError as error:
                raise LeaseLost(lease.id) from error
            except CosmosAccessConditionFailedError:
                lease = self._read(lease.id)
        raise LeaseLost(lease.id)

    def _read(self, lease_id: str) -> Lease:
        try:
            return Lease(self._container.read_item(lease_id, lease_id))
        except CosmosResourceNotFoundError as error:
            raise LeaseLost(lease_id) from error

    def _replace(self, lease: Lease, changes: dict[str, object]) -> Lease:
        document = {**lease.document, **changes, "timestamp": self._clock().isoformat()}
        return Lease(
            self._container.replace_item(
                lease.id,
                document,
                etag=lease.document["_etag"],
                match_condition=MatchConditions.IfNotModified,
            )
        )
