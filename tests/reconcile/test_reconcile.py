"""A store that something went wrong with: reconcile names the fault and mends it.

Given a day of fixture traffic, counted and published; when one thing is broken by hand; then
`reconcile` names it and exits 1, the views equal the oracle again, and run once more it finds
nothing.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

import cosmos_views.upkeep.rebuild.phases
from cosmos_views.cli.main import main
from cosmos_views.intake.batch import Processor
from cosmos_views.ledger.instants import DAY_SECONDS, iso
from emulators.cosmos.clock import Clock
from pack import PACK
from tests.oracle.batches import BATCHES, read_batch
from tests.worker.ground import (
    INTERACTIONS,
    SESSIONS,
    SOURCES,
    UNBOUNDED,
    Ground,
    assert_views_are_true,
    deliver,
    deliver_all,
    publish_until_done,
)
from tests.worker.stories import interaction, session

WALL_NS = time.time_ns
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
    at = ["--in-flight-seconds", "0", *_connection(ground)]
    code = main(["reconcile", "--json", *UNBOUNDED, *at, *options])
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


def _edit_a_view_document_under_a_higher_stamp(ground: Ground) -> str:
    return _edit_with_stamp(ground, lambda stamp: [*stamp[:-1], stamp[-1] + 1_000])


def _edit_a_view_document_as_of_another_generation(ground: Ground) -> str:
    return _edit_with_stamp(ground, lambda stamp: [stamp[0] + 1, 0, 0])


def _edit_a_view_document_without_stamp(ground: Ground) -> str:
    return _edit_with_stamp(ground, lambda _: None)


def _edit_with_stamp(ground: Ground, stamped: Callable[[list[int]], object]) -> str:
    document = ground.documents("daily_metrics")[0]
    document["stamp"] = stamped(document["stamp"])
    document["usage_statistics"]["total_interactions"] = 77
    ground.container("daily_metrics").replace_item(document["id"], document)
    return f"daily_metrics/{document['id']}"


def _invent_a_view_document(ground: Ground) -> str:
    document = max(ground.documents("daily_metrics"), key=lambda one: str(one["date"]))
    body = {**document, "id": "daily_metrics_20200101", "date": "2020-01-01"}
    ground.container("daily_metrics").create_item(body)
    return "daily_metrics/daily_metrics_20200101"


def _delete_a_head(ground: Ground) -> str:
    (head,) = ground.state("h")
    ground.container("state").delete_item(head["id"], head["pk"])
    return "daily_metrics/"


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
        _edit_a_view_document_under_a_higher_stamp,
        _edit_a_view_document_as_of_another_generation,
        _edit_a_view_document_without_stamp,
        _invent_a_view_document,
        _delete_a_head,
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
    for view in set(PACK.views) - {"user_analytics"}:
        monkeypatch.delitem(PACK.views, view)
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


@pytest.mark.parametrize("fault", [_delete_an_entry, _delete_a_user, _edit_a_user])
def test_what_a_repair_takes_out_is_looked_for_in_the_sources_without_being_asked(
    published: Ground, capsys: pytest.CaptureFixture[str], fault: Callable[[Ground], str]
) -> None:
    fault(published)
    assert reconcile(published, capsys)[0] == 1
    assert_views_are_true(published)
    assert reconcile(published, capsys, "--full")[0] == 0


def test_a_repair_that_breaks_off_before_the_sources_are_walked_is_ended_by_the_next(
    published: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _delete_a_user(published)
    with monkeypatch.context() as patch:

        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(Processor, "process", interrupted)
        at_once = ["--in-flight-seconds", "0", *_connection(published)]
        assert main(["reconcile", *at_once]) == 130

    code, result = reconcile(published, capsys)

    assert (code, result["lost_changes"] > 0) == (1, True)
    assert_views_are_true(published)
    assert reconcile(published, capsys, "--full")[0] == 0


def test_a_lost_change_is_named_by_its_document_also_in_a_dry_run(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    _lose_a_change(published)
    before = published.etags()
    code, result = reconcile(published, capsys, "--full", "--dry-run")

    assert (code, result["lost_changes"]) == (1, 1)
    assert [one["where"] for one in result["differences"]] == ["user_sessions/lost"]
    assert before == published.etags()


@pytest.mark.parametrize("view", sorted(PACK.views))
def test_a_document_deleted_after_it_was_published_is_missing_however_old_its_period(
    published: Ground, capsys: pytest.CaptureFixture[str], view: str
) -> None:
    documents = [one for one in published.documents(view) if not one.get("empty")]
    oldest = min(documents, key=lambda one: (one.get("metric_type", ""), str(one["id"])[-6:]))
    published.container(view).delete_item(oldest["id"], oldest[PACK.views[view].partition_key])

    code, result = reconcile(published, capsys)

    assert (code, {one["where"] for one in result["differences"]}) == (
        1,
        {f"{view}/{oldest['id']}"},
    )
    assert_views_are_true(published)
    assert reconcile(published, capsys)[0] == 0


def test_a_document_deleted_after_a_rebuild_has_published_it_again_is_missing(
    published: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosmos_views.upkeep.rebuild.phases, "horizon", lambda *_: None)
    _travel(monkeypatch, 30)
    assert main(["rebuild", "--settle-seconds", "0", *UNBOUNDED, *_connection(published)]) == 0
    capsys.readouterr()
    _travel(monkeypatch, 100)
    (gone, *_) = published.documents("user_analytics")
    published.container("user_analytics").delete_item(gone["id"], gone["user_id"])

    code, result = reconcile(published, capsys)

    assert (code, [one["where"] for one in result["differences"]]) == (
        1,
        [f"user_analytics/{gone['id']}"],
    )


def test_what_was_written_just_now_is_left_to_its_trigger(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    _lose_a_change(published)
    code, result = reconcile(published, capsys, "--full", "--in-flight-seconds", "60")
    assert (code, result["lost_changes"]) == (0, 0)


def test_a_change_on_its_way_to_the_views_is_no_difference(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = published.write(INTERACTIONS, interaction("now", user_id="ada"))
    deliver(published.worker(), INTERACTIONS, [one for one in changes if one["id"] == "now"])
    assert reconcile(published, capsys, "--dry-run")[0] == 0
    assert reconcile(published, capsys)[0] == 0
    assert_views_are_true(published)


def test_what_was_counted_stays_when_its_entry_expires(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lately = iso((int(time.time()) - 2 * DAY_SECONDS) * 1_000_000)
    ground.write(SESSIONS, session("old", user_id="ada", start_time=lately))
    ground.write(INTERACTIONS, interaction("old", user_id="ada", timestamp=lately))
    ground.write(INTERACTIONS, interaction("brief", user_id="bob", timestamp=lately, ttl=60))
    worker = ground.worker()
    deliver_all(worker, {source: ground.feed(source) for source in SOURCES})
    publish_until_done(ground, worker)
    counted = ground.state("p:")
    assert reconcile(ground, capsys)[0] == 0

    for days, sessions in ((31, 1), (121, 0)):
        _travel(monkeypatch, days)
        assert len(ground.state("e:user_sessions")) == sessions
        code, result = reconcile(ground, capsys)
        assert (code, result["differences"]) == (0, [])
        assert bool(result["proved_since"]) == (not sessions)
    assert counted == ground.state("p:")

    # What lies in the months that can be proved is proved, beside what cannot.
    today = iso(int(time.time() * 1_000_000))
    changes = ground.write(INTERACTIONS, interaction("new", user_id="ada", timestamp=today))
    deliver(ground.worker(), INTERACTIONS, [one for one in changes if one["id"] == "new"])
    publish_until_done(ground, ground.worker())
    assert reconcile(ground, capsys)[0] == 0
    (entry,) = [one for one in ground.state("e:") if one["document"] == "new"]
    ground.container("state").delete_item(entry["id"], entry["pk"])
    code, result = reconcile(ground, capsys)
    assert (code, result["lost_changes"]) == (1, 1)
    assert reconcile(ground, capsys)[0] == 0
    assert {one["id"] for one in counted} <= {one["id"] for one in ground.state("p:")}


@pytest.mark.parametrize("period", ["2026-03", "march", "202613", "20260230", "2026"])
def test_a_period_that_is_none_is_refused(
    ground: Ground, capsys: pytest.CaptureFixture[str], period: str
) -> None:
    with pytest.raises(SystemExit) as refused:
        reconcile(ground, capsys, "--period", period)
    assert refused.value.code == 2
    assert "no period" in capsys.readouterr().err


def test_a_document_that_has_expired_is_not_missing(
    published: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in (8, 41, 91):
        _travel(monkeypatch, days)
        code, result = reconcile(published, capsys)
        assert (code, result["differences"]) == (0, [])


def _travel(patch: pytest.MonkeyPatch, days: int) -> None:
    """The clock of everybody, the endpoint's too, is so many days ahead."""
    ahead_ns = days * DAY_SECONDS * 1_000_000_000
    patch.setattr(time, "time", lambda: (WALL_NS() + ahead_ns) / 1_000_000_000)
    patch.setattr(time, "time_ns", lambda: WALL_NS() + ahead_ns)
    # It never goes back by itself, and serves the next test too.
    patch.setattr(Clock, "now", lambda clock: time.time() + clock.advanced_seconds)


def _connection(ground: Ground) -> list[str]:
    return ["--connection", ground.endpoint.connection_string, "--database", ground.database]
