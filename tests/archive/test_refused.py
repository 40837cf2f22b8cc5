"""A copy that Blob storage refuses holds up no other, and is never forgotten."""

from random import Random
from typing import Any, cast

import pytest
from azure.storage.blob import BlobServiceClient

from cosmos_views.cli.main import main
from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.instants import DAY_SECONDS
from cosmos_views.store.archive import CONTAINER
from cosmos_views.upkeep.archive import refused
from cosmos_views.upkeep.archive.copies import Archiving
from cosmos_views.upkeep.archive.refused import RefusedCopy
from cosmos_views.upkeep.trailing import TrailingReader
from emulators.azurite import Azurite
from tests.archive.copies import age, archived, archiver, done, run, wired
from tests.audit.readers import allowance, at_endpoint_time
from tests.generators.pools import FIRST_WRITE
from tests.simulation.blob import Blobs
from tests.simulation.faults import Gate
from tests.simulation.scheduler import Scheduler
from tests.worker.ground import INTERACTIONS, Ground
from tests.worker.stories import interaction

PATH = "archived/user_interactions/2026/03/10/ada/a.json"
TTL_DAYS = 365


def leased(ground: Ground, blobs: BlobServiceClient) -> Any:
    """The copy of `a` is under a lease, and the document has a newer version."""
    ground.write(INTERACTIONS, interaction("a", mark=1))
    age(ground)
    run(archiver(ground, blobs))
    lease = blobs.get_blob_client(CONTAINER, PATH).acquire_lease()
    ground.write(INTERACTIONS, interaction("a", mark=2), interaction("b"))
    age(ground)
    return lease


def notes(reader: TrailingReader) -> list[RefusedCopy]:
    assert isinstance(reader.handle, Archiving)
    assert reader.handle.refused is not None
    return reader.handle.refused.noted()


def test_a_refused_copy_holds_up_no_other_and_is_written_once_it_can_be(
    ground: Ground, blobs: BlobServiceClient
) -> None:
    lease = leased(ground, blobs)
    reader = archiver(ground, blobs)

    assert done(run(reader)) == {"archived": 1, "refused": 1}
    assert done(run(reader)) == {"still_refused": 1}
    assert [one["id"] for one in archived(blobs).values()] == ["a", "b"]
    assert archived(blobs)[PATH]["mark"] == 1
    [note] = notes(reader)
    assert "ada" not in str(note)

    lease.release()
    assert done(run(reader)) == {"overwritten": 1}
    assert archived(blobs)[PATH]["mark"] == 2
    assert notes(reader) == []
    assert done(run(reader)) == {}


def test_an_immutable_copy_is_refused_whether_it_is_replaced_or_deleted(
    ground: Ground,
) -> None:
    blobs = Blobs(Gate(Scheduler(Random(0), FIRST_WRITE, 0.0), Random(0)), Random(0))
    ground.write(INTERACTIONS, interaction("a", mark=1))
    age(ground)
    gone: set[str] = set()
    reader = archiver(ground, cast("Any", blobs), erased=lambda keys: keys & gone)
    run(reader)
    blobs.stored[PATH].immutable = True
    [user] = [blobs.stored[PATH].tags["user"]]
    ground.write(INTERACTIONS, interaction("a", mark=2), interaction("b", user_id="bob"))
    age(ground)

    assert done(run(reader)) == {"archived": 1, "refused": 1}
    gone.add(user)
    assert done(run(reader)) == {"still_refused": 1}

    blobs.stored[PATH].immutable = False
    assert done(run(reader)) == {"skipped_erased": 1}
    assert PATH not in blobs.stored


def test_a_blob_of_somebody_else_under_the_name_of_a_copy_is_left_and_named(
    ground: Ground, blobs: BlobServiceClient
) -> None:
    container = blobs.create_container(CONTAINER)
    container.upload_blob(PATH, b"not ours", metadata={"ts": "never"})
    ground.write(INTERACTIONS, interaction("a"), interaction("b"))
    age(ground)

    assert done(run(archiver(ground, blobs))) == {"archived": 1, "refused": 1}

    assert container.download_blob(PATH).readall() == b"not ours"


def test_where_every_copy_of_a_page_is_refused_the_archive_stands_still(
    ground: Ground, blobs: BlobServiceClient
) -> None:
    leased(ground, blobs)
    blobs.get_container_client(CONTAINER).upload_blob(PATH.replace("a.json", "b.json"), b"")
    reader = archiver(ground, blobs)
    before = reader.cursors()

    reading = reader.run(allowance())

    [failure] = reading.failures
    assert isinstance(failure, Transient)
    assert before == reader.cursors()
    assert notes(reader) == []


def test_more_refused_copies_than_are_kept_stop_the_archive(
    ground: Ground, blobs: BlobServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "REFUSED_MAX", 0)
    leased(ground, blobs)
    reader = archiver(ground, blobs)

    [failure] = reader.run(allowance()).failures

    assert isinstance(failure, Transient)
    assert str(failure) == "more than 0 copies are refused"


@pytest.mark.parametrize(
    ("days", "ended"), [(0, "refused_gone"), (TTL_DAYS, "refused_expired")], ids=str
)
def test_what_ends_before_it_is_archived_is_counted(
    ground: Ground, blobs: BlobServiceClient, days: int, ended: str
) -> None:
    leased(ground, blobs)
    reader = archiver(ground, blobs)
    run(reader)
    if days:
        ground.later(days * DAY_SECONDS)
    else:
        ground.container(INTERACTIONS).delete_item("a", "ada")

    assert run(reader).done[ended] == 1

    assert notes(reader) == []


def test_a_version_written_anew_is_met_again_and_noted_anew(
    ground: Ground, blobs: BlobServiceClient
) -> None:
    leased(ground, blobs)
    reader = archiver(ground, blobs)
    run(reader)
    [first] = notes(reader)
    ground.write(INTERACTIONS, interaction("a", mark=3), interaction("c"))
    age(ground)

    assert done(run(reader)) == {"refused_gone": 1, "archived": 1, "refused": 1}

    [second] = notes(reader)
    assert (first.rid, first.ts) < (second.rid, second.ts)


def test_the_log_counts_refused_copies_and_the_status_names_them(
    ground: Ground,
    blobs: BlobServiceClient,
    azurite: Azurite,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    leased(ground, blobs)
    worker = wired(ground, azurite.connection_string)
    at_endpoint_time(ground, worker.archives)
    worker.archive()
    caplog.clear()

    worker.archive()

    assert "copies are refused" in caplog.text
    assert '"still_refused": 1' in caplog.text
    assert "ada" not in caplog.text
    options = ["--connection", ground.endpoint.connection_string, "--database", ground.database]
    capsys.readouterr()
    assert main(["archive", "--status", *options]) == 1
    assert f"user_interactions: refused is {PATH}; its document expires" in capsys.readouterr().err


def test_a_page_that_is_met_again_is_noted_once_and_what_is_there_is_not_refused(
    ground: Ground, blobs: BlobServiceClient
) -> None:
    leased(ground, blobs)
    reader = archiver(ground, blobs)
    run(reader)
    blobs.get_blob_client(CONTAINER, PATH.replace("a.json", "b.json")).acquire_lease()
    before = notes(reader)
    for held in reader.cursors():
        ground.container("state").delete_item(held.cursor.id, held.cursor.pk)

    assert done(run(reader)) == {"still_refused": 1, "unchanged": 1, "refused": 1}

    assert before == notes(reader)
