"""`python -m demo run`: the first ten minutes, end to end through real processes."""

import json
from pathlib import Path
from typing import Any

import pytest

from pack import PACK
from tests.demo.processes import ROOT, interrupt, line_with, ran, started

BATCHES = ROOT / "tests" / "fixtures" / "batches"
WORKED_EXAMPLE = BATCHES / "10_worked_example.jsonl"


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    """The worked example's views and figures."""
    done = ran("run", WORKED_EXAMPLE, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_worked_example_becomes_its_day(result: dict[str, Any]) -> None:
    (day,) = result["views"]["daily_metrics"]
    assert day["id"] == "daily_metrics_20250805"
    usage, content = day["usage_statistics"], day["content_performance"]
    assert (usage["total_interactions"], usage["total_sessions"]) == (1, 1)
    assert (usage["active_users"], usage["new_users"]) == (1, 1)
    assert usage["avg_session_duration_min"] == 8.3833
    assert day["system_performance"]["avg_response_time_ms"] == 1250
    assert day["system_performance"]["p95_response_time_ms"] == 1252
    assert (content["total_citations"], content["avg_citation_relevance"]) == (1, 0.92)
    assert day["ai_performance"]["total_cost_usd"] == 0.00121
    assert day["safety_metrics"] == {
        "total_abuse_reports": 0,
        "auto_flagged_content": 1,
        "human_reviews_required": 1,
        "safety_violations": 1,
        "content_moderation_accuracy": 1,
    }
    assert day["business_metrics"]["session_completion_rate"] == 1


def test_every_view_is_there(result: dict[str, Any]) -> None:
    assert list(result["views"]) == list(PACK.views)


def test_it_says_where_the_changes_ended_and_what_it_took(result: dict[str, Any]) -> None:
    assert result["replay"]["counted"] == 3
    assert result["worker"]["changes_delivered"] == 3
    assert result["worker"]["counted"] == 3
    assert result["dead_letters"] == {"total": 0, "by_category": {}}
    units = result["request_units"]
    parts = sum(amount for name, amount in units.items() if name != "total")
    assert units["total"] == pytest.approx(parts, abs=0.05)
    assert min(units["stage_1"], units["stage_2"], units["feeds_and_leases"]) > 0


def test_all_fixture_batches_end_well_and_read_well() -> None:
    done = ran("run")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines() if line.strip()]
    assert ["2025-08-05", "1", "1", "1", "1"] in [row[:5] for row in rows]
    assert ["ignored", "2", "audit_note", "1,", "guidance_template", "1"] in rows
    assert ["dead", "letters"] in [row[:2] for row in rows]
    assert ["request", "charge"] in [row[:2] for row in rows]


def test_a_bad_day_gives_the_same_views(result: dict[str, Any]) -> None:
    done = ran("run", WORKED_EXAMPLE, "--json", "--faults", "a bad day", "--seed", 3)
    assert done.returncode == 0, done.stderr
    comparable = [
        [content(document) for document in views["daily_metrics"]]
        for views in (result["views"], json.loads(done.stdout)["views"])
    ]
    assert comparable[0] == comparable[1]


def content(document: dict[str, Any]) -> dict[str, Any]:
    """What a view says, without when and by which fold."""
    when = ("published_at", "data_as_of", "stamp")
    return {name: value for name, value in document.items() if name not in when}


def test_a_bad_line_is_reported_and_the_exit_code_says_so(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(WORKED_EXAMPLE.read_text("utf-8") + "{\n", "utf-8")
    done = ran("run", path, "--json")
    assert done.returncode == 1
    assert "bad.jsonl:4: not JSON" in done.stderr
    assert len(json.loads(done.stdout)["views"]["daily_metrics"]) == 1


def test_watch_keeps_running_with_live_traffic_until_ctrl_c() -> None:
    with started("run", WORKED_EXAMPLE, "--watch") as process:
        assert "export COSMOS=" in line_with(process, "Live traffic until Ctrl-C")
        line_with(process, "delivered")
        code, rest = interrupt(process)
    assert code == 0
    assert "Stopped after" in rest
    assert "Traceback" not in rest


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "nowhere.jsonl"], "There is no file nowhere.jsonl."),
        (["run", "--faults", "rain"], "'rain' is neither a file of fault rules nor one of"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], sentence: str) -> None:
    done = ran(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1
