"""`replay` feeds files to a running worker and says truly what became of every line."""

import json
from pathlib import Path
from typing import Any

from demo.bad_days import PRESETS, arm
from demo.ground import Ground
from tests.cli.conftest import Ran, Run
from tests.cli.documents import FIXTURES, WORKED_EXAMPLE, interaction, written

NOTHING = {
    "duplicates": 0,
    "corrections": 0,
    "unchanged": 0,
    "unpriced": 0,
    "deleted": 0,
    "ignored": {},
    "dead_letters": {},
    "superseded": 0,
    "not_applied": 0,
    "beyond_horizon": {},
    "problems": [],
}


def figures(ran: Ran) -> dict[str, Any]:
    """The summary without the time it took."""
    summary: dict[str, Any] = ran.json
    del summary["seconds"]
    return summary


def test_the_worked_example_is_applied_and_again_is_unchanged(
    ops_on_ground: Run, ground: Ground
) -> None:
    first = ops_on_ground("replay", WORKED_EXAMPLE, "--json")
    assert (first.code, len(first.err.splitlines())) == (0, 1)
    assert figures(first) == NOTHING | {"lines": 3, "written": 3, "applied": 3, "counted": 3}

    before = journal_and_folds(ops_on_ground, ground)
    again = ops_on_ground("replay", WORKED_EXAMPLE, "--json")
    assert again.code == 0
    assert figures(again) == NOTHING | {
        "lines": 3,
        "written": 3,
        "applied": 3,
        "counted": 3,
        "unchanged": 3,
    }
    assert journal_and_folds(ops_on_ground, ground) == before


def journal_and_folds(ops_on_ground: Run, ground: Ground) -> tuple[int, int]:
    """(journal documents, folds), once everything is folded."""
    ground.host.fire("publish")
    (bucket,) = ops_on_ground("status", "--json").json["state"]
    return bucket["journal_documents"], bucket["folds"]


def test_every_line_that_cannot_be_used_is_reported_and_the_rest_goes_on(
    ops_on_ground: Run, tmp_path: Path
) -> None:
    path = written(
        tmp_path / "mixed.jsonl",
        [
            interaction(),
            "{not json",
            "[1, 2]",
            '"text"',
            interaction(id=7),
            {"user_id": "u", "document_type": "user_interaction"},
            interaction(id=""),
            interaction(document_type="telegram"),
            {"id": "no-kind", "user_id": "u"},
            interaction(document_type=3),
            "",
            interaction(),
        ],
    )
    ran = ops_on_ground("replay", path, "--json")
    assert ran.code == 1
    assert figures(ran) | {"problems": None} == NOTHING | {
        "problems": None,
        "lines": 11,
        "written": 2,
        "applied": 2,
        "counted": 2,
        "unpriced": 2,
    }
    assert [one["place"] for one in ran.json["problems"]] == [
        f"mixed.jsonl:{number}" for number in range(2, 11)
    ]
    assert "mixed.jsonl:8: unknown document_type 'telegram': say with --source" in ran.err
    assert "mixed.jsonl:5: a document without an id" in ran.err


def test_source_takes_documents_of_no_kind_and_of_unknown_ones(
    ops_on_ground: Run, tmp_path: Path
) -> None:
    bare = interaction()
    del bare["document_type"]
    path = written(
        tmp_path / "bare.jsonl", [bare, interaction(document_type="telegram"), interaction()]
    )
    ran = ops_on_ground("replay", path, "--source", "user_interactions", "--json")
    assert ran.code == 0
    assert ran.json["ignored"] == {"telegram": 1}
    assert (ran.json["counted"], ran.json["applied"]) == (2, 3)


def test_corrections_deletions_duplicates_and_superseded_versions_are_told_apart(
    ops_on_ground: Run, tmp_path: Path
) -> None:
    corrected, deleted, spoiled = interaction(), interaction(), interaction()
    priced = {"model": "gemini-2.5-flash", "inputTokens": 1, "outputTokens": 1}
    ops_on_ground("replay", written(tmp_path / "first.jsonl", [corrected, deleted, spoiled]))
    path = written(
        tmp_path / "second.jsonl",
        [
            corrected | {"user_rating": 4},
            deleted | {"is_deleted": True},
            spoiled | {"response_time_ms": -1},
            twice := interaction(**priced),
            twice,
            twice | {"user_rating": 3},
        ],
    )
    ran = ops_on_ground("replay", path, "--json")
    assert ran.code == 0
    assert figures(ran) == NOTHING | {
        "lines": 6,
        "written": 5,
        "duplicates": 1,
        "applied": 5,
        "counted": 2,
        "corrections": 3,
        "unpriced": 1,
        "deleted": 1,
        "dead_letters": {"invalid": 1},
        "superseded": 1,
    }


def test_documents_without_a_user_and_with_a_strange_one_are_written_as_they_are(
    ops_on_ground: Run, tmp_path: Path
) -> None:
    nobody = interaction()
    del nobody["user_id"]
    path = written(
        tmp_path / "keys.jsonl",
        [
            nobody,
            interaction(user_id=None),
            interaction(user_id=""),
            interaction(user_id=12),
            nobody | {"id": "tracked", "userId": "someone"},
        ],
    )
    ran = ops_on_ground("replay", path, "--json")
    assert ran.code == 0
    assert (ran.json["counted"], ran.json["dead_letters"]) == (4, {"malformed": 1})


def test_a_document_that_the_account_refuses_is_reported_alone(
    ops_on_ground: Run, tmp_path: Path
) -> None:
    user = interaction()["user_id"]
    lines = [
        interaction(user_id=user),
        interaction(user_id=user, note="x" * 2_100_000),
        interaction(user_id=user, id="x" * 1_024),
        interaction(user_id=user, id="a/b"),
    ]
    ran = ops_on_ground("replay", written(tmp_path / "big.jsonl", lines), "--json")
    assert ran.code == 1
    assert ran.json["counted"] == 2
    assert [one["place"] for one in ran.json["problems"]] == ["big.jsonl:2", "big.jsonl:3"]
    assert "cannot be written: Cosmos DB answers 413" in ran.err


def test_the_poison_fixtures_are_dead_letters_by_category(ops_on_ground: Run) -> None:
    path = FIXTURES / "40_poison.jsonl"
    ran = ops_on_ground("replay", path, "--source", "user_interactions", "--json")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert ran.code == 0
    assert ran.json["lines"] == len(lines)
    assert sum(ran.json["dead_letters"].values()) + ran.json["counted"] == len(lines)
    assert set(ran.json["dead_letters"]) >= {"invalid", "malformed"}


def test_a_bad_day_changes_no_figure(ops_on_ground: Run, ground: Ground, tmp_path: Path) -> None:
    lines = [interaction() for _ in range(60)]
    arm(ground.endpoint, PRESETS["a bad day"])
    try:
        ran = ops_on_ground("replay", written(tmp_path / "day.jsonl", lines), "--json")
    finally:
        ground.endpoint.faults.clear()
    assert ran.code == 0
    assert figures(ran) == NOTHING | {
        "lines": 60,
        "written": 60,
        "applied": 60,
        "counted": 60,
        "unpriced": 60,
    }


def test_the_summary_for_people_has_the_same_figures(ops_on_ground: Run, tmp_path: Path) -> None:
    path = written(tmp_path / "one.jsonl", [interaction(), "{"])
    ran = ops_on_ground("replay", path)
    rows = {line[:16].strip(): line[16:26].strip() for line in ran.out.splitlines()}
    assert (rows["lines"], rows["written"], rows["counted"], rows["unpriced"]) == tuple("2111")
    assert ran.err.splitlines()[1].startswith("one.jsonl:2: not JSON")


def test_without_a_worker_it_stops_waiting_and_says_so(ops: Run, tmp_path: Path) -> None:
    ops("provision")
    path = written(tmp_path / "one.jsonl", [interaction()])
    ran = ops("replay", path, "--patience", 1, "--json")
    assert ran.code == 1
    assert (ran.json["written"], ran.json["applied"], ran.json["not_applied"]) == (1, 0, 1)
    assert "is the worker running on this account?" in ran.err


def test_no_wait_only_writes(ops: Run, tmp_path: Path) -> None:
    ops("provision")
    path = written(tmp_path / "one.jsonl", [interaction()])
    ran = ops("replay", path, "--no-wait", "--json")
    assert (ran.code, ran.json["written"], ran.json["not_applied"]) == (0, 1, None)


def test_a_missing_file_is_wrong_usage(ops: Run) -> None:
    ran = ops("replay", "nowhere.jsonl")
    assert (ran.code, ran.err) == (2, "There is no file nowhere.jsonl.\n")
