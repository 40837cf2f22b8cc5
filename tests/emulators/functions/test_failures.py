"""The platform's failure behaviour: which batches come again, and which are lost."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from emulators.functions import Host, Timing
from tests.emulators.functions.apps import recorded, write_app
from tests.emulators.functions.conftest import Ground
from tests.emulators.functions.waiting import wait_until

NO_PAUSES = Timing(retry_delay_scale=0.0)
BRISK = Timing(0.02, 0.05, 0.05, 60)

COUNT = """
TRIGGER
{retry}
{kind} count(changes: str, context: func.Context) -> None:
    record(ids(changes), context.retry_context.retry_count, context.retry_context.max_retry_count)
    if "poison" in ids(changes) and not (ROOT / "cured").exists():
        raise ValueError("poison")
"""

FINITE = '@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:01")'
UNLIMITED = (
    '@app.retry(strategy="exponential_backoff", max_retry_count="-1", '
    'minimum_interval="00:00:01", maximum_interval="00:00:10")'
)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_batch_that_fails_without_a_retry_policy_is_checkpointed_away(
    ground: Ground, root: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    write_app(root, COUNT.format(retry="", kind=kind))
    ground.write("poison", "beside")

    with Host(root, ground.settings) as host:
        host.run_until_idle()
        ground.write("after")
        host.run_until_idle()
        counts = host.counts()["count"]

    assert recorded(root) == [[["beside", "poison"], 0, 0], [["after"], 0, 0]]
    assert (counts.batches, counts.failures, counts.checkpointed_away) == (2, 1, 1)
    assert "BATCH LOST" in caplog.text


def test_a_batch_that_outlives_a_finite_policy_is_checkpointed_away_after_its_last_try(
    ground: Ground, root: Path
) -> None:
    write_app(root, COUNT.format(retry=FINITE, kind="def"))
    ground.write("poison")

    with Host(root, ground.settings, timing=NO_PAUSES) as host:
        host.run_until_idle()
        counts = host.counts()["count"]

    assert recorded(root) == [[["poison"], 0, 2], [["poison"], 1, 2], [["poison"], 2, 2]]
    assert (counts.failures, counts.retries, counts.checkpointed_away) == (3, 2, 1)


def test_with_an_unlimited_policy_a_failing_batch_waits_while_other_leases_go_on(
    grounds: Callable[[int], Ground], root: Path
) -> None:
    # The poison is cured by a batch of another range, so it can only end if those go on.
    write_app(root, COUNT.format(retry=UNLIMITED, kind="def"))
    with (root / "function_app.py").open("a") as app:
        app.write("    elif 'poison' not in ids(changes): (ROOT / 'cured').touch()\n")
    ground = grounds(4)
    ground.write_for("ada", "poison")
    for user in range(20):
        ground.write_for(f"user-{user}", f"item-{user}")

    with Host(root, ground.settings, timing=NO_PAUSES) as host:
        host.run_until_idle()
        counts = host.counts()["count"]

    poisoned = [retry_count for ids, retry_count, _ in recorded(root) if "poison" in ids]
    assert poisoned == list(range(len(poisoned)))
    assert counts.batches == 4
    assert counts.changes == 21
    assert counts.checkpointed_away == 0


def test_a_retried_batch_is_the_same_batch_though_newer_changes_have_come(
    ground: Ground, root: Path
) -> None:
    write_app(root, COUNT.format(retry=UNLIMITED, kind="def"))
    ground.write("poison")

    with Host(root, ground.settings, timing=replace(BRISK, retry_delay_scale=0.02)) as host:
        host.start()
        wait_until(lambda: len(recorded(root)) > 1)
        ground.write("later")
        tries = len(recorded(root))
        wait_until(lambda: len(recorded(root)) > tries + 1)
        (root / "cured").touch()
        wait_until(lambda: recorded(root)[-1][0] == ["later"])

    assert [["poison"]] * (len(recorded(root)) - 1) == [ids for ids, _, _ in recorded(root)[:-1]]


def test_what_a_host_cannot_drain_in_time_is_named(ground: Ground, root: Path) -> None:
    write_app(root, COUNT.format(retry=UNLIMITED, kind="def"))
    ground.write("poison")

    with (
        Host(root, ground.settings, timing=NO_PAUSES) as host,
        pytest.raises(TimeoutError, match="count had not drained"),
    ):
        host.run_until_idle(timeout_seconds=0.3)


def test_a_batch_that_waits_for_its_retry_when_the_host_stops_is_delivered_again(
    ground: Ground, root: Path
) -> None:
    write_app(root, COUNT.format(retry=UNLIMITED, kind="async def"))
    ground.write("poison")
    with Host(root, ground.settings, timing=replace(BRISK, retry_delay_scale=10_000)) as host:
        host.start()
        wait_until(lambda: len(recorded(root)) == 1)

    (root / "cured").touch()
    with Host(root, ground.settings) as host:
        host.run_until_idle()

    assert recorded(root) == [[["poison"], 0, -1], [["poison"], 0, -1]]


def test_a_return_value_fails_the_invocation(ground: Ground, root: Path) -> None:
    write_app(root, "TRIGGER\ndef count(changes: str):\n    return 1\n")
    ground.write("one")

    with Host(root, ground.settings) as host:
        host.run_until_idle()

        assert host.counts()["count"].checkpointed_away == 1


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_function_that_exits_fails_like_any_other(ground: Ground, root: Path, kind: str) -> None:
    write_app(root, f"TRIGGER\n{kind} count(changes: str):\n    raise SystemExit(3)\n")
    ground.write("one")

    with Host(root, ground.settings) as host:
        host.run_until_idle()

        assert host.counts()["count"].checkpointed_away == 1


def test_a_batch_delivered_but_not_checkpointed_when_its_host_dies_is_delivered_again(
    ground: Ground, root: Path
) -> None:
    write_app(
        root,
        """
        TRIGGER
        def count(changes: str) -> None:
            record(ids(changes))
            while not (ROOT / "go").exists():
                time.sleep(0.01)
        """,
    )
    ground.write("one")
    with Host(root, ground.settings) as host:
        driving = threading.Thread(target=host.run_until_idle)
        driving.start()
        wait_until(lambda: len(recorded(root)) == 1)
        host.abandon()
        (root / "go").touch()
        driving.join()
    [lease] = ground.lease_documents()
    assert (lease["Owner"], lease["ContinuationToken"]) == (host.name, None)

    with Host(root, ground.settings) as host:
        host.run_until_idle(steal=True)

    assert recorded(root) == [[["one"]], [["one"]]]


def test_a_lease_whose_batch_is_retried_for_ever_stays_with_its_owner(
    ground: Ground, root: Path
) -> None:
    write_app(root, COUNT.format(retry=UNLIMITED, kind="def"))
    ground.write("poison")
    timing = replace(BRISK, expiration_seconds=1.0, retry_delay_scale=0.02)

    with Host(root, ground.settings, timing=timing) as host:
        host.start()
        wait_until(lambda: len(recorded(root)) >= 2)
        [before] = ground.lease_documents()
        wait_until(lambda: ground.lease_documents()[0]["timestamp"] > before["timestamp"])
        tries = len(recorded(root))
        wait_until(lambda: len(recorded(root)) > tries)
        [after] = ground.lease_documents()

    assert (after["Owner"], after["ContinuationToken"]) == (host.name, None)


def test_a_faulty_endpoint_costs_repetition_and_no_change(ground: Ground, root: Path) -> None:
    write_app(root, COUNT.format(retry=UNLIMITED, kind="def"))
    ids = [f"item-{number}" for number in range(20)]
    ground.write(*ids)

    with Host(root, ground.settings | {"MAX_ITEMS": "3"}, timing=NO_PAUSES) as host:
        host.run_until_idle(max_batches=0)
        for operation in ("replace", "query", "change_feed"):
            ground.endpoint.faults.add(operation, status=500, probability=0.3)
        host.run_until_idle()

    assert {one for batch, _, _ in recorded(root) for one in batch} == set(ids)
