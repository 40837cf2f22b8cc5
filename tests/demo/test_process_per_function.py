"""Given a platform that runs every function in a process of its own, begun for that one run, as
Flex Consumption does; then nothing is missing of what a worker in one long process would say."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from azure.cosmos import CosmosClient

from emulators.cosmos import Endpoint
from tests.demo.processes import ROOT
from tests.worker.ground import INTERACTIONS, Ground
from tests.worker.stories import interaction

Line = dict[str, Any]


@pytest.fixture
def ground() -> Iterator[Ground]:
    with Endpoint(seed=29) as endpoint:
        client = CosmosClient(endpoint.url, endpoint.key)
        made = Ground(endpoint, client, "one-by-one")
        yield made
        made.close()


def ran(ground: Ground, function: str) -> list[Line]:
    """Run one function in a fresh process; the worker's log lines."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo.one_function", function],
        cwd=ROOT,
        env={**os.environ, **ground.app_settings()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    lines = [one for one in (done.stdout + done.stderr).splitlines() if one.startswith("{")]
    return [json.loads(one) for one in lines]


def health(ground: Ground) -> list[dict[str, Any]]:
    """The worker's own health, all windows added up."""
    shown = ground.documents("system_health")
    return [one for one in shown if one["metric_type"] == "change_feed"]


def test_health_is_written_by_the_run_that_measured_it(ground: Ground) -> None:
    ground.write(INTERACTIONS, interaction("a"), interaction("b"), interaction("c", status=1))

    ran(ground, "interactions")
    ground.write(INTERACTIONS, interaction("d"))
    ran(ground, "interactions")

    found = health(ground)
    assert {one["document_type"] for one in found} == {"system_health"}
    counted = [one["changes_counted"] + one["dead_letters"] for one in found]
    assert sum(counted) == 4
    assert all(one["request_charge"] > 0 for one in found)


def test_a_lease_that_stands_still_is_frozen_although_each_reading_is_a_fresh_process(
    ground: Ground,
) -> None:
    ran(ground, "interactions")
    ground.write(INTERACTIONS, interaction("a"))

    first, second = ran(ground, "lag"), ran(ground, "lag")
    ran(ground, "interactions")
    third = ran(ground, "lag")

    assert [_frozen(one) for one in (first, second, third)] == [0, 1, 0]


def _frozen(lines: list[Line]) -> int:
    return sum(int(one["leases_frozen"]) for one in lines if one["event"] == "lag")
