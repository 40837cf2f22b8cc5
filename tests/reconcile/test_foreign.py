"""Documents that somebody put into our containers, and documents of ours that somebody damaged."""

import json
from typing import Any

import pytest

from cosmos_views.cli.main import main
from cosmos_views.ledger.buckets import bucket_pk
from cosmos_views.publish import journal
from tests.rebuild.rebuilds import rebuild
from tests.reconcile.test_reconcile import published, reconcile
from tests.worker.ground import (
    INTERACTIONS,
    Ground,
    assert_views_are_true,
    deliver,
    publish_until_done,
)
from tests.worker.stories import interaction

__all__ = ["published"]

FOREIGN: dict[str, list[dict[str, Any]]] = {
    "state": [{"id": "note", "pk": "1:0", "text": "hello"}],
    "daily_metrics": [{"id": "note", "date": "today"}, {"id": "no-date"}],
    "user_analytics": [{"id": "user_analytics_ada_march", "user_id": "ada"}],
    "content_popularity": [{"id": "note", "time_period": 7}],
    "system_health": [{"id": "note", "metric_type": "change_feed"}],
    "user_sessions": [{"id": "note"}, {"id": "note", "user_id": 7, "type": ["?"]}],
}
DAMAGED = ("e:user_interactions", "u:", "p:day", "h")


def test_what_is_not_ours_is_skipped_and_counted(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    for container, bodies in FOREIGN.items():
        for body in bodies:
            published.container(container).create_item(body)

    code, result = reconcile(published, capsys)

    assert (code, result["differences"]) == (0, [])
    assert result["foreign"] == {
        "state 1:0": 1,
        "daily_metrics": 2,
        "user_analytics": 1,
        "content_popularity": 1,
        "system_health": 1,
    }
    assert rebuild(published, capsys).code == 0
    assert len([one for one in published.documents("daily_metrics") if "text" in one]) == 0


@pytest.mark.parametrize("prefix", DAMAGED)
def test_a_damaged_state_document_is_named_and_made_anew(
    published: Ground, capsys: pytest.CaptureFixture[str], prefix: str
) -> None:
    damaged = published.state(prefix)[0]
    body = {"id": damaged["id"], "pk": damaged["pk"], "sequence": "many", "cells": 5, "latest": 1}
    published.container("state").replace_item(damaged["id"], body)

    for option, ends in (("--dry-run", 1), ("--full", 1), ("--full", 0)):
        code, result = reconcile(published, capsys, option)
        named = {one["where"] for one in result["differences"]}
        assert (code, damaged["id"] in named) == (ends, bool(ends))
    assert_views_are_true(published)


def test_notes_among_the_journal_hold_up_nothing(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the fold, nor a rebuild or an erasure, which wait until it is empty, nor the proof."""
    monkeypatch.setattr(journal, "PAGE_DOCUMENTS_MAX", 2)
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a"), interaction("b")))
    for number in range(5):
        note = {"id": f"j:0000000000000:{number}", "pk": bucket_pk(1, 0), "note": "mine"}
        ground.container("state").upsert_item(note)

    publish_until_done(ground, worker)

    assert ground.expected() == ground.views()
    account = ("--connection", ground.endpoint.connection_string, "--database", ground.database)
    assert main(["status", "--json", *account]) == 0
    assert [one["journal_documents"] for one in json.loads(capsys.readouterr().out)["state"]] == [0]
    code, result = reconcile(ground, capsys, "--full")
    assert (code, result["differences"]) == (0, [])
    assert len(ground.state("j:")) == 5
    assert main(["rebuild", "--settle-seconds", "0", "--yes", *account]) == 0
    erase = ("erase", "--user", "ada", "--settle-seconds", "0", "--no-archive", "--yes")
    assert main([*erase, *account]) == 0
