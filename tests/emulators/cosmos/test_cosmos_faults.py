"""Injected faults fail exactly what they were asked to fail, and how."""

from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.cosmos import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceNotFoundError,
)

from emulators.cosmos import Endpoint
from tests.emulators.cosmos.support import connect, make_container


def create(container: ContainerProxy, name: str = "a") -> int:
    """Status of one create; the SDK's own retries included."""
    try:
        container.create_item({"id": name, "pk": "A"})
    except CosmosHttpResponseError as error:
        return int(error.status_code or 0)
    return 201


@pytest.mark.parametrize(
    ("status", "substatus"), [(449, 0), (503, 0), (408, 0), (500, 0), (410, 1002)]
)
def test_a_status_fault_stops_the_write(
    endpoint: Endpoint, container: ContainerProxy, status: int, substatus: int
) -> None:
    endpoint.faults.add("create", status=status, substatus=substatus)
    with pytest.raises(CosmosHttpResponseError) as failed:
        container.create_item({"id": "a", "pk": "A"})
    assert (status, substatus) == (failed.value.status_code, failed.value.sub_status or 0)
    endpoint.faults.clear()
    with pytest.raises(CosmosResourceNotFoundError):
        container.read_item("a", "A")


def test_throttling_tells_when_to_come_back(endpoint: Endpoint, container: ContainerProxy) -> None:
    endpoint.faults.add("create", status=429, retry_after_ms=1, times=3)
    assert create(container) == 201
    assert endpoint.stats.total("things", "create").statuses == {"429": 3, "201": 1}


def test_throttling_without_a_hint_reaches_the_caller(
    endpoint: Endpoint, container: ContainerProxy
) -> None:
    with connect(endpoint, retry_throttle_total=0) as client:
        impatient = client.get_database_client("platform").get_container_client(container.id)
        endpoint.faults.add("create", status=429)
        with pytest.raises(CosmosHttpResponseError) as failed:
            impatient.create_item({"id": "a", "pk": "A"})
    assert (failed.value.status_code, failed.value.sub_status) == (429, 3200)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_dropped_write_took_effect_only_if_dropped_after(
    endpoint: Endpoint, container: ContainerProxy, moment: Any
) -> None:
    endpoint.faults.add("create", drop=True, moment=moment, times=1)
    with pytest.raises(ServiceResponseError):
        container.create_item({"id": "a", "pk": "A"})
    assert endpoint.stats.total("things", "create").dropped == 1
    assert {"before": 201, "after": 409}[moment] == create(container)


def test_a_batch_of_unknown_outcome_is_whole(endpoint: Endpoint, container: ContainerProxy) -> None:
    def batch() -> list[Any]:
        return [("create", ({"id": name, "pk": "A"},)) for name in ("a", "b", "c")]

    endpoint.faults.add("batch", status=500, moment="after", times=1)
    with pytest.raises(CosmosHttpResponseError) as unknown:
        container.execute_item_batch(batch(), "A")
    assert unknown.value.status_code == 500
    with pytest.raises(CosmosBatchOperationError) as there:
        container.execute_item_batch(batch(), "A")
    assert there.value.status_code == 409


def test_a_rule_can_wait_fire_a_few_times_and_fall_silent(
    endpoint: Endpoint, container: ContainerProxy
) -> None:
    endpoint.faults.add("create", status=408, skip=2, times=2)
    assert [create(container, f"i{n}") for n in range(5)] == [201, 201, 408, 408, 201]
    (report,) = endpoint.faults.list()
    assert (report.matched, report.fired) == (5, 2)


def test_a_rule_hits_only_its_container_and_operation(
    endpoint: Endpoint, container: ContainerProxy, client: CosmosClient
) -> None:
    other = make_container(client, "others")
    endpoint.faults.add("create", container="others", status=408)
    endpoint.faults.add("replace", status=408)
    assert (create(container), create(other)) == (201, 408)


def test_a_rule_for_everything_spares_metadata(
    endpoint: Endpoint, container: ContainerProxy
) -> None:
    endpoint.faults.add("*", status=408)
    assert container.read()["id"] == "things"
    assert create(container) == 408


def test_a_removed_rule_no_longer_fires(endpoint: Endpoint, container: ContainerProxy) -> None:
    number = endpoint.faults.add("create", status=408)
    assert create(container) == 408
    endpoint.faults.remove(number)
    assert create(container) == 201
    with pytest.raises(ValueError, match="no fault rule"):
        endpoint.faults.remove(number)


def test_a_delayed_request_still_succeeds(endpoint: Endpoint, container: ContainerProxy) -> None:
    endpoint.faults.add("create", delay_ms=20)
    assert create(container) == 201
    assert endpoint.faults.list()[0].fired == 1


def test_one_seed_gives_one_series_of_faults() -> None:
    def series(seed: int) -> list[int]:
        with Endpoint(seed=seed) as endpoint, connect(endpoint) as client:
            container = make_container(client, "things")
            endpoint.faults.add("create", status=408, probability=0.5)
            return [create(container, f"i{n}") for n in range(30)]

    first, again, other = series(1), series(1), series(2)
    assert first == again
    assert first != other
    assert {201, 408} == set(first)


def test_an_impossible_rule_is_refused(endpoint: Endpoint) -> None:
    impossible: tuple[dict[str, Any], ...] = (
        {"operation": "fly"},
        {"probability": 2},
        {"status": 200},
        {"times": -1},
    )
    for wrong in impossible:
        with pytest.raises(ValueError, match="fault"):
            endpoint.faults.add(**wrong)
