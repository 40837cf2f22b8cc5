"""What was archived comes back: as lines, or through the sources without being counted twice."""

import json
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from cosmos_views.cli.main import main
from cosmos_views.store.archive import CONTAINER
from tests.archive.copies import age, archived, archiver, run
from tests.audit.readers import DAY
from tests.worker.ground import (
    INTERACTIONS,
    SESSIONS,
    Document,
    Ground,
    deliver,
    publish_until_done,
)
from tests.worker.stories import interaction, on, session

PERIOD = ("--from", "2026-03-01", "--to", "2026-03-31")


def archive_command(ground: Ground, *arguments: str) -> int:
    account = ("--connection", ground.endpoint.connection_string, "--database", ground.database)
    return main(["archive", *arguments, *account])


def restored_lines(
    ground: Ground, capsys: pytest.CaptureFixture[str], *arguments: str
) -> list[Document]:
    capsys.readouterr()
    assert archive_command(ground, "restore", "--user", "ada", *arguments) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_users_documents_of_a_period_come_back_as_they_were_written(
    ground: Ground,
    blobs: BlobServiceClient,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    wanted = [interaction("a", text="नमस्ते"), interaction("b", timestamp=on(31))]
    ground.write(
        INTERACTIONS,
        *wanted,
        interaction("later", timestamp="2026-04-01T00:00:00Z"),
        interaction("other", user_id="bob"),
    )
    ground.write(SESSIONS, session("s"))
    age(ground)
    run(archiver(ground, blobs))

    assert restored_lines(ground, capsys, *PERIOD) == wanted
    assert restored_lines(ground, capsys, *PERIOD, "--only", SESSIONS) == []
    out = tmp_path / "ada.jsonl"
    assert archive_command(ground, "restore", "--user", "ada", *PERIOD, "--out", str(out)) == 0
    assert [json.loads(line) for line in out.read_text("utf-8").splitlines()] == wanted


def test_a_document_whose_event_moved_comes_back_once_in_its_newest_version(
    ground: Ground, blobs: BlobServiceClient, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in ({"timestamp": on(5)}, {"timestamp": on(25)}):
        ground.write(INTERACTIONS, interaction("a", **version))
        age(ground)
        run(archiver(ground, blobs))
    assert len(archived(blobs)) == 2

    assert restored_lines(ground, capsys, *PERIOD) == [interaction("a", timestamp=on(25))]
    assert restored_lines(ground, capsys, "--from", "2026-03-01", "--to", "2026-03-10") == []


def test_a_copy_that_was_tampered_with_is_reported_and_the_rest_comes_back(
    ground: Ground, blobs: BlobServiceClient, capsys: pytest.CaptureFixture[str]
) -> None:
    ground.write(INTERACTIONS, interaction("a"), interaction("b"))
    age(ground)
    run(archiver(ground, blobs))
    blob = blobs.get_blob_client(CONTAINER, "archived/user_interactions/2026/03/10/ada/a.json")
    found = blob.get_blob_properties()
    other = blobs.get_blob_client(CONTAINER, "archived/user_interactions/2026/03/10/ada/b.json")
    blob.upload_blob(
        other.download_blob(decompress=False).readall(),
        overwrite=True,
        metadata=found.metadata,
        tags=blob.get_blob_tags(),
    )
    capsys.readouterr()

    assert archive_command(ground, "restore", "--user", "ada", *PERIOD) == 1

    printed = capsys.readouterr()
    assert [json.loads(line)["id"] for line in printed.out.splitlines()] == ["b"]
    assert "ada/a.json does not have the SHA-256" in printed.err


@pytest.mark.parametrize("content", [b"garbage", b"", b"\x1f\x8b\x08\x00\x00\x00\x00\x00"])
def test_a_copy_that_cannot_be_read_is_reported_and_the_rest_comes_back(
    ground: Ground, blobs: BlobServiceClient, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    ground.write(INTERACTIONS, interaction("a"), interaction("b"))
    age(ground)
    run(archiver(ground, blobs))
    blob = blobs.get_blob_client(CONTAINER, "archived/user_interactions/2026/03/10/ada/a.json")
    metadata, tags = blob.get_blob_properties().metadata, blob.get_blob_tags()
    blob.upload_blob(content, overwrite=True, metadata=metadata, tags=tags)
    container = blobs.get_container_client(CONTAINER)
    container.upload_blob("archived/README.txt", b"not ours", tags=tags)
    capsys.readouterr()

    assert archive_command(ground, "restore", "--user", "ada", *PERIOD) == 1

    printed = capsys.readouterr()
    assert [json.loads(line)["id"] for line in printed.out.splitlines()] == ["b"]
    assert "ada/a.json" in printed.err


def test_a_place_where_no_file_can_be_is_refused(
    ground: Ground, blobs: BlobServiceClient, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for out in ("", ".", "/", str(tmp_path)):
        with pytest.raises(SystemExit) as refused:
            archive_command(ground, "restore", "--user", "ada", *PERIOD, "--out", out)
        assert refused.value.code == 2
    missing = str(tmp_path / "missing" / "ada.jsonl")
    assert archive_command(ground, "restore", "--user", "ada", *PERIOD, "--out", missing) == 2
    assert "cannot write" in capsys.readouterr().err.lower()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def expired(ground: Ground, blobs: BlobServiceClient) -> Ground:
    """Sessions that were counted, archived, and have expired since; another is still there."""
    bodies = [session("s1"), session("s2", start_time=on(12)), session("s3", start_time=on(14))]
    worker = ground.worker()
    deliver(worker, SESSIONS, ground.write(SESSIONS, *bodies))
    publish_until_done(ground, worker)
    age(ground, SESSIONS)
    run(archiver(ground, blobs, SESSIONS))
    ground.later(35 * DAY)
    assert ground.documents(SESSIONS) == []
    return ground


def summary(ground: Ground, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    command = ("restore", "--user", "ada", *PERIOD, "--replay", "--json", *arguments)
    assert archive_command(ground, *command) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_replay_brings_documents_back_and_counts_them_no_second_time(
    expired: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    before = expired.views()
    expired.container(SESSIONS).upsert_item(session("s3", start_time=on(14), newer=True))

    done = summary(expired, capsys)

    assert (done["documents"], done["written"], done["present"]) == (3, 2, 1)
    assert {one["id"]: one.get("newer") for one in expired.documents(SESSIONS)} == {
        "s1": None,
        "s2": None,
        "s3": True,
    }
    worker = expired.worker()
    report = deliver(worker, SESSIONS, expired.feed(SESSIONS))
    publish_until_done(expired, worker)
    assert (report.counted, report.unchanged) == (3, 3)
    assert expired.views() == before


def test_what_the_ledger_has_forgotten_is_replayed_only_when_told_so(
    expired: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    expired.later(60 * DAY)

    assert summary(expired, capsys)["forgotten_by_the_ledger"] == 3
    assert expired.documents(SESSIONS) == []
    assert summary(expired, capsys, "--recount")["written"] == 3
    assert len(expired.documents(SESSIONS)) == 3


def test_status_and_dry_run_write_nothing(
    ground: Ground,
    blobs: BlobServiceClient,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ARCHIVE_AFTER_DAYS_INTERACTIONS", "0")
    ground.write(INTERACTIONS, interaction("a"), interaction("b", is_deleted=True))
    before = ground.etags()

    assert archive_command(ground, "--dry-run", "--json", "--source", INTERACTIONS) == 0
    [reading] = json.loads(capsys.readouterr().out)
    assert (reading["would_archive"], reading["skipped_deleted"]) == (1, 1)
    assert ground.etags() == before
    assert archived(blobs) == {}

    assert archive_command(ground, "--json") == 0
    capsys.readouterr()
    assert archive_command(ground, "--status", "--json", "--source", INTERACTIONS) == 0
    [status] = json.loads(capsys.readouterr().out)
    assert status["documents"] == 2
    assert status["days_at_risk"] == 0
    assert archive_command(ground, "--status") == 0
    assert "user_interactions" in capsys.readouterr().out


def test_without_a_blob_account_it_says_what_to_set(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLOB", raising=False)

    assert archive_command(ground) == 2

    assert "set BLOB__serviceUri" in capsys.readouterr().err
