"""Documents that are counted and not in their source: named, and taken back if asked."""

import itertools
import time
from typing import Any

import msgspec
import pytest

import cosmos_views.upkeep.reconcile.gone
from tests.reconcile.test_reconcile import _travel, reconcile
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    SESSIONS,
    SOURCES,
    Ground,
    assert_views_are_true,
    deliver,
    deliver_all,
    publish_until_done,
)
from tests.worker.stories import incident, interaction, session


@pytest.fixture
def counted(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """Documents of every partition key value, counted and published."""
    monkeypatch.setattr(cosmos_views.upkeep.reconcile.gone, "PAUSE_SECONDS", 0.0)
    absent: Any = ...
    users = {"ada": "ada", "nobody": "", "null": None, "absent": absent, "other": "bob"}
    ground.write(
        INTERACTIONS, *[interaction(f"of {name}", user_id=one) for name, one in users.items()]
    )
    ground.write(INTERACTIONS, interaction("a/b%2F", user_id="ada") | {"id": "a%2Fb"})
    ground.write(SESSIONS, session("s"))
    ground.write(INCIDENTS, incident("i", interaction_id="of ada"))
    worker = ground.worker()
    deliver_all(worker, {source: ground.feed(source) for source in SOURCES})
    publish_until_done(ground, worker)
    return ground


def test_what_stands_is_not_gone_under_whatever_key_and_id(
    counted: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = reconcile(counted, capsys, "--full")
    assert (code, result["gone"], result["differences"]) == (0, 0, [])


def test_a_document_that_was_deleted_outright_is_named_and_taken_back(
    counted: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    counted.container(INTERACTIONS).delete_item("of ada", "ada")
    counted.container(SESSIONS).delete_item("s", "ada")

    for _ in range(2):
        code, result = reconcile(counted, capsys, "--full")
        assert (code, result["gone"]) == (1, 2)
        assert {one["where"] for one in result["differences"]} == {
            "user_interactions/of ada",
            "user_sessions/s",
        }
    code, result = reconcile(counted, capsys, "--full", "--repair")
    assert (code, result["gone"]) == (1, 2)

    outcomes = {one["document"]: one["outcome"] for one in counted.state("e:")}
    assert (outcomes["of ada"], outcomes["s"], outcomes["of other"]) == (
        "deleted",
        "deleted",
        "counted",
    )
    assert_views_are_true(counted)
    code, result = reconcile(counted, capsys, "--full")
    assert (code, result["differences"]) == (0, [])


def test_what_never_stood_under_its_identity_is_gone(
    counted: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    (stored,) = [
        one
        for one in counted.write(INTERACTIONS, interaction("2026-11-25T12:00:00.000Z"))
        if one["id"].startswith("2026")
    ]
    deliver(counted.worker(), INTERACTIONS, [stored])
    other = {**stored, "id": "2026-11-25T12:00:00Z"}
    text = msgspec.json.encode([other]).decode()
    counted.worker().processors[INTERACTIONS].process(text, {}, as_stored=True)

    code, result = reconcile(counted, capsys, "--full", "--repair")

    assert [one["where"] for one in result["differences"] if one["path"] == "source"] == [
        "user_interactions/2026-11-25T12:00:00Z"
    ]
    assert code == 1
    assert_views_are_true(counted)


def test_a_document_that_has_expired_is_not_gone(
    counted: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(time.time())
    brief = interaction("brief", user_id="cy", ttl=7_200, timestamp=now)
    longer = session("longer", user_id="cy", ttl=200 * 86_400, start_time=now)
    for source, body in ((INTERACTIONS, brief), (SESSIONS, longer)):
        changes = [one for one in counted.write(source, body) if one["user_id"] == "cy"]
        deliver(counted.worker(), source, changes)
    publish_until_done(counted, counted.worker())

    for days in (1, 91):
        _travel(monkeypatch, days)
        code, result = reconcile(counted, capsys, "--full")
        assert (code, result["gone"], result["differences"]) == (0, 0, [])
    counted.container(SESSIONS).delete_item("longer", "cy")
    assert reconcile(counted, capsys, "--full")[1]["gone"] == 1


def test_a_document_of_a_container_whose_ttl_was_shortened_has_expired(
    counted: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = counted.client.get_database_client(counted.database)
    container = counted.container(SESSIONS)
    database.replace_container(container, container.read()["partitionKey"], default_ttl=86_400)
    _travel(monkeypatch, 2)

    assert reconcile(counted, capsys, "--full")[1]["gone"] == 0


def test_what_a_second_reading_finds_is_not_gone(
    counted: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted.container(INTERACTIONS).delete_item("of ada", "ada")
    missing = cosmos_views.upkeep.reconcile.gone.Gone._missing
    looks = itertools.count()

    def again(looking: cosmos_views.upkeep.reconcile.gone.Gone, entries: Any) -> Any:
        if next(looks) == 1:
            counted.container(INTERACTIONS).upsert_item(interaction("of ada"))
        return missing(looking, entries)

    monkeypatch.setattr(cosmos_views.upkeep.reconcile.gone.Gone, "_missing", again)

    assert reconcile(counted, capsys, "--full")[1]["gone"] == 0


def test_what_was_counted_just_now_is_not_looked_for(
    counted: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    counted.container(INTERACTIONS).delete_item("of ada", "ada")

    assert reconcile(counted, capsys, "--full", "--in-flight-seconds", "60")[1]["gone"] == 0
