"""The worker's own health: each batch adds to its window's document, and never stops for it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cosmos_views import health as change_feed_health
from cosmos_views import worker as wiring
from cosmos_views.health import Batch
from cosmos_views.ledger.commits import Transient
from cosmos_views.store.views import ViewStore
from pack import PACK
from tests.worker.ground import INTERACTIONS, Document, Ground, text_of
from tests.worker.stories import interaction

AT_MS = 1_773_187_260_000
"""2026-03-11T00:01:00Z."""


def shown(ground: Ground) -> list[Document]:
    return [one for one in ground.documents("system_health") if one["metric_type"] == "change_feed"]


def store(ground: Ground) -> ViewStore:
    return ViewStore(ground.client.get_database_client(ground.database))


def process(worker: wiring.Worker, changes: list[Document]) -> None:
    worker.process(INTERACTIONS, text_of(changes), {})


def test_a_batch_is_in_its_windows_document_when_it_is_done(ground: Ground) -> None:
    good, bad = interaction("a"), interaction("b", response_time_ms=-1)
    process(ground.worker(), ground.write(INTERACTIONS, good, bad))

    (found,) = shown(ground)

    assert (found["changes_counted"], found["dead_letters"]) == (1, 1)
    assert found["resource_health"] == {"function_error_rate": 0.5}
    assert found["lag_seconds_max"] >= found["lag_seconds_p95"] >= 0
    assert found["request_charge"] > 10


def test_batches_of_many_workers_add_up(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_feed_health, "WRITES_MAX", 100)
    views = store(ground)

    def add(number: int) -> None:
        batch = Batch(1, 1, lag_seconds_counts={number % 3: 1}, request_charge=1.5)
        change_feed_health.add(views, PACK.health, batch, AT_MS)

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(add, range(24)))

    (found,) = shown(ground)
    assert (found["id"], found["changes_counted"]) == (
        "system_health_change_feed_20260311_0005",
        24,
    )
    assert (found["request_charge"], found["lag_seconds_max"]) == (36.0, 2)


def test_a_document_that_somebody_damaged_begins_anew(ground: Ground) -> None:
    views = store(ground)
    change_feed_health.add(views, PACK.health, Batch(changes_counted=5), AT_MS)
    (found,) = shown(ground)
    found["changes_counted"] = "many"
    ground.container("system_health").replace_item(found["id"], found)

    change_feed_health.add(views, PACK.health, Batch(changes_counted=2), AT_MS)

    assert [one["changes_counted"] for one in shown(ground)] == [2]


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 403}, {"status": 412}])
def test_a_batch_is_done_although_its_health_cannot_be_written(
    ground: Ground, fault: dict[str, Any]
) -> None:
    worker = ground.worker()
    changes = ground.write(INTERACTIONS, interaction("a"))
    ground.endpoint.faults.add("create", container="system_health", **fault)

    process(worker, changes)

    assert (len(ground.state("e:")), shown(ground)) == (1, [])


def test_whatever_breaks_health_the_batch_is_done(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise Transient("no")

    monkeypatch.setattr(change_feed_health, "add", breaks)

    process(ground.worker(), ground.write(INTERACTIONS, interaction("a")))

    assert len(ground.state("e:")) == 1
