"""kill -9 of an erasure at every boundary of Cosmos DB, and between the copies in Blob storage: the
same command goes on, nothing of the user is left, doubled or half done, and the receipt is whole.

Each kill meets the user anew: a populated store is erased, killed, and erased again.
`KILLS_AT=all` takes every boundary.
"""

from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient

from cosmos_views.store.erased import ErasedOwners
from cosmos_views.store.state import StateStore
from emulators.azurite import Azurite
from emulators.cosmos import Endpoint
from tests.archive.copies import archived, wired
from tests.erase.erasures import (
    KEY,
    REMOVED,
    USER,
    archive_all,
    assert_forgotten,
    connection,
    populate,
)
from tests.kills.gates import BlobGate, Moment
from tests.kills.processes import Command, chosen
from tests.worker.conftest import GroundMaker
from tests.worker.ground import UNBOUNDED, Ground


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(seed=23) as running:
        yield running


def erasure(ground: Ground, blob: str = "") -> Command:
    archive = () if blob else ("--no-archive",)
    arguments = ("--user", USER, "--settle-seconds", "0", *archive, *connection(ground))
    return Command(ground.endpoint, "erase", *UNBOUNDED, *arguments, environment={"BLOB": blob})


def test_an_erasure_killed_at_any_request_is_finished_by_the_next(
    endpoint: Endpoint, grounds: GroundMaker
) -> None:
    first = grounds(endpoint)
    populate(first)
    requests = erasure(first).requests()
    assert_forgotten(first)

    for number in chosen(requests, some=8):
        ground = grounds(endpoint)
        populate(ground)
        command = erasure(ground)
        assert command.kill_at(number)
        assert command.run() == 0, f"killed at request {number}"
        assert_forgotten(ground)
        record, _ = ErasedOwners(StateStore(ground.container("state"))).read(KEY)
        assert record is not None
        # Keys wait to be published only where a kill came between fold and clear.
        receipt = {**record.receipt, "waiting_view_keys": 0}
        assert receipt == {**REMOVED, "waiting_view_keys": 0}, f"killed at request {number}"
        ground.close()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_erasure_killed_at_any_blob_leaves_no_copy_after_the_next(
    endpoint: Endpoint,
    grounds: GroundMaker,
    azurite: Azurite,
    blobs: BlobServiceClient,
    moment: Moment,
) -> None:
    ground = grounds(endpoint)
    populate(ground)
    archive_all(ground, wired(ground, azurite.connection_string))
    copies = archived(blobs)
    with BlobGate(azurite, moment) as gate:
        command = erasure(ground, gate.connection_string)
        # Each kill leaves what it had not reached, so one user is enough for all of them.
        killed = 0
        while command.kill_at(4, gate):
            killed += 1
        assert killed >= 2

    assert_forgotten(ground, blobs)
    kept = {path for path in copies if "lovelace" not in path}
    assert kept == archived(blobs).keys()
    record, _ = ErasedOwners(StateStore(ground.container("state"))).read(KEY)
    assert record is not None
    assert record.receipt["archived_copies"] == len(copies) - len(kept)
