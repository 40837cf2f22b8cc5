"""Documents expire; what readers see of them stays, and what later periods take from them too.

Given documents around the horizon, those before it with a TTL that runs out; when the store is
rebuilt after that; then periods before the horizon keep their documents, and later ones say what
they would say if nothing had ever expired.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cosmos_views import worker as wiring
from cosmos_views.cli.main import main
from cosmos_views.ledger.generations import Phase, advanced, begun, horizon
from cosmos_views.ledger.instants import (
    DAY_SECONDS,
    day_label,
    iso,
    month_label,
    month_start,
    next_month,
)
from cosmos_views.store import catalogue
from cosmos_views.store.generation import GenerationStore
from pack import PACK
from tests.rebuild.rebuilds import connection, in_force, rebuild
from tests.worker.ground import (
    DEFINITION,
    INTERACTIONS,
    SESSIONS,
    UNBOUNDED,
    Ground,
    Views,
    deliver,
    publish_until_done,
)
from tests.worker.stories import interaction, session

TTLS = [one.default_ttl for one in catalogue.of(PACK).with_role(catalogue.Role.SOURCE)]
TTL_SECONDS = 600
COMPARED = ("daily_metrics", "user_analytics", "system_health", "engagement_summary")


@dataclass
class Aged:
    """A store whose documents from before the horizon have expired."""

    ground: Ground
    horizon_day: int
    ever: Views
    """What the oracle says of all documents that were ever counted."""
    etags: dict[str, dict[tuple[str, str], str]]
    """View → ETags before the rebuild."""


@pytest.fixture
def aged(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> Aged:
    horizon_seconds = horizon(int(time.time()), TTLS)
    assert horizon_seconds is not None
    day = horizon_seconds // DAY_SECONDS
    month_later = day + 40
    written = [
        # Known long before: not new, retained on the next day, discovers only what is new to her.
        _on(day - 300, "ada", expires=True),
        _on(day - 1, "ada", expires=True),
        _on(day + 1, "ada", texts=["Bhagavad Gita 2.47", "Dhammapada 1.1"]),
        # Last seen before the horizon: churned in the first whole month after it.
        _on(day - 1, "bob", expires=True),
        # Somebody in that month, so that its tiers are published; and two more who are new.
        _on(month_later, "ada"),
        _on(day, "cyd"),
        _on(month_later + 1, "dee"),
    ]
    sessions = [
        session("s1", user_id="eve", start_time=_at(day - 2), ttl=TTL_SECONDS),
        session("s2", user_id="eve", start_time=_at(day + 2)),
    ]
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, *written))
    deliver(worker, SESSIONS, ground.write(SESSIONS, *sessions))
    publish_until_done(ground, worker)
    ever = ground.expected()
    ground.later(2 * TTL_SECONDS)
    clock = ground.endpoint.clock
    monkeypatch.setattr(wiring, "_now_ms", lambda: int(clock.now() * 1_000))
    assert len(ground.documents(INTERACTIONS)) == 4, "the others have expired"
    return Aged(ground, day, ever, {view: ground.etags(view) for view in PACK.views})


def test_later_periods_know_what_expired_documents_had_told(
    aged: Aged, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = rebuild(aged.ground, capsys)

    assert (ran.code, ran.result["owners_carried"]) == (0, 3)
    views = aged.ground.views()
    for view in COMPARED:
        assert _since(aged, view, aged.ever) == _since(aged, view, views)
        assert _since(aged, view, views), f"{view} is compared"


def test_every_later_key_is_published_also_one_that_has_no_document(
    aged: Aged, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"daily_metrics_{day_label(aged.horizon_day + 1)}"
    [lost] = [one for one in aged.ground.documents("daily_metrics") if one["id"] == name]
    aged.ground.container("daily_metrics").delete_item(name, lost["date"])

    assert rebuild(aged.ground, capsys).code == 0

    assert name in {one["id"] for one in aged.ground.documents("daily_metrics")}


def test_earlier_periods_keep_their_documents(
    aged: Aged, capsys: pytest.CaptureFixture[str]
) -> None:
    rebuild(aged.ground, capsys)

    assert aged.ever.keys() == PACK.views.keys()
    for view in PACK.views:
        kept = {key: etag for key, etag in aged.etags[view].items() if _before(aged, view, key[1])}
        now = aged.ground.etags(view)
        assert kept == {key: now.get(key) for key in kept}
        assert kept or view in ("incidents_by_content",)


def test_a_late_change_of_an_early_period_leaves_its_document(
    aged: Aged, capsys: pytest.CaptureFixture[str]
) -> None:
    rebuild(aged.ground, capsys)
    before = aged.ground.etags("daily_metrics")
    worker = aged.ground.worker()

    late = aged.ground.write(INTERACTIONS, _on(aged.horizon_day - 1, "fay"))
    deliver(worker, INTERACTIONS, late)
    publish_until_done(aged.ground, worker)

    name = f"daily_metrics_{day_label(aged.horizon_day - 1)}"
    assert [before[key] for key in before if key[1] == name] == [
        etag for key, etag in aged.ground.etags("daily_metrics").items() if key[1] == name
    ]


def test_what_will_not_change_any_more_is_named(
    aged: Aged, capsys: pytest.CaptureFixture[str]
) -> None:
    day, month = aged.horizon_day, month_label(aged.horizon_day)
    later = month if month_start(month) == day else next_month(month)
    daily = ("daily_metrics", ("*",), day_label(day))
    monthly = ("engagement_summary", ("*",), later)
    trends = ("engagement_summary", ("trend_analysis",), next_month(later))
    assert {"daily_metrics"} & {one["view"] for one in _status(aged, capsys)} == set()

    compared = rebuild(aged.ground, capsys, "--compare").result["comparison"]
    assert {daily, monthly, trends} <= _named(compared["unchanging"])
    kept = {one["view"]: one["kept"] for one in compared["views"]}
    assert kept["daily_metrics"] == sum(
        _before(aged, "daily_metrics", one["id"]) for one in aged.ground.documents("daily_metrics")
    )
    rebuild(aged.ground, capsys)
    assert {daily, monthly, trends} <= _named(_status(aged, capsys))
    main(["reconcile", "--dry-run", "--json", *UNBOUNDED, *connection(aged.ground)])
    assert {daily, monthly, trends} <= _named(json.loads(capsys.readouterr().out)["unchanging"])


def test_a_replay_says_what_lies_beyond_the_horizon(
    aged: Aged, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rebuild(aged.ground, capsys)
    file = tmp_path / "late.jsonl"
    days = (aged.horizon_day - 1, month_start(next_month(month_label(aged.horizon_day))))
    late = [{**_on(day, "gil"), "id": f"late-{day}"} for day in days]
    file.write_text("".join(json.dumps(one) + "\n" for one in late))
    command = ["replay", str(file), "--json", *connection(aged.ground)]

    with aged.ground.host() as host, ThreadPoolExecutor(1) as beside:
        replayed = beside.submit(main, command)
        while not replayed.done():
            host.run_until_idle()

    assert replayed.result() == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["counted"], found["beyond_horizon"]) == (2, {"days": 1})


def test_a_rebuild_that_stood_still_while_documents_expired_is_refused(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    began = int(time.time()) - 5 * DAY_SECONDS
    generations = GenerationStore(ground.container("state"))
    held = generations.held()
    building = begun(held.generation, DEFINITION, 1, horizon(began, TTLS), began)
    generations.replace(held, advanced(building, Phase.COUNTING, began))

    ran = rebuild(ground, capsys)

    assert ran.code == 2
    assert "user_sessions expired before they were counted" in ran.errors
    assert rebuild(ground, capsys, "--abort").code == 0
    assert rebuild(ground, capsys).code == 0
    assert in_force(ground).generation == 3


def test_what_was_carried_over_survives_a_retraction_and_the_next_rebuild(
    aged: Aged, capsys: pytest.CaptureFixture[str]
) -> None:
    rebuild(aged.ground, capsys)
    worker = aged.ground.worker()
    again = _on(aged.horizon_day + 1, "ada", texts=["Dhammapada 1.1"])
    deliver(worker, INTERACTIONS, aged.ground.write(INTERACTIONS, again | {"is_deleted": True}))
    deliver(worker, INTERACTIONS, aged.ground.write(INTERACTIONS, again))
    publish_until_done(aged.ground, worker)
    before = {view: _since(aged, view, aged.ground.views()) for view in COMPARED}

    rebuild(aged.ground, capsys)

    assert in_force(aged.ground).generation == 3
    assert before == {view: _since(aged, view, aged.ground.views()) for view in COMPARED}
    (day,) = [
        one
        for one in aged.ground.documents("daily_metrics")
        if one["id"] == f"daily_metrics_{day_label(aged.horizon_day + 1)}"
    ]
    assert day["usage_statistics"]["new_users"] == 0


def test_a_rebuilt_store_is_proved_with_what_was_carried_over(
    aged: Aged, capsys: pytest.CaptureFixture[str]
) -> None:
    rebuild(aged.ground, capsys)

    assert main(["reconcile", "--dry-run", *UNBOUNDED, *connection(aged.ground)]) == 0, (
        capsys.readouterr().out
    )


def _status(aged: Aged, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert main(["status", "--json", *connection(aged.ground)]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["unchanging"]
    return found


def _named(found: list[dict[str, Any]]) -> set[tuple[str, tuple[str, ...], str]]:
    return {(one["view"], tuple(one["fields"]), one["before"]) for one in found}


def _on(
    day: int, user: str, texts: list[str] | None = None, *, expires: bool = False
) -> dict[str, Any]:
    fields: dict[str, Any] = {"ttl": TTL_SECONDS} if expires else {}
    texts = texts or ["Bhagavad Gita 2.47"]
    return interaction(
        f"{user}-{day}",
        user_id=user,
        timestamp=_at(day),
        foundational_texts_used=texts,
        **fields,
    )


def _at(day: int) -> str:
    return iso((day * DAY_SECONDS + 43_200) * 1_000_000)


def _before(aged: Aged, view: str, document_id: str) -> bool:
    """Whether the document's period began before the horizon, by its id."""
    if view == "system_health":
        return "".join(document_id.split("_")[-2:])[:8] < day_label(aged.horizon_day)
    label = document_id.rpartition("_")[2]
    first = day_label(aged.horizon_day) if len(label) == 8 else month_label(aged.horizon_day - 1)
    return label < first if len(label) == 8 else label <= first


def _since(aged: Aged, view: str, views: Views) -> dict[str, Any]:
    """Documents of periods since the horizon; a month's trends look back beyond it."""
    return {
        name: {field: value for field, value in document.items() if field != "trend_analysis"}
        for name, document in views[view].items()
        if not _before(aged, view, name)
    }
