"""Queries over several physical partitions: refused as the service refuses them, planned, merged.

The merging is the SDK's own: what is asked for here runs its real path, with one range and four.
"""

import asyncio
from typing import Any

import msgspec
import pytest
from azure.cosmos import ContainerProxy, CosmosClient
from azure.cosmos.aio import CosmosClient as AsyncClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from emulators.cosmos import Endpoint, query_distribution
from emulators.cosmos.errors import Refused
from emulators.cosmos.query_parser import parse
from tests.emulators.cosmos.support import DATABASE, fill, make_container, things
from tests.emulators.cosmos.test_cosmos_queries import ask

LINK = f"dbs/{DATABASE}/colls/things"
WHOLE = {"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}


@pytest.fixture
def filled(container: ContainerProxy) -> ContainerProxy:
    fill(container, things())
    return container


NUMBERS = [document["n"] for document in things()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT VALUE c.n FROM c ORDER BY c.n", list(range(60))),
        ("SELECT VALUE c.n FROM c ORDER BY c.n DESC", list(range(59, -1, -1))),
        ("SELECT VALUE c.n FROM c WHERE c.n < @limit ORDER BY c.n DESC", [4, 3, 2, 1, 0]),
        ("SELECT TOP 3 VALUE c.n FROM c ORDER BY c.n", [0, 1, 2]),
        ("SELECT TOP @three VALUE c.n FROM c ORDER BY c.n DESC", [59, 58, 57]),
        ("SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 2 LIMIT 3", [2, 3, 4]),
        ("SELECT VALUE c.n FROM c ORDER BY c.n OFFSET @limit LIMIT @three", [5, 6, 7]),
        ("SELECT VALUE c.none FROM c ORDER BY c.n", []),
        ("SELECT c.n, c.none FROM c WHERE c.n = 7 ORDER BY c.n", [{"n": 7}]),
        ("SELECT VALUE COUNT(1) FROM c", [60]),
        ("SELECT VALUE COUNT(1) FROM c WHERE c.group = 1", [20]),
        ("SELECT VALUE COUNT(c.none) FROM c", [0]),
        ("SELECT VALUE SUM(c.n) FROM c", [sum(NUMBERS)]),
        ("SELECT VALUE AVG(c.n) FROM c WHERE c.n < @limit", [2]),
        ("SELECT VALUE MIN(c.n) FROM c WHERE c.n > @limit", [6]),
        ("SELECT VALUE MAX(c.n) FROM c", [59]),
        ("SELECT VALUE MAX(c.id) FROM c", ["i059"]),
        # The SDK's own answer where nothing is defined anywhere.
        ("SELECT VALUE MAX(c.none) FROM c", [None]),
    ],
)
def test_what_the_sdk_merges_is_what_the_query_means(
    filled: ContainerProxy, text: str, expected: list[Any]
) -> None:
    assert expected == ask(filled, text, limit=5, three=3)


@pytest.mark.parametrize(("text", "most"), [("SELECT TOP 7 * FROM c", 7), ("SELECT * FROM c", 60)])
def test_without_an_order_as_many_come_as_were_asked_for(
    filled: ContainerProxy, text: str, most: int
) -> None:
    assert most == len({found["id"] for found in ask(filled, text)})
    assert ask(filled, "SELECT TOP 0 * FROM c") == []
    assert len(ask(filled, "SELECT * FROM c OFFSET 55 LIMIT 10")) == 5


def test_an_order_holds_over_pages_of_every_partition(filled: ContainerProxy) -> None:
    pages = filled.query_items(
        "SELECT * FROM c ORDER BY c.n", enable_cross_partition_query=True, max_item_count=7
    ).by_page()
    found = [[document["n"] for document in page] for page in pages]
    assert list(range(60)) == [number for page in found for number in page]
    assert {len(page) for page in found[:-1]} == {7}


def test_the_aio_client_merges_the_same(filled: ContainerProxy, endpoint: Endpoint) -> None:
    async def found() -> list[Any]:
        async with AsyncClient(endpoint.url, endpoint.key) as client:
            container = client.get_database_client(DATABASE).get_container_client(filled.id)
            return [
                one async for one in container.query_items("SELECT TOP 3 * FROM c ORDER BY c.n")
            ]

    assert [one["n"] for one in asyncio.run(found())] == [0, 1, 2]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT VALUE COUNT(1) FROM c",
        "SELECT TOP 1 * FROM c",
        "SELECT * FROM c ORDER BY c.n",
        "SELECT * FROM c OFFSET 0 LIMIT 1",
    ],
)
def test_one_request_for_it_is_refused_and_has_the_plan_along(
    client: CosmosClient, filled: ContainerProxy, text: str
) -> None:
    connection: Any = client.client_connection
    options = {"enableCrossPartitionQuery": True}
    with pytest.raises(CosmosHttpResponseError) as refused:
        connection.QueryFeed(f"/{LINK}/docs/", LINK, text, options)
    assert (refused.value.status_code, refused.value.sub_status) == (400, 1004)
    body = msgspec.json.decode(refused.value.http_error_message)
    assert "can not be directly served by the gateway" in body["message"]
    asked: Any = connection._GetQueryPlanThroughGateway(text, LINK)
    assert asked == msgspec.json.decode(body["additionalErrorInfo"])
    assert asked["queryRanges"] == [WHOLE]


def test_a_partition_key_needs_no_plan(filled: ContainerProxy) -> None:
    expected = sorted(document["n"] for document in things() if document["pk"] == "p1")
    text = "SELECT VALUE c.n FROM c WHERE c.pk = 'p1' ORDER BY c.n"
    assert expected == ask(filled, text) == ask(filled, text, "p1")
    assert ask(filled, "SELECT VALUE COUNT(1) FROM c WHERE c.pk = 'p1'") == [10]
    assert [sum(expected)] == ask(filled, "SELECT VALUE SUM(c.n) FROM c", "p1")
    both = ask(filled, "SELECT MIN(c.n) AS least, MAX(c.n) AS most FROM c", "p1")
    assert [{"least": expected[0], "most": expected[-1]}] == both


def test_an_aggregate_that_is_not_the_value_is_refused_across_partitions(
    filled: ContainerProxy,
) -> None:
    with pytest.raises(CosmosHttpResponseError, match="only supports 'VALUE <AggregateFunc>'"):
        ask(filled, "SELECT COUNT(1) AS many FROM c")


def test_several_orders_are_merged_too(client: CosmosClient) -> None:
    composite = [{"path": "/group", "order": "ascending"}, {"path": "/n", "order": "descending"}]
    indexed = make_container(
        client,
        "indexed",
        indexing_policy={"includedPaths": [{"path": "/*"}], "compositeIndexes": [composite]},
    )
    fill(indexed, things())
    expected = [d["id"] for d in sorted(things(), key=lambda d: (d["group"], -d["n"]))]
    assert expected == ask(indexed, "SELECT VALUE c.id FROM c ORDER BY c.group, c.n DESC")


FILTER = query_distribution.FILTER


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        # As Microsoft's tests of its .NET SDK have them; a name of the container is left out.
        (
            "SELECT VALUE AVG(c.b) FROM c",
            'SELECT VALUE [{"item": {"sum": SUM(c.b), "count": COUNT(c.b)}}]\nFROM c',
        ),
        (
            "SELECT VALUE MIN(c.b) FROM c WHERE c.key > 1",
            'SELECT VALUE [{"item": MIN(c.b), "item2": {"min": MIN(c.b), "count": COUNT(c.b)}}]\n'
            "FROM c\nWHERE (c.key > 1)",
        ),
        ("SELECT VALUE SUM(c.b) FROM c", 'SELECT VALUE [{"item": SUM(c.b)}]\nFROM c'),
        ("SELECT VALUE COUNT(1) FROM c", 'SELECT VALUE [{"item": COUNT(1)}]\nFROM c'),
        (
            "SELECT * FROM Root r ORDER BY r.b",
            'SELECT r._rid, [{"item": r.b}] AS orderByItems, r AS payload\n'
            f"FROM r\nWHERE ({FILTER})\nORDER BY r.b",
        ),
        (
            "SELECT TOP 10 * FROM r WHERE r.key IN (1, 2) ORDER BY r.key DESC",
            'SELECT TOP 10 r._rid, [{"item": r.key}] AS orderByItems, r AS payload\n'
            f"FROM r\nWHERE ((r.key IN (1, 2)) AND ({FILTER}))\nORDER BY r.key DESC",
        ),
        (
            "SELECT c.b, c.b2 FROM c ORDER BY c.key",
            'SELECT c._rid, [{"item": c.key}] AS orderByItems,'
            ' {"b": c.b, "b2": c.b2} AS payload\n'
            f"FROM c\nWHERE ({FILTER})\nORDER BY c.key",
        ),
        (
            "SELECT VALUE c.b FROM c ORDER BY c.key",
            'SELECT c._rid, [{"item": c.key}] AS orderByItems, c.b AS payload\n'
            f"FROM c\nWHERE (({FILTER}) AND IS_DEFINED(c.b))\nORDER BY c.key",
        ),
        (
            "SELECT * FROM c WHERE c.b = 5 OFFSET 1 LIMIT 2",
            "SELECT *\nFROM c\nWHERE (c.b = 5)\nOFFSET 0 LIMIT 3",
        ),
        ("SELECT * FROM c OFFSET 1 LIMIT 2", "SELECT *\nFROM c\nOFFSET 0 LIMIT 3"),
        ("SELECT TOP 3 * FROM c", ""),
        ("SELECT * FROM c", ""),
    ],
)
def test_the_rewritten_query_is_the_service_s(text: str, rewritten: str) -> None:
    assert rewritten == query_distribution.plan(parse(text), None)["queryInfo"]["rewrittenQuery"]
    if rewritten:
        parse(rewritten.replace(FILTER, "true"))


def test_a_client_that_cannot_follow_a_plan_is_told_so() -> None:
    query = parse("SELECT VALUE COUNT(1) FROM c")
    query_distribution.check_supported(query, "OrderBy, Aggregate")
    with pytest.raises(Refused, match="contained Aggregate, which the calling client"):
        query_distribution.check_supported(query, "OrderBy")
