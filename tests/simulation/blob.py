"""A model of Blob storage, behind the surface of its SDK that `store/archive.py` uses."""

from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass
class Named:
    """What a listing shows, and what properties show."""

    name: str
    metadata: dict[str, str]
    etag: str


class Blobs:
    """A service with one container, which is its own client."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
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
        for name, blob in found.items():
            if blob.tags.get("user") == user:
                yield Named(name, blob.metadata, blob.etag)

    def new_etag(self) -> str:
        self._etags += 1
        return f"blob-{self._etags}"


class Blob:
    """A client of one blob."""

    def __init__(self, service: Blobs, name: str) -> None:
        self._service = service
        self._name = name

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
            known = service.stored.get(self._name)
            if known is not None and not overwrite:
                raise ResourceExistsError("simulated")
            if etag is not None and (known is None or known.etag != etag):
                raise ResourceModifiedError("simulated")
            service.stored[self._name] = Stored(content, metadata, tags or {}, service.new_etag())

        service.gate("blobs", "upload_blob", do, writes=True)

    def get_blob_properties(self) -> Named:
        def do() -> Named:
            known = self._service.stored.get(self._name)
            if known is None:
                raise ResourceNotFoundError("simulated")
            return Named(self._name, known.metadata, known.etag)

        return self._service.gate("blobs", "get_blob_properties", do, writes=False)

    def delete_blob(self, **_: Any) -> None:
        def do() -> None:
            if self._service.stored.pop(self._name, None) is None:
                raise ResourceNotFoundError("simulated")

        self._service.gate("blobs", "delete_blob", do, writes=True)
