"""An endpoint per story, whose clock stories move; one Azurite for all, emptied before each."""

from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient

from cosmos_views.settings import BlobConnection
from cosmos_views.store import archive
from emulators.azurite import Azurite, CannotInstall
from tests.audit.conftest import endpoint, ground, grounds

__all__ = ["endpoint", "ground", "grounds"]


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    try:
        running = Azurite()
    except CannotInstall as reason:
        pytest.skip(f"Azurite cannot be installed: {reason}")
    with running:
        yield running


@pytest.fixture
def blobs(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlobServiceClient]:
    """An empty Blob account, which BLOB names."""
    monkeypatch.setenv("BLOB", azurite.connection_string)
    with archive.connect(BlobConnection(azurite.connection_string), retries=0) as service:
        for container in service.list_containers():
            service.delete_container(container.name)
        yield service
