"""The archive: copies of aged documents as blobs, in the container `archive`.

A copy is created only where there is none, and replaced only by a newer version, bound to the blob
that was looked at: so any number of writers, late and repeated, leave the newest version. A blob's
metadata says which version it holds (`etag`, `ts`, `lsn`) and the SHA-256 of its JSON; the index
tag `user` holds the owner's hash.
"""

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import (
    BlobClient,
    BlobServiceClient,
    ContentSettings,
    ExponentialRetry,
    StandardBlobTier,
)

from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.copies import REFUSED, ROOT, Copy, CopyFailed, CopyRefused
from cosmos_views.ledger.versions import Order, Version, order
from cosmos_views.settings import BlobConnection
from cosmos_views.store.transport import transport_settings

CONTAINER = "archive"
CONCURRENCY = 8
"""Uploads at a time."""
ATTEMPTS_MAX = 5
"""A copy that others write at the same time is looked at again this often."""

REFUSALS = frozenset({"BlobImmutableDueToPolicy", "BlobImmutableDueToLegalHold", "LeaseIdMissing"})
"""Error codes of the service that are about one blob, and stay."""
NEVER_OF_ONE_COPY = 400
"""Its name or its metadata is not acceptable."""

ARCHIVED, OVERWRITTEN, UNCHANGED, SUPERSEDED = "archived", "overwritten", "unchanged", "superseded"


class Damaged(Exception):
    """A copy does not hold what its metadata says."""


def connect(connection: BlobConnection, retries: int = 3) -> BlobServiceClient:
    """A client of the account. A key is for local work; in Azure the identity of the worker."""
    policy = ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=retries)
    settings: dict[str, Any] = {"retry_policy": policy, **transport_settings()}
    if connection.connection_string is not None:
        return BlobServiceClient.from_connection_string(connection.connection_string, **settings)
    # Imported only where it is used: it costs a cold start 0.1 s.
    from azure.identity import DefaultAzureCredential

    assert connection.service_uri is not None
    return BlobServiceClient(
        connection.service_uri,
        DefaultAzureCredential(managed_identity_client_id=connection.client_id),
        **settings,
    )


class ArchiveStore:
    """Writes, finds and reads copies."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._container = service.get_container_client(CONTAINER)

    def write(self, copies: Sequence[Copy]) -> list[str]:
        """Write what is new or newer, several at a time; how each copy ended. Raises Transient when
        one of them failed; others may have been written. One that is refused does not fail."""
        with ThreadPoolExecutor(CONCURRENCY, "archive") as pool:
            return list(pool.map(self._ended, copies))

    def paths_of_owner(self, key: str) -> Iterator[str]:
        """The names of all copies of an owner, in no particular order. Raises Transient.

        The service's index of tags follows writes within seconds or minutes.
        """
        with _transient("find_blobs_by_tags"):
            try:
                for found in self._container.find_blobs_by_tags(f"\"user\"='{key}'"):
                    yield str(found.name)
            except ResourceNotFoundError:
                return

    def paths(self) -> Iterator[str]:
        """The names of all copies. Raises Transient."""
        with _transient("list_blobs"):
            try:
                for found in self._container.list_blob_names(name_starts_with=f"{ROOT}/"):
                    yield str(found)
            except ResourceNotFoundError:
                return

    def delete(self, path: str) -> bool:
        """Whether there was such a copy. Raises CopyRefused, Transient."""
        with _transient("delete_blob", path):
            try:
                self._container.delete_blob(path, delete_snapshots="include")
            except ResourceNotFoundError:
                return False
        return True

    def version_of(self, path: str) -> Version | None:
        """The version that a copy holds; None where there is no copy. Raises Transient."""
        found = self._look(self._container.get_blob_client(path))
        return None if found is None else found[0]

    def read(self, path: str) -> bytes:
        """A copy's JSON. Raises Damaged, Transient."""
        blob = self._container.get_blob_client(path)
        with _transient("download_blob", path):
            stream = blob.download_blob(decompress=False)
            compressed = stream.readall()
        try:
            content = gzip.decompress(compressed)
        except (OSError, EOFError, zlib.error) as error:
            raise Damaged(f"the copy {path} is not gzip") from error
        if sha256(content).hexdigest() != stream.properties.metadata.get("sha256"):
            raise Damaged(f"the copy {path} does not have the SHA-256 of its metadata")
        return content

    def _ended(self, copy: Copy) -> str:
        try:
            return self._write(copy)
        except CopyRefused:
            return REFUSED

    def _write(self, copy: Copy) -> str:
        blob = self._container.get_blob_client(copy.path)
        for _ in range(ATTEMPTS_MAX):
            refused = None
            try:
                with _transient("upload_blob", copy.path):
                    try:
                        _upload(blob, copy, None)
                        return ARCHIVED
                    except ResourceExistsError:
                        pass
                    except ResourceNotFoundError:
                        self._create_container()
                        continue
            except CopyRefused as error:  # perhaps the blob holds this version already
                refused = error
            found = self._look(blob)
            if found is None and refused is not None:
                raise refused
            if found is None:
                continue
            held, etag = found
            if held.ts is None:
                raise CopyRefused("a blob that is no copy has the name of one", copy.path)
            match order(_plain(copy.version), held):
                case Order.DUPLICATE:
                    return UNCHANGED
                case Order.DOUBTFUL:
                    # Aged versions of one second are read only when the second is long over, so
                    # the feed shows the last of them; whatever is no newer was delivered late.
                    return SUPERSEDED
            with _transient("upload_blob", copy.path):
                try:
                    _upload(blob, copy, etag)
                    return OVERWRITTEN
                except (ResourceModifiedError, ResourceNotFoundError):
                    continue
        raise Transient(f"a copy changed {ATTEMPTS_MAX} times while it was written")

    def _look(self, blob: BlobClient) -> tuple[Version, str] | None:
        """(the version a blob holds, the blob's own ETag); None where there is no blob."""
        with _transient("get_blob_properties", blob.blob_name):
            try:
                properties = blob.get_blob_properties()
            except ResourceNotFoundError:
                return None
        return _version(properties.metadata), properties.etag

    def _create_container(self) -> None:
        with suppress(ResourceExistsError):
            self._container.create_container()


def _upload(blob: BlobClient, copy: Copy, etag: str | None) -> None:
    version = _plain(copy.version)
    metadata = {"etag": version.etag, "ts": version.ts, "lsn": version.lsn, "sha256": copy.sha256}
    condition = (
        {"overwrite": False}
        if etag is None
        else {"overwrite": True, "etag": etag, "match_condition": MatchConditions.IfNotModified}
    )
    blob.upload_blob(
        copy.compressed,
        metadata={name: str(value) for name, value in metadata.items() if value is not None},
        tags={"user": copy.owner_key} if copy.owner_key else None,
        content_settings=ContentSettings("application/json", "gzip"),
        standard_blob_tier=StandardBlobTier.COLD,
        **condition,
    )


def _version(metadata: Mapping[str, str]) -> Version:
    return Version(metadata.get("etag"), _number(metadata.get("ts")), _number(metadata.get("lsn")))


def _number(text: str | None) -> int | None:
    """None also where somebody else has written what is not a number."""
    return int(text) if text and text.isascii() and text.isdigit() else None


def _plain(version: Version) -> Version:
    """Cosmos DB writes ETags in quotation marks, which headers are better without."""
    return version._replace(etag=None if version.etag is None else version.etag.strip('"'))


@contextmanager
def _transient(operation: str, path: str = "") -> Iterator[None]:
    """Turn every failure of a call into CopyFailed, naming the call; CopyRefused, where the service
    says that this one blob is the reason. Of everything else nothing is refused for good: an
    archive that cannot write must stand still, and say so."""
    try:
        yield
    except HttpResponseError as error:
        code = getattr(error, "error_code", None) or error.status_code
        code = getattr(code, "value", code)
        refused = code in REFUSALS or error.status_code == NEVER_OF_ONE_COPY
        failure = CopyRefused if refused else CopyFailed
        raise failure(f"{operation} on the archive failed with {code}", path) from error
    except AzureError as error:
        what = f"{operation} on the archive failed: {type(error).__name__}"
        raise CopyFailed(what, path) from error
