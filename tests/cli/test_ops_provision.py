"""`provision` creates what is missing, changes nothing, and refuses what cannot work."""

import pytest
from azure.cosmos import CosmosClient, PartitionKey

from cosmos_views.store import catalogue
from emulators.cosmos import Endpoint
from pack import PACK
from tests.cli.conftest import Run

NAMES = {container.name for container in catalogue.of(PACK).containers}


def test_creates_every_container_and_the_first_generation(ops: Run) -> None:
    ran = ops("provision", "--json")
    assert ran.code == 0
    assert ran.json["containers"] == dict.fromkeys(NAMES, "created")
    assert (ran.json["generation"], ran.json["buckets"], ran.json["created"]) == (1, 1, True)


def test_a_second_time_changes_nothing(ops: Run) -> None:
    ops("provision", "--buckets", 4)
    ran = ops("provision", "--json")
    assert ran.code == 0
    assert ran.json["containers"] == dict.fromkeys(NAMES, "exists")
    assert (ran.json["buckets"], ran.json["created"]) == (4, False)


def test_where_nothing_is_missing_only_containers_are_asked_for(
    ops: Run, endpoint: Endpoint
) -> None:
    """An identity whose roles end at the containers may neither list nor read databases."""
    database = ops("provision", "--json").json["database"]
    endpoint.stats.reset()

    assert ops("provision").code == 0

    asked = {total.container for total in endpoint.stats.totals() if total.database == database}
    assert asked == NAMES


def test_says_in_words_what_it_did(ops: Run) -> None:
    lines = ops("provision", "--serverless").out.splitlines()
    assert "created  daily_metrics" in lines
    assert lines[-1].startswith("created  generation 1, 1 bucket, definition ")


def test_another_number_of_buckets_is_refused(ops: Run) -> None:
    ops("provision", "--buckets", 2)
    ran = ops("provision", "--buckets", 3)
    assert ran.code == 2
    assert ran.err.splitlines()[1].startswith("The store has 2 buckets and keeps that number")


@pytest.mark.parametrize("buckets", ["0", "-1", "many", "2000"])
def test_a_number_of_buckets_that_is_none_is_wrong_usage(ops: Run, buckets: str) -> None:
    ran = ops("provision", f"--buckets={buckets}")
    assert ran.code == 2
    assert "is no number from 1 to 1024" in ran.err


def test_a_store_of_another_definition_is_refused(ops: Run, endpoint: Endpoint) -> None:
    database = ops("provision", "--json").json["database"]
    client = CosmosClient(endpoint.url, endpoint.key)
    state = client.get_database_client(database).get_container_client("state")
    generation = state.read_item("generation", "generation")
    state.upsert_item({**generation, "definition_version": "0-other"})
    ran = ops("provision")
    assert ran.code == 2
    assert "0-other" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("unfit", "reason"),
    [
        ({"consistency": "Eventual"}, "default consistency is Eventual"),
        ({"multi_region_writes": True}, "written in several regions"),
    ],
)
def test_an_account_without_the_guarantees_is_refused(
    command: Run, unfit: dict[str, object], reason: str
) -> None:
    with Endpoint(**unfit) as endpoint:  # type: ignore[arg-type]  # one option at a time
        ran = command("provision", "--connection", endpoint.connection_string)
    assert ran.code == 2
    assert reason in ran.err


def test_a_container_with_another_partition_key_is_named(ops: Run, endpoint: Endpoint) -> None:
    database = ops("provision", "--json").json["database"]
    client = CosmosClient(endpoint.url, endpoint.key)
    proxy = client.get_database_client(database)
    proxy.delete_container("leases")
    proxy.create_container("leases", PartitionKey("/other"))
    ran = ops("provision")
    assert ran.code == 2
    assert "'leases' exists with partition key '/other'" in ran.err
