"""What is not ours in our containers is skipped, counted, and stops nothing."""

import json
import logging

import pytest

from cosmos_views.cli.main import main
from cosmos_views.ledger.owners import owner_key
from cosmos_views.store.erased import ERASED_PK, Erased, ErasedOwners
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.cursors import CURSORS_PK
from cosmos_views.upkeep.redrive import LETTERS_PER_SOURCE_MAX
from tests.redrive.conftest import dies_of_a_defect, standing
from tests.worker.ground import INTERACTIONS, Document, Ground, assert_views_are_true, deliver
from tests.worker.stories import interaction

SECRET = "words that nobody may see"
NOTE: Document = {"id": "note", "note": SECRET}
PENDING: Document = {**NOTE, "status": "pending", "first_failed_at": "2026-01-01T00:00:00Z"}
LETTERS: list[Document] = [
    NOTE,
    {**PENDING, "id": "no-category"},
    {**PENDING, "id": "category", "category": SECRET},
    {**PENDING, "id": "time", "category": "invalid", "first_failed_at": "yesterday"},
    {**PENDING, "id": "half", "category": "invalid", "version": {}, "partition_key": []},
]


def run(
    ground: Ground, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    account = ("--connection", ground.endpoint.connection_string, "--database", ground.database)
    capsys.readouterr()
    code = main([*arguments, *account])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def littered(ground: Ground) -> Ground:
    """One letter of ours, and five documents beside it that are not."""
    dies_of_a_defect(ground, interaction("ours"))
    for one in LETTERS:
        ground.container("poison_messages").upsert_item({**one, "source": INTERACTIONS})
    return ground


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("dead-letters", "list"), ("dead-letters", "redrive", "--dry-run")],
    ids=" ".join,
)
def test_commands_skip_notes_among_dead_letters(
    littered: Ground, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, out, errors = run(littered, capsys, *arguments)

    assert code == 0
    assert "defect" in out
    assert "Skipped in poison_messages: " in errors
    assert SECRET not in out + errors


def test_status_counts_only_dead_letters(
    littered: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, errors = run(littered, capsys, "status", "--json")

    found = json.loads(out)
    assert (code, found["dead_letters"]["total"]) == (0, 1)
    assert found["skipped"] == {"poison_messages": 5}
    assert "Skipped in poison_messages: 5 documents that are not of the worker's form." in errors


def test_the_timer_passes_over_notes(littered: Ground, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "worker")

    littered.worker().redrive({"invocation_id": "test"})

    assert standing(littered) == {"ours": "redriven"}
    lines = [json.loads(one.getMessage()) for one in caplog.records]
    (skipped,) = [one for one in lines if "documents skipped" in json.dumps(one)]
    assert skipped["containers"] == {"poison_messages": 4}
    assert SECRET not in json.dumps(lines)
    assert_views_are_true(littered)


def test_notes_that_fill_a_page_hide_no_letter(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cosmos_views.upkeep.redrive.LETTERS_PER_SOURCE_MAX", 3)
    assert LETTERS_PER_SOURCE_MAX > 3
    dies_of_a_defect(ground, *(interaction(f"ours-{number}") for number in range(5)))
    for number in range(7):
        note = {**PENDING, "id": f"0{number}", "source": INTERACTIONS}
        ground.container("poison_messages").upsert_item(note)
    worker = ground.worker()

    for _ in range(3):
        worker.redriver.run({"invocation_id": "test"})

    assert set(standing(ground).values()) == {"redriven"}


def test_a_damaged_letter_is_written_anew(ground: Ground) -> None:
    bad = interaction("bad", response_time_ms=-1)
    shown = ground.write(INTERACTIONS, bad)
    worker = ground.worker()
    deliver(worker, INTERACTIONS, shown)
    (letter,) = ground.letters()
    ground.container("poison_messages").upsert_item(
        {"id": letter["id"], "source": INTERACTIONS, "document_id": "bad"}
    )
    (entry,) = ground.state("e:")
    ground.container("state").delete_item(entry["id"], entry["pk"])

    deliver(worker, INTERACTIONS, shown)

    (again,) = ground.letters()
    assert (again["category"], again["status"]) == ("invalid", "pending")


def test_the_registry_skips_notes_and_keeps_whom_it_names(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user's document that somebody damaged still names the user."""
    state = ground.container("state")
    registry = ErasedOwners(StateStore(state))
    registry.write(Erased(owner_key("ada"), ERASED_PK, "2026-01-01T00:00:00Z"), None)
    state.upsert_item({"id": owner_key("bob"), "pk": ERASED_PK, "erased_at": 7})
    state.upsert_item({**NOTE, "pk": ERASED_PK})

    code, out, errors = run(ground, capsys, "erase", "--list", "--json")

    assert code == 0
    assert {one["owner"] for one in json.loads(out)} == {owner_key("ada"), owner_key("bob")}
    assert "Skipped in state: 2 documents" in errors
    code, out, errors = run(
        ground, capsys, *("erase", "--user", "bob", "--settle-seconds", "0", "--json")
    )
    assert json.loads(out)["erased_at"]
    erased, _ = registry.read(owner_key("bob"))
    assert erased is not None
    assert erased.finished_at


def test_show_passes_over_what_is_not_of_the_view(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a")))
    assert_views_are_true(ground, worker)
    ground.container("daily_metrics").upsert_item({**NOTE, "date": "2026-03-10"})
    ground.container("daily_metrics").upsert_item({"id": "daily_metrics_20260311", "date": "x"})

    code, out, errors = run(ground, capsys, "show", "daily_metrics")

    assert code == 0
    assert "2026-03-10" in out
    assert "Skipped in daily_metrics: 2 documents" in errors
    assert SECRET not in out + errors
    assert run(ground, capsys, "show", "daily_metrics", "daily_metrics_20260311")[0] == 1


def test_a_note_among_the_cursors_stops_no_audit(ground: Ground) -> None:
    worker = ground.worker()
    name = f"cursor:audit-1:{INTERACTIONS}:note"
    ground.container("state").upsert_item({**NOTE, "id": name, "pk": CURSORS_PK})

    worker.audit()
