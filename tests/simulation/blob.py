"""A model of Blob storage, behind the surface of its SDK that `store/archive.py` uses."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from tests.simulation.faults import Gate


@dataclass
class Stored:
    """One blob."""

    content: bytes
    metadata: dict[str, str]
    tags: dict[str, str]
    etag: str
    indexed_at: float
    """When the index of tags has it."""
    immutable: bool = False
    """Under an immutability policy."""

    def check_mutable(self) -> None:
        """The service answers 409, which the SDK takes for a blob that exists."""
        if self.immutable:
            error = ResourceExistsError("simulated")
            error.error_code = "BlobImmutableDueToPolicy"  # type: ignore[attr-defined]
            raise error


@dataclass
class Named:
    """What a listing shows, and what properties show."""

    name: str
    metadata: dict[str, str]
    etag: str


TAG_SECONDS_MAX = 300
"""The index of tags follows writes within minutes."""


class Blobs:
    """A service with one container, which is its own client."""

    def __init__(self, gate: Gate, random: Random) -> None:
        self.gate = gate
        self.random = random
        self.stored: dict[str, Stored] = {}
        self.exists = False
        self._etags = 0

    def get_container_client(self, _name: str) -> "Blobs":
        return self

    def get_blob_client(self, name: str) -> "Blob":
        return Blob(self, name)

    def create_container(self) -> None:
        def do() -> None:
            if self.exists:
                raise ResourceExistsError("simulated")
            self.exists = True

        self.gate("blobs", "create_container", do, writes=True)

    def find_blobs_by_tags(self, expression: str) -> Iterator[Named]:
        user = expression.split("'")[1]
        found = self.gate("blobs", "find_blobs_by_tags", lambda: dict(self.stored), writes=False)
        now = self.gate.scheduler.now
        for name, blob in found.items():
            if blob.tags.get("user") == user and blob.indexed_at <= now:
                yield Named(name, blob.metadata, blob.etag)

    def list_blob_names(self, *, name_starts_with: str) -> Iterator[str]:
        found = self.gate("blobs", "list_blobs", lambda: list(self.stored), writes=False)
        return (name for name in found if name.startswith(name_starts_with))

    def delete_blob(self, name: str, *, delete_snapshots: str) -> None:
        assert delete_snapshots == "include"

        def do() -> None:
            if name not in self.stored:
                raise ResourceNotFoundError("simulated")
            self.stored[name].check_mutable()
            del self.stored[name]

        self.gate("blobs", "delete_blob", do, writes=True)

    def new_etag(self) -> str:
        self._etags += 1
        return f"blob-{self._etags}"


class Blob:
    """A client of one blob."""

    def __init__(self, service: Blobs, name: str) -> None:
        self._service = service
        self.blob_name = name

    def upload_blob(
        self,
        content: bytes,
        *,
        metadata: dict[str, str],
        tags: dict[str, str] | None,
        overwrite: bool,
        etag: str | None = None,
        **_: Any,
    ) -> None:
        service = self._service

        def do() -> None:
            if not service.exists:
                raise ResourceNotFoundError("simulated")
            known = service.stored.get(self.blob_name)
            if known is not None and not overwrite:
                raise ResourceExistsError("simulated")
            if etag is not None and (known is None or known.etag != etag):
                raise ResourceModifiedError("simulated")
            if known is not None:
                known.check_mutable()
            at = service.gate.scheduler.now + service.random.random() * TAG_SECONDS_MAX
            new = Stored(content, metadata, tags or {}, service.new_etag(), at)
            service.stored[self.blob_name] = new

        service.gate("blobs", "upload_blob", do, writes=True)

    def get_blob_properties(self) -> Named:
        def do() -> Named:
            known = self._service.stored.get(self.blob_name)
            if known is None:
                raise ResourceNotFoundError("simulated")
            return Named(self.blob_name, known.metadata, known.etag)

        return self._service.gate("blobs", "get_blob_properties", do, writes=False)
