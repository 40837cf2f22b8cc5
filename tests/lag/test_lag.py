"""`python -m cosmos_views lag` and the gauge, against the real endpoint and host."""

import itertools
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.cosmos import CosmosClient

from cosmos_views.cli.main import main
from emulators.cosmos import Endpoint
from emulators.functions import Timing
from tests.emulators.functions.waiting import wait_until
from tests.worker.ground import INCIDENTS, INTERACTIONS, SESSIONS, SOURCES, Ground
from tests.worker.stories import interaction, session

_NUMBERS = itertools.count()
Lag = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(seed=23, partitions=2) as running:
        yield running


@pytest.fixture
def ground(endpoint: Endpoint) -> Iterator[Ground]:
    client = CosmosClient(endpoint.url, endpoint.key)
    made = Ground(endpoint, client, f"lag-{next(_NUMBERS)}")
    yield made
    made.close()
    client.close()


@pytest.fixture
def lag(ground: Ground, capsys: pytest.CaptureFixture[str]) -> Lag:
    """(exit code, what `ops lag --json` says, by source: its leases summed up)."""
    account = ("--connection", ground.endpoint.connection_string, "--database", ground.database)

    def run(*arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
        capsys.readouterr()
        code = main(["lag", "--json", "--interval", "0.2", *arguments, *account])
        leases = json.loads(capsys.readouterr().out)
        return code, {source: _sum(leases, source) for source in SOURCES}

    return run


def _sum(leases: list[dict[str, Any]], source: str) -> dict[str, Any]:
    of_source = [one for one in leases if one["source"] == source]
    return {
        "states": sorted({one["state"] for one in of_source}),
        "changes": sum(one["changes_behind"] for one in of_source),
        "readers": sorted({one["reader"] for one in of_source if one["state"] != "idle"}),
        "leases": sum(one["lease"] is not None for one in of_source),
    }


def write_some(ground: Ground, count: int, name: str = "a") -> None:
    for number in range(count):
        body = interaction(f"{name}{number}", user_id=f"user-{number}")
        ground.container(INTERACTIONS).upsert_item(body)


def test_a_drained_source_is_idle(ground: Ground, lag: Lag) -> None:
    write_some(ground, 8)
    with ground.host() as host:
        host.run_until_idle()

        code, found = lag()

    assert code == 0
    assert found[INTERACTIONS] == {"states": ["idle"], "changes": 0, "readers": [], "leases": 2}
    assert found[SESSIONS]["states"] == ["idle"]


def test_an_idle_source_is_idle_also_when_nobody_reads_it(ground: Ground, lag: Lag) -> None:
    with ground.host() as host:
        host.run_until_idle()

    assert (lag()[0], lag()[1][INCIDENTS]["states"]) == (0, ["idle"])


def test_what_nobody_reads_while_it_grows_is_frozen_and_counted(ground: Ground, lag: Lag) -> None:
    write_some(ground, 8)
    with ground.host() as host:
        host.run_until_idle()
    write_some(ground, 6, "b")

    code, found = lag()

    assert (
        code,
        found[INTERACTIONS]["states"],
        found[INTERACTIONS]["changes"],
    ) == (1, ["frozen"], 6)
    assert found[INTERACTIONS]["readers"] == ["nobody owns the lease"]
    assert found[SESSIONS]["states"] == ["idle"]


@pytest.mark.parametrize(
    "timestamp", ["11/27/2026 2:32:50 PM", "2026-11-27T14:32:50.1+0530[Asia/Kolkata]", 7, {}]
)
def test_a_lease_is_read_whatever_form_its_timestamp_has(
    ground: Ground, lag: Lag, timestamp: object
) -> None:
    with ground.host() as running:
        running.run_until_idle()
        running.abandon()
    for lease in ground.documents("leases"):
        ground.container("leases").upsert_item({**lease, "timestamp": timestamp})
    write_some(ground, 4)

    code, found = lag()

    assert (code, found[INTERACTIONS]["readers"]) == (1, ["its owner renews the lease"])


def test_a_damaged_lease_is_skipped(
    ground: Ground, lag: Lag, capsys: pytest.CaptureFixture[str]
) -> None:
    with ground.host() as running:
        running.run_until_idle()
    for lease in ground.documents("leases"):
        if "LeaseToken" in lease:
            ground.container("leases").upsert_item({**lease, "FeedRange": "all"})

    code, found = lag()

    assert (code, found[INTERACTIONS]["leases"]) == (0, 0)


def test_a_lease_whose_owner_died_says_for_how_long(
    ground: Ground, lag: Lag, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_some(ground, 8)
    host = ground.host()
    with host as running:
        running.run_until_idle()
        running.abandon()
    monkeypatch.setattr("cosmos_views.upkeep.lag.LEASE_EXPIRATION_SECONDS", -1)
    write_some(ground, 4, "b")

    code, found = lag()

    assert (code, found[INTERACTIONS]["states"]) == (1, ["frozen"])
    assert all("not renewed" in reader for reader in found[INTERACTIONS]["readers"])


def test_a_batch_that_fails_for_ever_freezes_its_lease_although_it_is_renewed(
    ground: Ground, lag: Lag
) -> None:
    ground.endpoint.faults.add("batch", container="state", status=400)
    ground.container(SESSIONS).upsert_item(session("s"))
    timing = Timing(retry_delay_scale=0.01, poll_delay_seconds=0.05, acquire_seconds=0.05)
    with ground.host(timing=timing, runs_timers=False) as host:
        host.start()
        wait_until(lambda: host.counts()["sessions"].retries > 2)

        code, found = lag()

        assert (code, found[SESSIONS]["states"]) == (1, ["frozen", "idle"])
        assert found[SESSIONS]["readers"] == ["its owner renews the lease"]
        ground.endpoint.faults.clear()
        wait_until(lambda: lag()[1][SESSIONS]["states"] == ["idle"])


def test_a_source_no_trigger_has_ever_read_has_no_lease(ground: Ground, lag: Lag) -> None:
    assert (
        lag()[0],
        lag()[1][INTERACTIONS]["states"],
        lag()[1][INTERACTIONS]["leases"],
    ) == (0, ["idle"], 0)
    write_some(ground, 3)

    code, found = lag()

    assert (
        code,
        found[INTERACTIONS]["states"],
        found[INTERACTIONS]["changes"],
    ) == (1, ["frozen"], 3)


def test_a_source_that_moves_is_behind_and_not_frozen(ground: Ground) -> None:
    """The gauge, read while a host takes one batch after another."""
    write_some(ground, 30)
    worker = ground.worker()
    with ground.host() as host:
        host.run_until_idle()
        write_some(ground, 1, "b")
        first = {one.name: state for one, state in worker.gauge.read()}
        host.run_until_idle()
        write_some(ground, 1, "b")
        second = {one.name: state for one, state in worker.gauge.read()}
        third = {one.name: state for one, state in worker.gauge.read()}

    assert {"idle", "behind"} == set(first.values()) == set(second.values())
    assert {"idle", "frozen"} == set(third.values())


def test_the_number_behind_is_the_hosts_own(ground: Ground, lag: Lag) -> None:
    write_some(ground, 9)
    with ground.host() as host:
        host.run_until_idle(max_batches=1)
        theirs = sum(host.lags()["interactions"].values())
        ours = lag()[1][INTERACTIONS]["changes"]

    assert theirs == ours


def test_the_timer_logs_one_line_per_source_for_a_few_request_units(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    write_some(ground, 5)
    with ground.host() as host, caplog.at_level(logging.INFO, "worker"):
        host.run_until_idle()
        host.fire("lag")
        caplog.clear()
        before = ground.endpoint.stats.request_charge()
        host.fire("lag")
        charge = ground.endpoint.stats.request_charge() - before

    lines = [json.loads(one.getMessage()) for one in caplog.records if one.name == "worker"]
    assert sorted(SOURCES) == sorted(line["source"] for line in lines)
    assert {("lag", 0, 0, 2)} == {
        (line["event"], line["changes_behind"], line["leases_frozen"], line["leases"])
        for line in lines
    }
    assert charge < 12


def test_the_timer_shouts_when_a_lease_is_frozen(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    with ground.host() as host:
        host.run_until_idle()
    write_some(ground, 5)
    worker = ground.worker()

    worker.lag()
    worker.lag()

    lines = [json.loads(one.getMessage()) for one in caplog.records if one.name == "worker"]
    assert [line["level"] for line in lines if line["level"] != "info"] == ["error"]
    (frozen,) = [line for line in lines if line["level"] == "error"]
    assert (
        frozen["source"],
        frozen["changes_behind"],
        frozen["reasons"],
    ) == (INTERACTIONS, 5, ["nobody owns the lease"])


def test_watch_prints_until_it_is_interrupted(
    ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = iter([None, None])

    def wait(_: float) -> None:
        if next(waits, "over") == "over":
            raise KeyboardInterrupt

    monkeypatch.setattr("cosmos_views.cli.lag.time.sleep", wait)
    account = ("--connection", ground.endpoint.connection_string, "--database", ground.database)

    code = main(["lag", "--json", "--watch", *account])

    printed = capsys.readouterr().out.splitlines()
    assert code == 130
    assert [len(json.loads(line)) for line in printed] == [3, 3, 3]
