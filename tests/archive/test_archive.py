"""Aged documents become blobs: one per document, the newest version, whatever happens."""

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from itertools import count

import pytest
from azure.storage.blob import BlobServiceClient, StandardBlobTier

from cosmos_views import worker as wiring
from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.copies import Copy
from cosmos_views.ledger.instants import DAY_SECONDS
from cosmos_views.ledger.owners import owner_key
from cosmos_views.ledger.versions import Version
from cosmos_views.settings import BlobConnection, ConfigurationError, from_environment
from cosmos_views.store import archive
from cosmos_views.store.archive import CONTAINER, ArchiveStore
from emulators.azurite import Azurite
from emulators.cosmos import Endpoint
from pack import PACK
from tests.archive.copies import age, archived, archiver, done, etags, run, wired
from tests.audit.readers import Boundaries, Killed, allowance, at_endpoint_time
from tests.worker.ground import INCIDENTS, INTERACTIONS, SESSIONS, Document, Ground
from tests.worker.stories import incident, interaction, session

PATH = "archived/user_interactions/2026/03/10/ada/a.json"


def test_a_copy_is_named_by_its_event_and_says_which_version_it_holds(
    ground: Ground, blobs: BlobServiceClient
) -> None:
    [stored] = ground.write(INTERACTIONS, interaction("a", user_query="कर्म क्या है?"))
    reader = archiver(ground, blobs)
    assert run(reader).documents == 0
    age(ground)

    assert done(run(reader)) == {"archived": 1}

    blob = blobs.get_blob_client(CONTAINER, PATH)
    stream = blob.download_blob(decompress=False)
    content = gzip.decompress(stream.readall())
    document = json.loads(content)
    assert document == {
        name: value
        for name, value in stored.items()
        if name not in ("_rid", "_self", "_attachments", "_lsn")
    }
    assert "कर्म" in content.decode()
    properties = blob.get_blob_properties()
    assert properties.blob_tier == StandardBlobTier.COLD
    assert properties.content_settings.content_type == "application/json"
    assert properties.content_settings.content_encoding == "gzip"
    assert properties.metadata == {
        "etag": stored["_etag"].strip('"'),
        "ts": str(stored["_ts"]),
        "lsn": str(stored["_lsn"]),
        "sha256": sha256(content).hexdigest(),
    }
    assert blob.get_blob_tags() == {"user": owner_key("ada")}


def test_every_source_is_archived_at_its_own_age(
    ground: Ground, blobs: BlobServiceClient, azurite: Azurite
) -> None:
    ground.write(INTERACTIONS, interaction("a"))
    ground.write(SESSIONS, session("s"))
    ground.write(INCIDENTS, incident("i"))
    worker = wired(ground, azurite.connection_string)
    at_endpoint_time(ground, worker.archives)
    names = []

    for days in (59, 2, 120, 550):
        ground.later(days * DAY_SECONDS)
        worker.archive()
        names.append([name.split("/")[1] for name in archived(blobs)])

    assert names == [
        [],
        ["user_sessions"],
        ["user_interactions", "user_sessions"],
        ["abuse_incidents", "user_interactions", "user_sessions"],
    ]


def test_the_same_version_again_is_no_write(ground: Ground, blobs: BlobServiceClient) -> None:
    ground.write(INTERACTIONS, *(interaction(f"d{number}") for number in range(20)))
    age(ground)
    run(archiver(ground, blobs))
    before = etags(blobs)
    reader = archiver(ground, blobs)
    for held in reader.cursors():
        ground.container("state").delete_item(held.cursor.id, held.cursor.pk)

    assert done(run(reader)) == {"unchanged": 20}

    assert etags(blobs) == before


def test_a_newer_version_takes_the_place_of_the_older(
    ground: Ground, blobs: BlobServiceClient
) -> None:
    reader = archiver(ground, blobs)
    ground.write(INTERACTIONS, interaction("a", mark=1), interaction("b"))
    age(ground)
    run(reader)
    ground.write(INTERACTIONS, interaction("a", mark=2))
    assert run(reader).documents == 0
    age(ground)

    assert done(run(reader)) == {"overwritten": 1}

    found = archived(blobs)
    assert len(found) == 2
    assert found[PATH]["mark"] == 2


@pytest.mark.parametrize(
    ("ts", "etag", "lsn", "ended"),
    [
        (5, "e5", 7, "unchanged"),
        (5, "e5", 9, "unchanged"),
        (5, "other", 8, "overwritten"),
        (5, "other", 7, "superseded"),
        (5, "other", None, "superseded"),
        (6, "other", 1, "overwritten"),
        (4, "other", 99, "superseded"),
    ],
)
def test_an_older_version_never_takes_the_place_of_a_newer(
    blobs: BlobServiceClient, ts: int, etag: str, lsn: int | None, ended: str
) -> None:
    store = ArchiveStore(blobs)
    assert store.write([Copy(PATH, b"{}", Version('"e5"', 5, 7), None)]) == ["archived"]

    assert store.write([Copy(PATH, b"[]", Version(f'"{etag}"', ts, lsn), None)]) == [ended]

    assert store.read(PATH) == (b"[]" if ended == "overwritten" else b"{}")


def test_writers_of_several_versions_at_once_leave_the_newest(blobs: BlobServiceClient) -> None:
    store = ArchiveStore(blobs)
    copies = [Copy(PATH, b"%d" % ts, Version(f"e{ts}", ts, 1), None) for ts in range(1, 7)]

    for _ in range(3):
        try:
            store.write(copies)
        except Transient:
            continue

    assert store.read(PATH) == b"6"


def test_soft_deleted_and_erased_documents_are_skipped(
    ground: Ground, blobs: BlobServiceClient
) -> None:
    ground.write(
        INTERACTIONS,
        interaction("kept"),
        interaction("deleted", is_deleted=True),
        interaction("deleted-too", deleted=True, document_type="weather_report"),
        interaction("erased", user_id="bob"),
    )
    age(ground)

    reading = run(archiver(ground, blobs, erased=lambda keys: keys & {owner_key("bob")}))

    assert done(reading) == {"archived": 1, "skipped_deleted": 2, "skipped_erased": 1}
    assert [name.split("/")[-1] for name in archived(blobs)] == ["kept.json"]


def test_what_stage_1_cannot_read_is_archived_too(ground: Ground, blobs: BlobServiceClient) -> None:
    odd = [
        interaction("no-kind", document_type="weather_report", timestamp=...),
        interaction("broken", response_time_ms={"not": "a number"}),
        interaction("nobody", user_id=..., timestamp="never"),
        interaction("number", user_id=42),
        interaction("null", user_id=None),
        interaction("empty", user_id=""),
        interaction("alias", user_id=..., userId="ada"),
        interaction("ü /?#\\ .. %2F".translate(str.maketrans("/?#\\", "____")), user_id="../a/b"),
    ]
    for body in odd:
        ground.container(INTERACTIONS).upsert_item(body)
    age(ground)

    assert done(run(archiver(ground, blobs))) == {"archived": len(odd)}

    found = archived(blobs)
    assert sorted(one["id"] for one in found.values()) == sorted(one["id"] for one in odd)
    users = {one["id"]: name.split("/")[5] for name, one in found.items()}
    assert users["nobody"] == "~anonymous"
    assert users["null"] == "~anonymous~null"
    assert users["empty"] == "~anonymous~empty"
    assert users["alias"] == "ada~absent"
    assert users["no-kind"] == "ada"


@pytest.mark.parametrize("takes_effect", [False, True], ids=["before", "after"])
def test_killed_at_any_boundary_nothing_is_lost_doubled_or_half_done(
    ground: Ground,
    blobs: BlobServiceClient,
    takes_effect: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Round n kills the run at its n-th call of feed, state or Blob storage."""
    written: dict[str, int] = {}
    for fatal in count(1):
        for number in range(2):
            ground.write(INTERACTIONS, interaction(f"{fatal}-{number}", mark=fatal))
            written[f"{fatal}-{number}"] = fatal
        if fatal > 1:
            ground.write(INTERACTIONS, interaction(f"{fatal - 1}-0", mark=fatal))
            written[f"{fatal - 1}-0"] = fatal
        age(ground)
        reader = archiver(ground, blobs)
        boundaries = Boundaries(fatal, takes_effect=takes_effect)
        reader.feed, reader.state = boundaries.around(reader.feed), boundaries.around(reader.state)
        with monkeypatch.context() as patch:
            for name in ("_upload", "_version"):
                patch.setattr(archive, name, boundaries.called(getattr(archive, name)))
            try:
                reader.run(allowance())
            except Killed:
                killed = True
            else:
                killed = False
        assert run(archiver(ground, blobs)).done["superseded"] == 0

        found = archived(blobs)
        assert {one["id"]: one["mark"] for one in found.values()} == written
        assert len(found) == len(written)
        if not killed:
            break
    assert fatal > 8, "ranges, cursors, page, blobs and the cursor's move"


def test_an_archive_that_cannot_be_written_stands_still_and_goes_on_later(
    ground: Ground, blobs: BlobServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.write(INTERACTIONS, *(interaction(f"d{number}") for number in range(5)))
    age(ground)
    with archive.connect(
        BlobConnection(
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;"
            "BlobEndpoint=http://127.0.0.1:9/a;"
        ),
        retries=0,
    ) as nowhere:
        reading = archiver(ground, nowhere).run(allowance())

    [failure] = reading.failures
    assert isinstance(failure, Transient)
    assert not reading.caught_up
    assert done(run(archiver(ground, blobs))) == {"archived": 5}


@pytest.mark.parametrize("endpoint", [3], indirect=True, ids=["three-ranges"])
def test_a_split_while_it_archives_leaves_nothing_out(
    endpoint: Endpoint, ground: Ground, blobs: BlobServiceClient
) -> None:
    bodies = [interaction(f"d{number}", user_id=f"u{number}") for number in range(150)]
    for body in bodies:
        ground.container(INTERACTIONS).upsert_item(body)
    age(ground)
    reader = archiver(ground, blobs)
    handle = reader.handle

    def splitting(documents: Sequence[Document]) -> Counter[str]:
        endpoint.split(ground.database, INTERACTIONS)
        return handle(documents)

    reader.handle = splitting

    reading = run(reader)

    assert reading.splits > 0
    assert len(archived(blobs)) == 150


def test_an_age_too_near_to_expiry_is_refused_at_start(ground: Ground) -> None:
    settings = from_environment(
        {**ground.app_settings(), "ARCHIVE_AFTER_DAYS_SESSIONS": "77"}, PACK.sources
    )

    with pytest.raises(ConfigurationError) as refused:
        wiring.build(PACK, ground.connect(), settings)

    assert str(refused.value) == (
        "ARCHIVE_AFTER_DAYS_SESSIONS is 77, but documents of user_sessions expire after 90 days: "
        "set it to 76 or less, so that 14 days are left to archive them"
    )
    for name in ("SESSIONS", "INTERACTIONS", "INCIDENTS"):
        most = {"SESSIONS": "76", "INTERACTIONS": "351", "INCIDENTS": "1081"}[name]
        wiring.build(
            PACK,
            ground.connect(),
            from_environment(
                {**ground.app_settings(), f"ARCHIVE_AFTER_DAYS_{name}": most}, PACK.sources
            ),
        )


def test_the_timer_archives_and_without_an_account_only_says_so(
    ground: Ground,
    blobs: BlobServiceClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("ARCHIVE_AFTER_DAYS_INTERACTIONS", "0")
    ground.write(INTERACTIONS, interaction("a"))

    with ground.host() as host:
        host.fire("archive")
    assert list(archived(blobs)) == [PATH]

    monkeypatch.delenv("BLOB")
    with ground.host() as host:
        host.fire("archive")
    assert "nothing is archived" in caplog.text
