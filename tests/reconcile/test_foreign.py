"""Documents that somebody put into our containers, and documents of ours that somebody damaged."""

from typing import Any

import pytest

from tests.rebuild.rebuilds import rebuild
from tests.reconcile.test_reconcile import published, reconcile
from tests.worker.ground import Ground, assert_views_are_true

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
