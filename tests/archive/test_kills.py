"""kill -9 of an archive run at every boundary of Cosmos DB and Blob storage: the same command goes
on, every document has one whole copy, and a further run asks Blob storage nothing. `KILLS_AT=all`
takes every boundary.
"""

from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient

from cosmos_views.settings import archive_name
from cosmos_views.store.archive import CONTAINER
from emulators.azurite import Azurite
from emulators.cosmos import Endpoint
from pack import PACK
from tests.archive.copies import archived, archiver, run
from tests.kills.gates import BlobGate
from tests.kills.processes import Command, chosen
from tests.worker.conftest import GroundMaker
from tests.worker.ground import INTERACTIONS, SESSIONS, Ground
from tests.worker.stories import interaction, session

NOT_KEPT = ("_rid", "_self", "_attachments", "_lsn")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(seed=29) as running:
        yield running


def ready(
    grounds: GroundMaker, endpoint: Endpoint, blobs: BlobServiceClient, *, first: bool
) -> Ground:
    """Four documents have a copy, two of them have changed since; three have none, one is deleted;
    sessions were never read. With `first` nothing was, and there is no container of blobs."""
    for container in blobs.list_containers():
        blobs.delete_container(container.name)
    ground = grounds(endpoint)
    ground.write(INTERACTIONS, *(interaction(f"old-{one}", mark=1) for one in range(4)))
    if not first:
        reader = archiver(ground, blobs)
        reader.delay_seconds = 0
        run(reader)
    ground.write(INTERACTIONS, *(interaction(f"old-{one}", mark=2) for one in range(2)))
    ground.write(INTERACTIONS, *(interaction(f"new-{one}") for one in range(3)))
    ground.write(INTERACTIONS, interaction("gone", is_deleted=True))
    ground.write(SESSIONS, *(session(f"s-{one}") for one in range(2)))
    return ground


def archiving(ground: Ground, blob: str) -> Command:
    environment = {"BLOB": blob, **dict.fromkeys(map(archive_name, PACK.sources), "0")}
    account = ("--connection", ground.endpoint.connection_string, "--database", ground.database)
    return Command(ground.endpoint, "archive", *account, environment=environment)


def assert_archived(ground: Ground, blobs: BlobServiceClient) -> None:
    """One copy of each document, of its latest version, and nothing else, also nothing half."""
    expected = {
        one["id"]: one
        for source in (INTERACTIONS, SESSIONS)
        for one in ground.feed(source)
        if not one.get("is_deleted")
    }
    found = archived(blobs)
    container = blobs.get_container_client(CONTAINER)
    included = list(container.list_blobs(include=["metadata", "uncommittedblobs", "snapshots"]))
    assert sorted(expected) == sorted(one["id"] for one in found.values())
    assert sorted(found) == sorted(one.name for one in included)
    for blob in included:
        copy = found[blob.name]
        document = expected[copy["id"]]
        assert copy == {name: document[name] for name in document if name not in NOT_KEPT}
        version = {"etag": document["_etag"].strip('"'), "ts": str(document["_ts"])}
        assert version.items() <= blob.metadata.items(), blob.name
        assert str(document["_lsn"]) == blob.metadata["lsn"]


@pytest.mark.parametrize("first", [True, False], ids=["first", "again"])
@pytest.mark.parametrize("held", ["cosmos", "blob", "blob-answer"])
def test_an_archive_run_killed_at_any_request_is_finished_by_the_next(
    endpoint: Endpoint,
    grounds: GroundMaker,
    azurite: Azurite,
    blobs: BlobServiceClient,
    held: str,
    first: bool,
) -> None:
    with BlobGate(azurite, "after" if held == "blob-answer" else "before") as blob_gate:
        gate = None if held == "cosmos" else blob_gate
        unharmed = ready(grounds, endpoint, blobs, first=first)
        requests = archiving(unharmed, blob_gate.connection_string).requests(gate)
        assert_archived(unharmed, blobs)

        killed = 0
        for number in chosen(requests, some=3):
            ground = ready(grounds, endpoint, blobs, first=first)
            command = archiving(ground, blob_gate.connection_string)
            killed += command.kill_at(number, gate)
            assert command.run() == 0, f"killed at request {number}"
            assert_archived(ground, blobs)
            cursors = ground.etags()
            assert command.requests(blob_gate) == 0, f"killed at request {number}"
            assert cursors == ground.etags()
            ground.close()
        # Uploads that meet no container race to create it, sometimes with fewer requests.
        assert killed >= 1
