"""A store that something went wrong with: reconcile names the fault and mends it.

Given a day of fixture traffic, counted and published; when one thing is broken by hand; then
`reconcile` names it and exits 1, the views equal the oracle again, and run once more it finds
nothing.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from materializers.registry import VIEWS
from ops.__main__ import main
from tests.oracle.batches import BATCHES, read_batch
from tests.worker.ground import (
    SOURCES,
    Ground,
    assert_views_are_true,
    deliver_all,
    publish_until_done,
)

FILES = ("10_worked_example.jsonl",)


@pytest.fixture
def published(ground: Ground) -> Ground:
    """Fixture traffic, counted and published."""
    for batch in FILES:
        ground.write_all(read_batch(BATCHES / batch))
    # Without a time of its own it happens now, so its views cannot have expired.
    ground.write("user_interactions", {"id": "today", "user_id": "ada", "personality": "lao_tzu"})
    worker = ground.worker()
    deliver_all(worker, {source: ground.feed(source) for source in SOURCES})
    publish_until_done(ground, worker)
    return ground


def reconcile(
    ground: Ground, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, dict[str, Any]]:
    """(exit code, what it prints as JSON)."""
    connection = ["--connection", ground.endpoint.connection_string, "--database", ground.database]
    code = main(["reconcile", "--json", *connection, *options])
    return code, json.loads(capsys.readouterr().out)


def test_a_sound_store_has_no_differences(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = reconcile(published, capsys, "--full")
    assert (code, result["differences"], result["lost_changes"]) == (0, [], 0)


def _lose_a_change(ground: Ground) -> str:
    """The platform checkpointed a batch away."""
    ground.write("user_sessions", {"id": "lost", "user_id": "ada", "status": "completed"})
    return ""


def _edit_a_partial(ground: Ground) -> str:
    partial = next(one for one in ground.state("p:day:") if "interactions" in one["cells"])
    partial["cells"]["interactions"][0] += 7
    ground.container("state").replace_item(partial["id"], partial)
    return str(partial["id"].removeprefix("p:"))


def _delete_a_partial(ground: Ground) -> str:
    partial = ground.state("p:source-day:")[0]
    ground.container("state").delete_item(partial["id"], partial["pk"])
    return str(partial["id"].removeprefix("p:"))


def _delete_a_view_document(ground: Ground) -> str:
    document = max(ground.documents("daily_metrics"), key=lambda one: str(one["date"]))
    ground.container("daily_metrics").delete_item(document["id"], document["date"])
    return f"daily_metrics/{document['id']}"


def _edit_a_view_document(ground: Ground) -> str:
    document = ground.documents("user_analytics")[0]
    document["cost"]["total_cost_usd"] = 99.0
    ground.container("user_analytics").replace_item(document["id"], document)
    return f"user_analytics/{document['id']}"


def _delete_an_entry(ground: Ground) -> str:
    entry = next(one for one in ground.state("e:user_inter") if one["outcome"] == "counted")
    ground.container("state").delete_item(entry["id"], entry["pk"])
    return "day:"


def _edit_a_user(ground: Ground) -> str:
    hot = next(one for one in ground.state("u:") if "user" in one)
    hot["block"]["d"] = {"3": {"i": 4}}
    ground.container("state").replace_item(hot["id"], hot)
    return str(hot["id"])


def _delete_a_user(ground: Ground) -> str:
    hot = next(one for one in ground.state("u:") if "user" in one)
    ground.container("state").delete_item(hot["id"], hot["pk"])
    return str(hot["id"])


@pytest.mark.parametrize(
    "fault",
    [
        _lose_a_change,
        _edit_a_partial,
        _delete_a_partial,
        _delete_a_view_document,
        _edit_a_view_document,
        _delete_an_entry,
        _edit_a_user,
        _delete_a_user,
    ],
)
def test_what_is_broken_by_hand_is_named_and_mended(
    published: Ground, capsys: pytest.CaptureFixture[str], fault: Callable[[Ground], str]
) -> None:
    named = fault(published)
    code, result = reconcile(published, capsys, "--full")
    found = [one["where"] for one in result["differences"]]
    assert code == 1
    assert result["lost_changes"] > 0 if not named else any(one.startswith(named) for one in found)
    assert_views_are_true(published)
    assert (reconcile(published, capsys, "--full")[0], []) == (0, [])


def test_a_dry_run_names_and_changes_nothing(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    _edit_a_partial(published)
    before = published.etags()
    code, result = reconcile(published, capsys, "--dry-run")
    assert (code, result["repaired"]) == (1, False)
    assert before == published.etags()


def test_a_shard_of_a_wide_user_edited_by_hand_is_mended(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for view in set(VIEWS) - {"user_analytics"}:
        monkeypatch.delitem(VIEWS, view)
    cited = [{"source": f"{number:04d}".rjust(128, "s")} for number in range(600)]
    ground.write(
        "user_interactions",
        {"id": "wide", "user_id": "ada", "foundational_texts_used": cited},
    )
    deliver_all(ground.worker(), {"user_interactions": ground.feed("user_interactions")})
    publish_until_done(ground, ground.worker())
    assert reconcile(ground, capsys)[0] == 0

    shards = [one for one in ground.state("u:") if "~" in one["id"]]
    assert len(shards) > 1
    for shard in shards:
        shard["maps"] = {name: dict.fromkeys(of, 9) for name, of in shard["maps"].items()}
        ground.container("state").replace_item(shard["id"], shard)
    code, result = reconcile(ground, capsys)

    assert code == 1
    assert any(one["where"].startswith("u:") for one in result["differences"])
    assert (reconcile(ground, capsys)[0], []) == (0, ground.letters())
