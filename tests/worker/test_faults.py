"""A bad day: every operation fails in every way, and afterwards the views are true all the same.

Twice over: each kind of failure with a seeded probability, and the n-th call failing for every n.
`FAULTS=all` tries every kind at every n; by default kinds take turns.
"""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.cosmos import CosmosClient

from cosmos_views.ledger.buckets import bucket_pk
from cosmos_views.publish.measures import sum_measures
from pack import PACK
from tests.oracle.batches import BATCHES, read_batch
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    SESSIONS,
    Document,
    Ground,
    assert_state_is_sound,
    assert_views_are_true,
    deliver_all,
    deliver_until_done,
    publish_until_done,
    publish_until_idle,
)
from tests.worker.stories import incident, interaction, on, session

EXHAUSTED = 12
"""So many in a row are more than the SDK's own retries."""
KINDS: dict[str, dict[str, Any]] = {
    "429": {"status": 429, "times": EXHAUSTED},
    "429-retry-after": {"status": 429, "retry_after_ms": 1, "times": EXHAUSTED},
    "449": {"status": 449},
    "503": {"status": 503, "times": 2},
    "408": {"status": 408},
    "408-twice": {"status": 408, "times": 2},
    "500": {"status": 500},
    "410": {"status": 410, "substatus": 1002},
    "dropped": {"drop": True},
    "dropped-four-times": {"drop": True, "times": 4},
    "dropped-after": {"drop": True, "moment": "after"},
    "500-after": {"status": 500, "moment": "after"},
    "503-after": {"status": 503, "moment": "after", "times": 2},
    "408-after": {"status": 408, "moment": "after"},
    "449-after": {"status": 449, "moment": "after"},
    "429-after": {"status": 429, "moment": "after"},
}
ALL = os.environ.get("FAULTS") == "all"
CALLS_MAX = 400

Changes = list[tuple[str, list[Document]]]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The SDK and the worker pause for next to nothing."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.0005)))
    yield
    monkeypatch.undo()


def kinds_at(call: int, kinds: int) -> list[str]:
    """So many kinds, others at each call."""
    names = list(KINDS)
    return names if ALL else [names[(call * kinds + turn) % len(names)] for turn in range(kinds)]


def scenario(ground: Ground) -> Changes:
    """Counting, poison, joins, corrections, deletion, a doubt: in eight deliveries."""
    first = ground.write(
        INTERACTIONS,
        interaction("a"),
        interaction("b", user_id="bob", timestamp=on(11)),
        interaction("c", user_id=...),
        interaction("poison", response_time_ms=-1),
    )
    sessions = ground.write(SESSIONS, session("s"), session("t", user_id="bob"))
    incidents = ground.write(INCIDENTS, incident("i"), incident("j", interaction_id="b"))
    ground.later()
    second = ground.write(
        INTERACTIONS,
        interaction("a", timestamp="2026-02-10T12:00:00Z", foundational_texts_used=["Tao 1.1"]),
        interaction("b", user_id="bob", is_deleted=True),
        interaction("poison"),
    )
    moved = ground.write(SESSIONS, session("s", start_time=on(12), status="abandoned"))
    doubts = [{name: value for name, value in one.items() if name != "_lsn"} for one in first]
    return [
        (INTERACTIONS, first),
        (SESSIONS, sessions),
        (INCIDENTS, incidents),
        (INTERACTIONS, second),
        (SESSIONS, moved),
        (INTERACTIONS, doubts),
    ]


def small_scenario(ground: Ground) -> Changes:
    """A day that is emptied and one that is not."""
    first = ground.write(INTERACTIONS, interaction("a"), interaction("b", user_id="bob"))
    second = ground.write(
        INTERACTIONS,
        interaction("a", timestamp=on(12)),
        interaction("b", user_id="bob", deleted=True),
    )
    return [(INTERACTIONS, first), (INTERACTIONS, second)]


def counted_state(ground: Ground) -> dict[str, Any]:
    """What stage 1 has written, but for ids and ETags that no two runs share."""
    documents: dict[str, Any] = {}
    journal: dict[str, list[Any]] = {}
    touched = set()
    for one in ground.state():
        if one["id"].startswith("j:"):
            for key, measures in one["delta"].items():
                journal.setdefault(key, []).append(measures)
            touched.update(one.get("touched", ()))
        else:
            documents[one["id"]] = {
                name: value for name, value in one.items() if name != "pk" and name[0] != "_"
            }
    sums = {key: _normal(sum_measures(rows)) for key, rows in journal.items()}
    documents["journal"] = {key: measures for key, measures in sums.items() if measures}
    return documents


def _normal(measures: Any) -> dict[str, list[int]]:
    result = {}
    for cell, row in measures.items():
        row = list(row)
        while row and not row[-1]:
            row.pop()
        if row:
            result[cell] = row
    return result


def run_stage_1(ground: Ground, client: CosmosClient, changes: Changes) -> None:
    worker = ground.worker(client)
    for source, documents in changes:
        deliver_until_done(worker, source, documents)


def fail_each_call(
    ground: Ground,
    arrange: Callable[[], object],
    act: Callable[[], None],
    check: Callable[[str], None],
    *,
    kinds: int,
) -> int:
    """Arrange, act with one call failing, check; for every call. Returns how many there are."""
    faults = ground.endpoint.faults
    for call in range(CALLS_MAX):
        fired = 0
        for kind in kinds_at(call, kinds):
            arrange()
            faults.add(**{"times": 1, "skip": call, **KINDS[kind]})
            act()
            fired += faults.list()[0].fired
            faults.clear()
            check(f"call {call} fails with {kind}")
        if not fired:
            return call
    raise AssertionError(f"more than {CALLS_MAX} calls")


def test_stage_1_counts_once_whichever_call_fails_however(ground: Ground) -> None:
    client = ground.connect()
    changes = scenario(ground)
    run_stage_1(ground, client, changes)
    expected = counted_state(ground)

    def check(story: str) -> None:
        assert expected == counted_state(ground), story

    calls = fail_each_call(
        ground, ground.next_generation, lambda: run_stage_1(ground, client, changes), check, kinds=3
    )

    assert calls > 20
    letters = {letter["document_id"] for letter in ground.letters()}
    assert {"poison"} == letters
    assert_views_are_true(ground, ground.worker(client))


@pytest.mark.usefixtures("few_views")
def test_stage_2_publishes_the_truth_whichever_call_fails_however(ground: Ground) -> None:
    client = ground.connect()
    changes = small_scenario(ground)
    expected = ground.expected()

    def arrange() -> None:
        ground.next_generation()
        run_stage_1(ground, client, changes)
        if ground.generation % 2:  # so that documents are created as well as replaced
            for view in PACK.views.values():
                for one in ground.documents(view.name):
                    ground.container(view.name).delete_item(one["id"], one[view.partition_key])

    def check(story: str) -> None:
        assert expected == ground.views(), story
        assert_state_is_sound(ground)

    calls = fail_each_call(
        ground, arrange, lambda: publish_until_idle(ground.worker(client)), check, kinds=2
    )

    assert calls > 20


@pytest.mark.parametrize("kind", KINDS)
def test_views_are_true_after_a_day_on_which_calls_keep_failing(ground: Ground, kind: str) -> None:
    ground.write_all(read_batch(BATCHES / "10_worked_example.jsonl"))
    changes = [*ground.all_changes().items(), *scenario(ground)]
    worker = ground.worker()
    fault = {**KINDS[kind], "times": None}
    ground.endpoint.faults.add(probability=0.05, **fault)

    for source, documents in changes:
        deliver_until_done(worker, source, documents)
    publish_until_idle(worker)

    assert ground.endpoint.faults.list()[0].fired > 0
    ground.endpoint.faults.clear()
    assert_views_are_true(ground, worker)


def test_views_are_true_after_a_day_on_which_everything_fails_in_every_way(ground: Ground) -> None:
    for name in ("10_worked_example", "40_poison"):
        ground.write_all(read_batch(BATCHES / f"{name}.jsonl"))
    changes = [*ground.all_changes().items(), *scenario(ground)]
    worker = ground.worker()
    for kind in KINDS.values():
        ground.endpoint.faults.add(probability=0.02, **{**kind, "times": None})

    for source, documents in changes:
        for start in range(0, len(documents), 10):
            deliver_until_done(worker, source, documents[start : start + 10])
    publish_until_idle(worker)

    ground.endpoint.faults.clear()
    assert_views_are_true(ground, worker)


@pytest.mark.parametrize("container", ["state", INTERACTIONS, "poison_messages"])
def test_a_container_that_is_down_loses_nothing(ground: Ground, container: str) -> None:
    changes = scenario(ground)
    worker = ground.worker()
    ground.endpoint.faults.add(container=container, status=503, times=40)

    for source, documents in changes:
        deliver_until_done(worker, source, documents)

    ground.endpoint.faults.clear()
    assert_views_are_true(ground, worker)


def test_the_host_redelivers_until_the_state_container_is_back(ground: Ground) -> None:
    ground.write_all(read_batch(BATCHES / "10_worked_example.jsonl"))
    ground.endpoint.faults.add("batch", container="state", status=449, times=60)

    with ground.host() as host:
        host.run_until_idle()
        counts = host.counts()
        host.fire("publish")

    assert sum(one.failures for one in counts.values()) > 0
    assert sum(one.checkpointed_away for one in counts.values()) == 0
    assert ground.expected() == ground.views()


def test_a_split_of_the_state_container_loses_nothing(ground: Ground) -> None:
    changes = scenario(ground)
    worker = ground.worker()
    for source, documents in changes[:3]:
        deliver_until_done(worker, source, documents)
    publish_until_done(ground, worker)

    ground.endpoint.split(ground.database, "state")

    for source, documents in changes[3:]:
        deliver_until_done(worker, source, documents)
    assert_views_are_true(ground, worker)


def test_undisturbed_deliveries_equal_disturbed_ones(ground: Ground) -> None:
    """The yardstick of this file: two undisturbed runs leave equal state."""
    client = ground.connect()
    changes = scenario(ground)
    run_stage_1(ground, client, changes)
    first = counted_state(ground)
    ground.next_generation()

    run_stage_1(ground, client, changes)

    assert first == counted_state(ground)
    assert bucket_pk(2, 0) == ground.state("e:")[0]["pk"]
    deliver_all(ground.worker(client), {})
