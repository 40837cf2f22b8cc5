"""Golden view documents: what the worker publishes of a small story, as a person can read it.

`python -m tests.materializers.goldens` writes them anew from `tests/fixtures/views/story.jsonl`;
look at the difference before committing it.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.generators import Version
from tests.oracle import SourceDocument
from tests.property.world import World

VIEWS_PATH = Path(__file__).parents[1] / "fixtures" / "views"
STORY = VIEWS_PATH / "story.jsonl"
WRITTEN = datetime(2026, 4, 1, tzinfo=UTC)
NOT_SHOWN = ("stamp", "_etag")
"""How many folds it took is no part of what a view says."""

GOLDENS = {
    "daily_metrics": ["daily_metrics_20260310"],
    "content_popularity": [
        "content_popularity_daily_20260310",
        "content_popularity_monthly_202603",
    ],
    "system_health": ["system_health_performance_20260310_0905"],
    "engagement_summary": [
        f"engagement_summary_{tier}_202603"
        for tier in ("power_user", "engaged", "casual", "new", "churned")
    ],
    "incidents_by_content": [
        "incidents_bhagavad_gita_202603",
        "incidents_unattributed_202603",
    ],
    "user_analytics": ["user_analytics_ada_202603"],
    "content_analytics": ["content_analytics_bhagavad_gita_202603"],
}
"""View → ids of the documents shown, each in a file of that name."""


def story() -> Iterator[SourceDocument]:
    """The documents of the story; a repeated one moves its time and numbers its id."""
    for line in STORY.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        repeat = told.get("repeat", {"times": 1, "hours": 0, "field": None})
        for number in range(repeat["times"]):
            body = dict(told["document"])
            if repeat["field"] is not None:
                moved = timedelta(hours=number * repeat["hours"])
                at = datetime.fromisoformat(body[repeat["field"]]) + moved
                body[repeat["field"]] = at.isoformat().replace("+00:00", "Z")
                body["id"] = f"{body['id']}-{number + 1}"
            yield SourceDocument(told["source"], body)


def told() -> World:
    """A world in which the story has been told and published."""
    world = World(seed=1)
    for document in story():
        world.write(Version(document.source, document.body, int(WRITTEN.timestamp())))
    world.drain()
    return world


def rendered(world: World) -> dict[str, dict[str, Any]]:
    """File name → document, of all goldens."""
    shown = {}
    for view, names in GOLDENS.items():
        published = {one["id"]: one for one in world.views.documents(view)}
        for name in names:
            shown[name] = {
                field: value for field, value in published[name].items() if field not in NOT_SHOWN
            }
    return shown


def as_text(document: dict[str, Any]) -> str:
    """As the file holds it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every golden."""
    for path in VIEWS_PATH.glob("*.json"):
        path.unlink()
    for name, document in rendered(told()).items():
        (VIEWS_PATH / f"{name}.json").write_text(as_text(document), encoding="utf-8")


if __name__ == "__main__":
    main()
