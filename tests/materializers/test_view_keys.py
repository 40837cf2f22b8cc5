"""The key of a published document is read back from it, and of nothing else."""

from typing import Any

import pytest

from cosmos_views.publish.documents import view_document
from pack import PACK

LONG = "/~\x01" * 300
KEYS = {
    "daily_metrics": ("20260310",),
    "content_popularity": ("20260310", "202603"),
    "system_health": ("202603100905", "202512312355"),
    "engagement_summary": ("new:202603", "power_user:202603"),
    "incidents_by_content": ("202603:bhagavad_gita", "202603:unattributed"),
    "user_analytics": ("202603:ada_202601", "202603:a/b\t~2F", f"202603:{LONG}"),
    "content_analytics": ("202603:bhagavad_gita", "202603:" + "道" * 128),
}


def document(view_name: str, key: str) -> dict[str, Any]:
    view = PACK.views[view_name]
    month = key.partition(":")[0]
    body = {view.partition_key: view.partition(key), "period_start": f"{month[:4]}-{month[4:6]}-01"}
    return view_document(view, key, body, stamp=[1, 1], as_of_seconds=0, now_ms=0)


@pytest.mark.parametrize(("view", "key"), [(view, key) for view in KEYS for key in KEYS[view]])
def test_a_document_says_its_key(view: str, key: str) -> None:
    assert key == PACK.views[view].key_in(document(view, key))


@pytest.mark.parametrize("view", KEYS)
@pytest.mark.parametrize(
    "fields",
    [
        {"id": "a note"},
        {"id": "user_analytics_a%2Fb_202603", "user_id": "a/b"},
        {"id": "system_health_change_feed_20260310_0905", "metric_type": "change_feed"},
        {"id": 7},
    ],
)
def test_what_the_publisher_does_not_write_has_no_key(view: str, fields: dict[str, Any]) -> None:
    key = KEYS[view][0]

    assert PACK.views[view].key_in({**document(view, key), **fields}) is None
    assert PACK.views[view].key_in({"id": "daily_metrics_"}) is None


def test_an_id_that_was_cut_is_told_by_its_period() -> None:
    found = document("user_analytics", f"202603:{LONG}")

    assert len(found["id"].encode()) < 1_000
    assert PACK.views["user_analytics"].key_in({**found, "period_start": "2026-04-01"}) is None
