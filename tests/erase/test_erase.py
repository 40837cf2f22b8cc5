"""Erase: one user is forgotten everywhere, for ever, and all others count as before."""

import json
import time

import msgspec
import pytest
from azure.storage.blob import BlobServiceClient

from cosmos_views.cli.main import main
from cosmos_views.ledger.commits import Write
from cosmos_views.ledger.generations import Phase, advanced, begun
from cosmos_views.ledger.instants import iso
from cosmos_views.ledger.owners import hot_id
from cosmos_views.publish.fold import read_bucket
from cosmos_views.publish.parked import Parked, parked_id
from cosmos_views.store.generation import GenerationStore
from cosmos_views.store.poison import PoisonStore, Selection
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.redrive import RedriveOutcome
from cosmos_views.upkeep.trailing import run_all
from emulators.azurite import Azurite
from emulators.cosmos import Endpoint
from tests.archive.copies import archived, wired
from tests.audit.readers import auditor
from tests.erase.erasures import (
    KEY,
    REMOVED,
    USER,
    archive_all,
    assert_forgotten,
    connection,
    erase,
    populate,
)
from tests.rebuild.rebuilds import REBUILD
from tests.worker.conftest import GroundMaker
from tests.worker.ground import (
    DEFINITION,
    INTERACTIONS,
    SOURCES,
    UNBOUNDED,
    Ground,
    deliver,
    deliver_all,
)
from tests.worker.stories import interaction, on

COPIES = 12


def test_a_user_is_forgotten_and_all_others_count_as_before(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)

    ran = erase(ground, capsys)

    assert ran.code == 0
    assert ran.receipt["removed"] == REMOVED
    assert ran.receipt["owner"] == KEY
    assert ran.receipt["finished_at"]
    assert USER not in str(ran)
    assert ran.receipt["left_in_sources"] == {
        "user_interactions": 6,
        "user_sessions": 3,
        "abuse_incidents": 3,
    }
    assert_forgotten(ground)


def test_a_document_that_no_request_reaches_ends_by_its_ttl(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    """Earlier versions of the worker published under ids with `%2F`."""
    populate(ground)
    old = {"id": "user_analytics_a%2Fb_202603", "user_id": USER, "ttl": 86_400}
    ts = ground.container("user_analytics").create_item(old)["_ts"]

    ran = erase(ground, capsys)

    assert ran.code == 0
    assert ran.receipt["finished_at"]
    assert ran.receipt["ends_by_ttl"] == {"user_analytics": iso((ts + 86_400) * 1_000_000)}


def test_a_document_that_no_request_reaches_and_that_never_expires_is_left(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    old = {"id": "user_analytics_a%2Fb_202603", "user_id": USER, "ttl": -1}
    ground.container("user_analytics").create_item(old)

    ran = erase(ground, capsys)

    assert ran.code == 1
    assert ran.receipt["finished_at"] == ""


def test_a_parked_key_of_the_user_is_deleted(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its text names the user; the keys of others stay parked."""
    populate(ground)
    state = StateStore(ground.container("state"))
    pk = ground.state("h")[0]["pk"]
    bucket = read_bucket(state, pk)
    names = [f"user_analytics:202603:{user}" for user in (USER, "somebody else")]
    head = msgspec.structs.replace(bucket.head, parked=2)
    parked = [Parked(parked_id(name), pk, name, 3, 9_999_999_999) for name in names]
    state.commit(pk, [Write(head, "h", bucket.etag), *(Write(one, one.id, None) for one in parked)])

    assert erase(ground, capsys).code == 0
    assert [names[1]] == [one["key"] for one in ground.state("f:")]
    assert read_bucket(state, pk).head.parked == 1


def test_what_would_be_removed_is_told_without_removing_it(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    before = ground.etags()

    ran = erase(ground, capsys, "--dry-run")

    assert ran.code == 0
    assert ran.receipt["would_remove"] == REMOVED
    assert ran.receipt["removed"] == {}
    assert ground.etags() == before


def test_erasing_again_finds_nothing_and_prints_the_receipt(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    first = erase(ground, capsys).receipt

    again = erase(ground, capsys).receipt

    assert again["removed"] == again["removed_before"] == REMOVED
    assert again["erased_at"] == first["erased_at"]
    assert again["finished_at"] == first["finished_at"]
    assert again["passes"] == first["passes"] + 1


def test_somebody_nobody_knows_is_tombstoned_too(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    assert erase(ground, capsys).receipt["removed"] == {}

    populate(ground)

    assert_forgotten(ground)
    assert ground.letters(), "of the others"


def test_who_was_erased_is_listed_by_hash(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    erase(ground, capsys)

    assert main(["erase", "--list", "--json", *connection(ground)]) == 0

    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["owner"] == KEY


@pytest.mark.parametrize("buckets", [1, 4])
def test_changes_of_an_erased_user_are_ignored_however_they_come(
    endpoint: Endpoint, grounds: GroundMaker, capsys: pytest.CaptureFixture[str], buckets: int
) -> None:
    ground = grounds(endpoint, buckets=buckets)
    populate(ground)
    earlier = {source: ground.feed(source) for source in SOURCES}
    erase(ground, capsys)
    worker = ground.worker()
    ground.later()
    name = KEY[:6]
    fresh = ground.write(
        INTERACTIONS,
        interaction(f"late-{name}", user_id=USER, timestamp=on(10), response_time_ms=5),
        interaction("another", user_id=USER),
        interaction("broken", user_id=USER, response_time_ms="soon"),
    )

    report = deliver(worker, INTERACTIONS, fresh)
    of_user = sum(one.get("user_id") == USER for one in fresh)
    assert report.erased == report.ignored["erased"] == of_user
    deliver_all(worker, earlier)
    deliver_all(worker, {source: ground.feed(source) for source in SOURCES})

    assert_forgotten(ground)


def test_the_audit_repairs_nothing_of_an_erased_user(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    erase(ground, capsys)
    ground.later(2 * 3_600)

    readings = run_all(auditor(ground).audits, 1_000, 1e9, time.monotonic)

    assert sum(one.done["checked"] for one in readings) == len(ground.written())
    assert sum(one.done["repaired"] for one in readings) == 0
    assert_forgotten(ground)


@pytest.mark.parametrize("options", [(), ("--full",)])
def test_a_tombstone_is_no_difference(
    ground: Ground, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    populate(ground)
    erase(ground, capsys)

    code = main(["reconcile", "--json", *UNBOUNDED, *options, *connection(ground)])

    assert (code, json.loads(capsys.readouterr().out)["differences"]) == (0, [])
    assert_forgotten(ground)


def test_a_rebuild_does_not_bring_the_user_back(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    erase(ground, capsys)

    assert main([*REBUILD, *connection(ground)]) == 0

    ground.generation = 2
    assert_forgotten(ground)


def test_a_user_is_erased_from_the_generation_that_is_being_built_too(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    assert main([*REBUILD, "--compare", *connection(ground)]) == 0

    ran = erase(ground, capsys)

    assert ran.code == 0
    assert ran.receipt["removed"]["entries"] == 2 * REMOVED["entries"]
    assert main([*REBUILD, *connection(ground)]) == 0
    ground.generation = 2
    assert_forgotten(ground)


def test_while_a_rebuild_switches_the_rest_waits_and_the_tombstone_stands(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    generations = GenerationStore(ground.container("state"))
    held = generations.held()
    building = begun(held.generation, DEFINITION, 1, None, 0)
    generations.replace(held, advanced(building, Phase.CLOSING, 0))

    ran = erase(ground, capsys)

    assert ran.code == 1
    assert "a rebuild is closing: run the command again" in ran.errors
    tombstone = ground.container("state").read_item(hot_id(KEY), "2:0")
    assert tombstone["erased"], "what triggers count into the next generation is ignored too"
    assert deliver(ground.worker(), INTERACTIONS, ground.feed(INTERACTIONS)).erased == 6


def test_what_another_definition_has_counted_is_left_to_the_worker_that_knows_it(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    generations = GenerationStore(ground.container("state"))
    held = generations.held()
    building = begun(held.generation, "another", 1, None, 0)
    held = generations.replace(held, advanced(building, Phase.COUNTING, 0))
    entries = ground.state("e:")

    ran = erase(ground, capsys)

    assert ran.code == 1
    assert "another definition is under way: run the command again" in ran.errors
    assert entries == ground.state("e:")
    for pk in ("1:0", "2:0"):
        assert ground.container("state").read_item(hot_id(KEY), pk)["erased"]

    generations.replace(held, msgspec.structs.replace(held.generation, building=None))
    assert erase(ground, capsys).code == 0
    assert entries != ground.state("e:")


def test_a_user_without_an_id_is_refused(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        erase(ground, capsys, user="")
    assert refused.value.code == 2
    assert ground.documents("state") == [
        one for one in ground.documents("state") if one["pk"] == "generation"
    ]


def test_blobs_that_are_no_copies_are_passed_over(
    ground: Ground, blobs: BlobServiceClient, capsys: pytest.CaptureFixture[str]
) -> None:
    container = blobs.create_container("archive")
    container.upload_blob("archived/README.txt", b"not ours", tags={"user": KEY})
    ran = erase(ground, capsys, "--thorough")
    assert (ran.code, ran.receipt["archive_looked_at"]) == (0, True)


def test_a_redrive_deletes_the_letter_of_an_erased_user(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    poison = PoisonStore(ground.container("poison_messages"))
    (letter,) = [one for one in poison.select(Selection(SOURCES)) if one.user == KEY]
    erase(ground, capsys)
    poison.write(letter)  # by a worker that was killed beside the erasure

    redriven = ground.worker().redriver.redrive(letter, {"invocation_id": "test"})

    assert redriven.outcome is RedriveOutcome.ERASED
    assert_forgotten(ground)


def test_archived_copies_are_removed_and_none_comes_back(
    ground: Ground, blobs: BlobServiceClient, azurite: Azurite, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    worker = wired(ground, azurite.connection_string)
    archive_all(ground, worker)
    assert sum("lovelace" in path for path in archived(blobs)) == COPIES

    ran = erase(ground, capsys)

    assert ran.receipt["removed"]["archived_copies"] == COPIES
    assert_forgotten(ground, blobs)
    for cursor in ground.documents("state"):
        if cursor["pk"] == "cursors":
            ground.container("state").delete_item(cursor["id"], "cursors")
    archive_all(ground, worker)
    assert_forgotten(ground, blobs)
    period = ("--from", "2026-01-01", "--to", "2026-12-31")
    code = main(["archive", "restore", "--user", USER, *period, "--replay", *connection(ground)])
    assert code == 2
    assert "the owner was erased on" in capsys.readouterr().err.lower()


def test_a_copy_that_cannot_be_deleted_is_named_and_the_others_are_deleted(
    ground: Ground, blobs: BlobServiceClient, azurite: Azurite, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    archive_all(ground, wired(ground, azurite.connection_string))
    container = blobs.get_container_client("archive")
    held, *_ = sorted(path for path in archived(blobs) if "lovelace" in path)
    lease = container.get_blob_client(held).acquire_lease()

    ran = erase(ground, capsys)

    assert ran.code == 1
    assert f"archived copies: {held}: delete_blob on the archive failed" in ran.errors
    assert ran.receipt["removed"]["archived_copies"] == COPIES - 1
    assert ran.receipt["finished_at"] == ""
    assert [path for path in archived(blobs) if "lovelace" in path] == [held]

    lease.release()
    again = erase(ground, capsys)
    assert (again.code, again.receipt["removed"]["archived_copies"]) == (0, COPIES)
    assert again.receipt["finished_at"]
    assert_forgotten(ground, blobs)


def test_a_copy_without_a_tag_is_found_by_its_name(
    ground: Ground, blobs: BlobServiceClient, azurite: Azurite, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    archive_all(ground, wired(ground, azurite.connection_string))
    container = blobs.get_container_client("archive")
    for path in archived(blobs):
        container.get_blob_client(path).set_blob_tags({})

    assert "archived_copies" not in erase(ground, capsys).receipt["removed"]
    assert erase(ground, capsys, "--thorough").receipt["removed"]["archived_copies"] == COPIES
    assert_forgotten(ground, blobs)
