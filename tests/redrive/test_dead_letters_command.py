"""`python -m cosmos_views dead-letters`: what an operator sees and does."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cosmos_views.cli.main import main
from cosmos_views.intake.dead_letters import DeadLetter, Status
from cosmos_views.store.poison import PoisonStore, Selection
from tests.redrive.conftest import dies_of_a_defect, standing
from tests.worker.ground import (
    INTERACTIONS,
    SESSIONS,
    SOURCES,
    Ground,
    assert_views_are_true,
    deliver,
)
from tests.worker.stories import interaction, session

Command = Callable[..., tuple[int, Any]]
DAY_SECONDS = 86_400


@pytest.fixture
def command(ground: Ground, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `python -m cosmos_views dead-letters … --json`; (exit code, what it printed)."""
    account = ("--connection", ground.endpoint.connection_string, "--database", ground.database)

    def run(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main(["dead-letters", *arguments, *account, "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return run


@pytest.fixture
def ill(ground: Ground) -> Ground:
    """A defect gone since, a negative number, a session that ends before it began."""
    dies_of_a_defect(ground, interaction("defect"))
    worker = ground.worker()
    negative = interaction("negative", response_time_ms=-1)
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, negative))
    bad = session("backwards", duration_seconds=..., end_time="2026-03-09T00:00:00Z")
    deliver(worker, SESSIONS, ground.write(SESSIONS, bad))
    return ground


def ids(letters: list[dict[str, Any]]) -> set[str]:
    return {letter["document_id"] for letter in letters}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((), {"defect", "negative", "backwards"}),
        (("--category", "invalid"), {"negative", "backwards"}),
        (("--category", "invalid", "--source", "user_sessions"), {"backwards"}),
        (("--source", "abuse_incidents"), set()),
        (("--status", "redriven"), set()),
        (("--older-than", "0s"), {"defect", "negative", "backwards"}),
        (("--older-than", "1h"), set()),
        (("--limit", "1"), {"defect"}),
    ],
)
def test_list_shows_what_is_asked_for(
    ill: Ground, command: Command, filters: tuple[str, ...], expected: set[str]
) -> None:
    code, letters = command("list", *filters)

    assert (0, expected) == (code, ids(letters))


def test_show_prints_one_letter_in_full(ill: Ground, command: Command) -> None:
    _, letters = command("list", "--source", "user_sessions")

    code, letter = command("show", letters[0]["id"])

    assert (code, letter["document_id"], letter["path"]) == (0, "backwards", "end_time")
    assert command("show", "nothing") == (1, None)


def test_redrive_says_what_became_of_each_and_exits_1_while_some_fail(
    ill: Ground, command: Command
) -> None:
    code, result = command("redrive")

    assert code == 1
    assert (result["redriven"], result["superseded"], result["still_failing"]) == (1, 0, 2)
    assert {one["document_id"]: one["outcome"] for one in result["letters"]} == {
        "defect": "redriven",
        "negative": "still failing",
        "backwards": "still failing",
    }
    assert_views_are_true(ill)

    ill.later()
    ill.write(INTERACTIONS, interaction("negative"))
    code, result = command("redrive", "--source", "user_interactions")

    assert (
        code,
        {one["document_id"]: one["outcome"] for one in result["letters"]},
    ) == (0, {"negative": "superseded"})
    assert_views_are_true(ill)


def test_a_dry_run_changes_nothing(ill: Ground, command: Command) -> None:
    before = ill.etags(), ill.etags("poison_messages")

    assert (0, {"defect", "negative", "backwards"}) == _ids(command("redrive", "--dry-run"))
    assert (0, {"defect"}) == _ids(command("discard", "--category", "defect", "--dry-run"))

    assert before == (ill.etags(), ill.etags("poison_messages"))


def _ids(answer: tuple[int, Any]) -> tuple[int, set[str]]:
    return answer[0], ids(answer[1])


def test_what_is_discarded_stays_so_and_a_correction_counts_all_the_same(
    ill: Ground, command: Command
) -> None:
    code, result = command("discard", "--category", "invalid")

    assert (code, result["discarded"]) == (0, 2)
    assert standing(ill) == {"defect": "pending", "negative": "discarded", "backwards": "discarded"}
    assert (0, {"defect"}) == _ids(command("list"))
    # A rebuild, which delivers it anew, finds no other word than the operator's.
    for entry in ill.state("e:user_interactions"):
        ill.container("state").delete_item(entry["id"], entry["pk"])
    deliver(ill.worker(), INTERACTIONS, ill.feed(INTERACTIONS))
    assert standing(ill)["negative"] == "discarded"
    ill.later()
    deliver(ill.worker(), INTERACTIONS, ill.write(INTERACTIONS, interaction("negative")))
    assert_views_are_true(ill)


def test_no_letter_is_older_than_time(ill: Ground, command: Command) -> None:
    assert command("list", "--older-than", "999999999d") == (0, [])


def test_what_is_discarded_while_it_fails_again_stays_discarded(
    ill: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PoisonStore(ill.container("poison_messages"))
    letter = next(store.select(Selection(SOURCES)))
    again = msgspec.structs.replace(letter)
    read = store._read

    def discarded_meanwhile(one: DeadLetter) -> tuple[DeadLetter | None, str | None]:
        found = read(one)
        monkeypatch.undo()
        assert store.resolve(letter, Status.DISCARDED, "by hand", letter.first_failed_at)
        return found

    monkeypatch.setattr(store, "_read", discarded_meanwhile)
    store.write(again)

    (now,) = store.select(Selection(SOURCES, id=letter.id))
    assert (now.status, now.attempts) == (Status.DISCARDED, letter.attempts + 1)


def test_discarding_everything_has_to_be_said(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["dead-letters", "discard"])
    assert "--status" in capsys.readouterr().err


def test_status_counts_what_is_pending(
    ill: Ground, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command("redrive", "--category", "defect")
    account = ("--connection", ill.endpoint.connection_string, "--database", ill.database)

    main(["status", "--json", *account])

    letters = json.loads(capsys.readouterr().out)["dead_letters"]
    assert letters["pending_by_category"] == {"invalid": 2}
    assert 0 <= letters["oldest_pending_age_seconds"] < DAY_SECONDS


@pytest.mark.parametrize("action", ["list", "redrive", "discard"])
def test_the_tables_hold_no_text_of_a_user(
    ground: Ground, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    secret = interaction("a", response_time_ms=-1, user_query="xyzzy", topic="xyzzy")
    deliver(ground.worker(), INTERACTIONS, ground.write(INTERACTIONS, secret))
    account = ("--connection", ground.endpoint.connection_string, "--database", ground.database)

    main(["dead-letters", action, "--category", "invalid", *account])

    printed = capsys.readouterr()
    assert "xyzzy" not in printed.out + printed.err
    assert action == "discard" or "response_time_ms" in printed.out or "invalid" in printed.out
