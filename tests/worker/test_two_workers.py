"""Two workers at the same changes at the same moment count them once."""

import json
import threading
import urllib.request
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from cosmos_views.intake.ports import Sources, State
from cosmos_views.intake.report import Report
from cosmos_views.ledger.commits import Committed, Operation, Transient
from cosmos_views.worker import Worker
from emulators.cosmos import Endpoint
from tests.emulators.functions.processes import FAST, HostProcess, host_process
from tests.oracle.batches import BATCHES, read_batch
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    REPOSITORY,
    SESSIONS,
    Document,
    Ground,
    assert_state_is_sound,
    assert_views_are_true,
    deliver,
    deliver_until_done,
    publish_until_done,
    text_of,
)
from tests.worker.stories import incident, interaction, on, session

ROUNDS = 4


@dataclass
class Watched:
    """A state container that lets others run before one of its calls."""

    inner: State
    before: Callable[[str], None]

    def read(
        self, pk: str, ids: Collection[str], session_token: str | None = None
    ) -> tuple[dict[str, dict[str, Any]], str | None]:
        self.before("read")
        return self.inner.read(pk, ids, session_token)

    def commit(self, pk: str, operations: Sequence[Operation]) -> Committed:
        self.before("commit")
        return self.inner.commit(pk, operations)


@dataclass
class WatchedSources:
    """Sources that let others run after they were read."""

    inner: Sources
    after: Callable[[], None]

    def read(self, container: str, document_id: str, key: Sequence[Any]) -> bytes | None:
        found = self.inner.read(container, document_id, key)
        self.after()
        return found

    def by_rid(
        self, container: str, seconds: Mapping[str, int], since: int | None = None
    ) -> dict[str, bytes]:
        found = self.inner.by_rid(container, seconds, since)
        self.after()
        return found


def watch(worker: Worker, before: Callable[[str], None]) -> None:
    for processor in worker.processors.values():
        state = Watched(processor.outside.state, before)
        processor.outside = replace(processor.outside, state=state)


def at_once(*actions: Callable[[], Report]) -> list[Report]:
    """Run in threads that start together; raises what they raised."""
    barrier = threading.Barrier(len(actions))
    reports: list[Report] = []
    errors: list[BaseException] = []

    def run(action: Callable[[], Report]) -> None:
        barrier.wait()
        try:
            reports.append(action())
        except BaseException as error:  # handed to the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return reports


def delivered(worker: Worker, source: str, documents: list[Document]) -> Callable[[], Report]:
    return lambda: deliver_until_done(worker, source, documents)


@pytest.mark.parametrize("buckets", [1, 4])
def test_the_same_batch_at_the_same_moment_counts_once(
    endpoint: Endpoint, grounds: Callable[..., Ground], buckets: int
) -> None:
    ground = grounds(endpoint, buckets)
    workers = [ground.worker() for _ in range(3)]
    for name in ("20_shapes", "40_poison"):
        ground.write_all(read_batch(BATCHES / f"{name}.jsonl"))
    for source, documents in ground.all_changes().items():
        at_once(*(delivered(worker, source, documents) for worker in workers))

    assert_views_are_true(ground, workers[0])


def test_workers_at_one_user_from_three_sources_count_everything_once(ground: Ground) -> None:
    workers = [ground.worker() for _ in range(4)]
    for turn in range(ROUNDS):
        day = on(10 + turn)
        ground.write(INTERACTIONS, interaction("a", timestamp=day), interaction(f"b{turn}"))
        ground.write(SESSIONS, session("s", start_time=day), session(f"t{turn}"))
        ground.write(INCIDENTS, incident("i", created_at=day), incident(f"j{turn}"))
        batches = [(source, ground.feed(source)) for source in (INTERACTIONS, SESSIONS, INCIDENTS)]
        batches.append(batches[0])

        at_once(
            *(
                delivered(worker, source, documents)
                for worker, (source, documents) in zip(workers, batches, strict=True)
            )
        )

    assert_views_are_true(ground, workers[0])


@pytest.mark.usefixtures("few_views")
@pytest.mark.parametrize("call", range(6))
def test_another_worker_finishes_the_same_batch_between_any_two_calls(
    ground: Ground, call: int
) -> None:
    first, second = ground.worker(), ground.worker()
    changes = ground.write(
        INTERACTIONS,
        interaction("a"),
        interaction("b", user_id="bob"),
        interaction("c", user_id=...),
    )
    calls = 0

    def others(_operation: str) -> None:
        nonlocal calls
        calls += 1
        if calls == call + 1:
            assert deliver(second, INTERACTIONS, changes).counted == 3

    watch(first, others)

    report = deliver(first, INTERACTIONS, changes)

    if calls > call:
        assert (report.counted, report.duplicates) == (0, 3)
    assert_views_are_true(ground, second)


@pytest.mark.usefixtures("few_views")
@pytest.mark.parametrize("call", range(5))
def test_a_newer_version_counted_meanwhile_is_not_overruled(ground: Ground, call: int) -> None:
    """A doubt was settled from the source, and then the source moved on."""
    first, second = ground.worker(), ground.worker()
    shown = ground.write(INTERACTIONS, interaction("a"))
    deliver(first, INTERACTIONS, shown)
    ground.later()
    ground.write(INTERACTIONS, interaction("a", timestamp=on(11)))
    doubt = [{**shown[0], "_etag": "another", "_ts": shown[0]["_ts"] - 1}]
    calls = 0

    def others() -> None:
        nonlocal calls
        calls += 1
        if calls == call + 1:
            newer = ground.write(INTERACTIONS, interaction("a", timestamp=on(12)))
            deliver(second, INTERACTIONS, newer)

    for processor in first.processors.values():
        sources = WatchedSources(processor.outside.sources, others)
        state = Watched(processor.outside.state, lambda _operation: others())
        processor.outside = replace(processor.outside, sources=sources, state=state)

    deliver(first, INTERACTIONS, doubt)

    deliver(second, INTERACTIONS, ground.feed(INTERACTIONS))
    assert_views_are_true(ground, second)


def test_conflicts_without_end_are_left_to_redelivery(ground: Ground) -> None:
    first, second = ground.worker(), ground.worker()
    changes = ground.write(INTERACTIONS, interaction("a"))
    turns = 0

    def others(operation: str) -> None:
        nonlocal turns
        if operation == "commit" and turns < 40:
            turns += 1
            deliver(second, SESSIONS, ground.write(SESSIONS, session("s", turn=turns)))
            deliver(second, SESSIONS, ground.write(SESSIONS, session(f"s{turns}")))

    watch(first, others)

    with pytest.raises(Transient, match="in a row"):
        deliver(first, INTERACTIONS, changes)

    assert turns < 40, "bounded"
    deliver(second, INTERACTIONS, changes)
    assert_views_are_true(ground, second)


def test_two_hosts_given_the_same_batch_count_it_once(ground: Ground) -> None:
    """Two processes: their leases compete, and both are handed the same changes by hand."""
    for name in ("10_worked_example", "20_shapes"):
        ground.write_all(read_batch(BATCHES / f"{name}.jsonl"))
    changes = ground.all_changes()
    arguments = ("--no-timers", "--port", "0", *FAST)
    with (
        host_process(REPOSITORY, ground.app_settings(), *arguments) as one,
        host_process(REPOSITORY, ground.app_settings(), *arguments) as other,
    ):
        addresses = [_address(one), _address(other)]
        for source, function in (
            (INTERACTIONS, "interactions"),
            (SESSIONS, "sessions"),
            (INCIDENTS, "incidents"),
        ):
            body = json.dumps({"input": text_of(changes[source])}).encode()
            at_once(
                *(_invoked(f"{address}/admin/functions/{function}", body) for address in addresses)
            )
        assert one.terminate() == 0
        assert other.terminate() == 0

    worker = ground.worker()
    for source, documents in ground.all_changes().items():
        assert documents == [], source
    publish_until_done(ground, worker)
    assert ground.expected() == ground.views()
    assert_state_is_sound(ground)


def _address(host: HostProcess) -> str:
    return host.wait_for_line("Ready at").rsplit("Ready at ", 1)[1].strip()


def _invoked(url: str, body: bytes) -> Callable[[], Report]:
    def invoke() -> Report:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=300) as answer:
            assert json.load(answer) == {"outcome": "succeeded"}
        return Report()

    return invoke
