"""`show` and `status` read a store as its readers and its operator see it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from demo.ground import Ground
from pack import PACK
from tests.cli.conftest import Run
from tests.cli.documents import WORKED_EXAMPLE, interaction, written


@pytest.fixture(autouse=True)
def worked_example(ops_on_ground: Run, ground: Ground) -> None:
    assert ops_on_ground("replay", WORKED_EXAMPLE).code == 0
    ground.host.fire("publish")
    until_published(ops_on_ground, "2025-08-05")


def until_published(ops_on_ground: Run, key: str) -> None:
    """Due times are whole seconds, so the timer may have to come once more."""
    eventually(lambda: ops_on_ground("show", "daily_metrics", key).code == 0)


def eventually(holds: Callable[[], object]) -> None:
    for _ in range(1_000):
        if holds():
            return
    raise AssertionError("it never came")


@pytest.mark.parametrize("key", ["2025-08-05", "20250805", "daily_metrics_20250805"])
def test_one_document_by_key_or_id(ops_on_ground: Run, key: str) -> None:
    document = ops_on_ground("show", "daily_metrics", key, "--json").json
    usage = document["usage_statistics"]
    assert (usage["total_interactions"], usage["active_users"], usage["new_users"]) == (1, 1, 1)
    assert document["system_performance"]["p95_response_time_ms"] == 1252
    assert document["ai_performance"]["total_cost_usd"] == 0.00121
    assert not [name for name in document if name.startswith("_")]


def test_one_document_for_people(ops_on_ground: Run) -> None:
    lines = ops_on_ground("show", "daily_metrics", "2025-08-05").out.splitlines()
    assert lines[0] == "daily_metrics_20250805"
    assert "  avg_session_duration_min  8.3833" in lines


def test_a_view_as_a_table(ops_on_ground: Run) -> None:
    ran = ops_on_ground("show", "daily_metrics")
    header, _, row = (line for line in ran.out.splitlines() if line.strip())
    assert header.split()[:3] == ["date", "interactions", "sessions"]
    assert row.split()[:3] == ["2025-08-05", "1", "1"]


def test_a_view_as_json_and_within_a_limit(ops_on_ground: Run) -> None:
    documents = ops_on_ground("show", "daily_metrics", "--json").json
    assert [document["id"] for document in documents] == ["daily_metrics_20250805"]
    ran = ops_on_ground("show", "daily_metrics", "--limit", 0, "--json")
    assert (ran.json, "see --limit" in ran.err) == ([], True)


def test_a_tombstone_counts_as_absent(ops_on_ground: Run, ground: Ground, tmp_path: Path) -> None:
    document = interaction(timestamp="2025-06-02T12:00:00Z")
    ops_on_ground("replay", written(tmp_path / "one.jsonl", [document]))
    until_published(ops_on_ground, "2025-06-02")
    ops_on_ground("replay", written(tmp_path / "gone.jsonl", [document | {"deleted": True}]))
    view = ground.account.container("daily_metrics")
    eventually(lambda: view.read_item("daily_metrics_20250602", "2025-06-02").get("empty"))
    ran = ops_on_ground("show", "daily_metrics", "2025-06-02")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "daily_metrics has no document 2025-06-02.\n"
    assert [one["id"] for one in ops_on_ground("show", "daily_metrics", "--json").json] == [
        "daily_metrics_20250805"
    ]


def test_an_unknown_view_is_wrong_usage(ops_on_ground: Run) -> None:
    ran = ops_on_ground("show", "weekly_metrics")
    assert ran.code == 2
    assert "invalid choice: 'weekly_metrics'" in ran.err


def test_every_view_can_be_shown(ops_on_ground: Run) -> None:
    for view in PACK.views:
        assert ops_on_ground("show", view).code == 0


def test_every_column_is_a_field_of_a_view() -> None:
    assert all(view.columns for view in PACK.views.values())


def test_status_tells_layout_backlog_and_dead_letters(ops_on_ground: Run, tmp_path: Path) -> None:
    before = ops_on_ground("status", "--json").json
    lines = [interaction(response_time_ms=-1), interaction(timestamp="yesterday")]
    ops_on_ground("replay", written(tmp_path / "bad.jsonl", lines))
    after = ops_on_ground("status", "--json").json
    assert (after["generation"], after["buckets"], len(after["state"])) == (1, 1, 1)
    assert after["state"][0]["folds"] >= 1
    letters = after["dead_letters"]
    assert letters["total"] == before["dead_letters"]["total"] + 2
    assert letters["by_category"] == {"invalid": letters["total"]}
    assert letters["by_status"] == {"pending": letters["total"]}
    assert letters["oldest_pending"].startswith("20")
    assert "dead letters: " in ops_on_ground("status").out
