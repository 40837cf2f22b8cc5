"""What docs/reading-views.md tells readers to run, run as it stands on a published month."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import ContainerProxy

from emulators.cosmos import Endpoint
from pack import PACK
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    SESSIONS,
    Ground,
    assert_views_are_true,
    deliver,
)
from tests.worker.stories import incident, interaction, on, session

PAGE = Path(__file__).parents[2] / "docs" / "reading-views.md"
CATALOGUE = PACK.containers
CODE = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
ONE_PARTITION_RU_MAX = 10.0


@pytest.fixture
def published(split_endpoint: Endpoint, grounds: Callable[..., Ground]) -> Ground:
    """A few days of one user, on four physical partitions."""
    ground = grounds(split_endpoint)
    worker = ground.worker()
    talks = [interaction(f"a{day}", timestamp=on(day)) for day in (9, 10, 11)]
    talks.append(interaction("once", timestamp=on(5)))
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, *talks))
    deliver(worker, SESSIONS, ground.write(SESSIONS, session(start_time=on(10))))
    deliver(worker, INCIDENTS, ground.write(INCIDENTS, incident(interaction_id="a10")))
    assert_views_are_true(ground, worker)
    # One day becomes empty: its documents are tombstones.
    gone = [interaction("once", timestamp=on(5), is_deleted=True)]
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, *gone))
    assert_views_are_true(ground, worker)
    ground.container("system_health").upsert_item(
        {"id": "worker", "metric_type": "change_feed", "timestamp": "2026-03-10T12:00:00Z"}
    )
    return ground


def test_every_question_of_the_page_is_answered_by_one_partition(
    published: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    query_items = ContainerProxy.query_items

    def noted(self: ContainerProxy, query: str, **options: Any) -> Any:
        asked.add(query)
        assert "enable_cross_partition_query" not in options
        assert options["partition_key"]
        return query_items(self, query, **options)

    monkeypatch.setattr(ContainerProxy, "query_items", noted)
    database = published.client.get_database_client(published.database)
    scope: dict[str, Any] = {"database": database}
    published.endpoint.stats.reset()
    for code in CODE:
        exec(compile(code, str(PAGE), "exec"), scope)  # the page is ours

    assert [int(one["date"][-2:]) for one in scope["month"]] == [9, 10, 11]
    assert scope["day"]["usage_statistics"]["total_interactions"] == 1
    assert scope["top_sources_of_the_month"]["top_foundational_texts"][0]["citations"] == 3
    assert [one["date"] for one in scope["last_days"]] == ["2026-03-11", "2026-03-10", "2026-03-09"]
    assert [one["timestamp"] for one in scope["last_hour"]] == [
        "2026-03-11T12:05:00Z",
        "2026-03-10T12:05:00Z",
    ]
    assert [one["id"] for one in scope["worker_now"]] == ["worker"]
    assert scope["new_since_january"] == [
        {"period_start": "2026-03-01", "user_count": 1},
        {"period_start": "2026-04-01", "user_count": 0},
    ]
    assert scope["incidents_of_a_text"]["incident_summary"]["total_incidents"] == 1
    assert [scope["incidents_of_a_text"]["id"]] == [one["id"] for one in scope["its_history"]]
    assert scope["tier_of_ada"] == "new"
    assert [scope["ada"]["id"]] == [one["id"] for one in scope["latest_of_ada"]]
    assert scope["gita_in_march"]["sample_size"] == 3
    assert len(scope["its_ranks"]) == 1
    totals = [one for one in published.endpoint.stats.totals() if one.operation == "query"]
    assert len(asked) == sum(one.count for one in totals), "a query was asked of several partitions"
    assert all(one.request_charge / one.count < ONE_PARTITION_RU_MAX for one in totals)


def test_the_page_asks_every_view_and_only_by_what_is_indexed() -> None:
    page = "\n".join(CODE)
    containers = {
        one["name"]: one for one in json.loads(CATALOGUE.read_text("utf-8"))["containers"]
    }
    for view in PACK.views:
        blocks = [code for code in CODE if f'"{view}"' in code]
        assert blocks, f"{view} is not in {PAGE.name}"
        indexed = {path.strip("/?") for path in containers[view]["index"]}
        for code in blocks:
            used = set(re.findall(r"(?:ORDER BY|WHERE|AND) c\.(\w+)", code))
            assert used <= indexed, f"{view}: {used - indexed} is not indexed"
    assert page.count("some(") > page.count("def some(")
