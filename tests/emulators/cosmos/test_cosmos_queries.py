"""Queries select what the service would select, in the order it would give."""

from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from emulators.cosmos import Endpoint
from emulators.cosmos.errors import Refused
from emulators.cosmos.query_parser import parse
from tests.emulators.cosmos.support import DATABASE, connect, fill, ids, make_container, things


def ask(container: ContainerProxy, text: str, key: Any = None, **values: Any) -> list[Any]:
    """All results of a query; without a key, across partitions."""
    parameters = [{"name": f"@{name}", "value": value} for name, value in values.items()]
    scope = {"enable_cross_partition_query": True} if key is None else {"partition_key": key}
    return list(container.query_items(text, parameters=parameters, **scope))


@pytest.fixture
def filled(container: ContainerProxy) -> ContainerProxy:
    fill(container, things())
    return container


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("c.n = 37", ["a"]),
        ("37 = c.n", ["a"]),
        ("c.n != 37", ["b", "c"]),
        ("c.n <> 37", ["b", "c"]),
        ("c.n > 2 AND c.n <= 37", ["a", "b"]),
        ("c.n < 0 OR c.text = 'hi'", ["a", "c"]),
        ("NOT c.n = 37", ["b", "c"]),
        ("NOT (c.n = 37 OR c.n = 5)", ["c"]),
        ("c.n IN (5, 37, 99)", ["a", "b"]),
        ("c.n NOT IN (5, 37)", ["c"]),
        ("c.text IN ('hi', 'ho')", ["a", "b"]),
        ("c.deep.flag = true", ["a"]),
        ("c['deep']['flag'] = false", ["b"]),
        ("c.nothing = null", ["c"]),
        ("IS_DEFINED(c.deep)", ["a", "b"]),
        ("IS_DEFINED(c.deep) = false", ["c"]),
        ("IS_OBJECT(c.deep)", ["a", "b"]),
        ("IS_OBJECT(c.n)", []),
        ("IS_OBJECT(c.deep) = false", ["c"]),
        ("STARTSWITH(c.text, 'h')", ["a", "b"]),
        ("ARRAY_CONTAINS(c.tags, 'x')", ["a"]),
        ("ARRAY_CONTAINS(['hi', 'ho'], c.text)", ["a", "b"]),
        ("c.id >= 'b'", ["b", "c"]),
        ("c.id > 'a' AND c.id < 'c'", ["b"]),
        ("STARTSWITH(c.id, 'b')", ["b"]),
        ("c.id = 'a' AND c.n = 5", []),
        ("c.id = 'a' OR c.n = 5", ["a", "b"]),
        ("c.id IN ('a', 'c') AND c.n < 0", ["c"]),
        ("c.pk = 'A' AND c.id = 'a'", ["a"]),
        ("c.pk = 'B'", []),
        ("false", []),
        ("true", ["a", "b", "c"]),
    ],
)
def test_a_condition_selects_what_it_says(
    container: ContainerProxy, condition: str, expected: list[str]
) -> None:
    fill(
        container,
        [
            {"id": "a", "pk": "A", "n": 37, "text": "hi", "deep": {"flag": True}, "tags": ["x"]},
            {"id": "b", "pk": "A", "n": 5, "text": "ho", "deep": {"flag": False}, "tags": []},
            {"id": "c", "pk": "A", "n": -1, "nothing": None},
        ],
    )
    text = f"SELECT * FROM c WHERE {condition}"
    assert expected == ids(ask(container, text, "A"))
    assert expected == ids(ask(container, text))


def test_comparing_different_types_selects_nothing(container: ContainerProxy) -> None:
    fill(container, [{"id": "a", "pk": "A", "n": "1"}, {"id": "b", "pk": "A"}])
    for condition in ("c.n = 1", "c.n != 1", "NOT (c.n = 1)", "c.n < 2", "c.n IN (1)"):
        assert ask(container, f"SELECT * FROM c WHERE {condition}", "A") == []


def test_hundreds_of_ids_in_one_partition_are_found(container: ContainerProxy) -> None:
    items = [{"id": f"i{n:03}", "pk": "A"} for n in range(300)]
    for start in (0, 100, 200):
        batch = [("create", (item,)) for item in items[start : start + 100]]
        container.execute_item_batch(batch, "A")
    container.create_item({"id": "i000", "pk": "B"})
    wanted = [f"i{n:03}" for n in range(0, 600, 2)]
    expected = wanted[:150]
    contains = ask(container, "SELECT * FROM c WHERE ARRAY_CONTAINS(@ids, c.id)", "A", ids=wanted)
    assert expected == ids(contains)
    names = {f"i{n}": name for n, name in enumerate(wanted)}
    listed = ", ".join(f"@{name}" for name in names)
    among = ask(container, f"SELECT * FROM c WHERE c.id IN ({listed})", "A", **names)
    assert expected == ids(among)


def test_an_id_range_pages_in_code_point_order(container: ContainerProxy) -> None:
    names = ["p:A", "p:Z", "p:a", "p:b", "p:é", "p:\u20ac", "p:\U0001f600", "q", "o"]
    fill(container, [{"id": name, "pk": "A"} for name in names])
    for direction, expected in (("", sorted(names)[1:-1]), (" DESC", sorted(names)[-2:0:-1])):
        pages = container.query_items(
            f"SELECT * FROM c WHERE c.id >= @from AND c.id < @to ORDER BY c.id{direction}",
            parameters=[{"name": "@from", "value": "p:"}, {"name": "@to", "value": "p;"}],
            partition_key="A",
            max_item_count=3,
        ).by_page()
        assert [expected[:3], expected[3:6], expected[6:]] == [ids(page) for page in pages]


def test_an_id_range_resumes_past_what_was_inserted_meanwhile(container: ContainerProxy) -> None:
    fill(container, [{"id": f"i{n}", "pk": "A"} for n in range(6)])
    text = "SELECT c.id FROM c WHERE c.id >= 'i' ORDER BY c.id"
    pages: Any = container.query_items(text, partition_key="A", max_item_count=3).by_page()
    first = ids(next(pages))
    container.create_item({"id": "i0-between", "pk": "A"})
    rest = container.query_items(text, partition_key="A", max_item_count=3).by_page(
        pages.continuation_token
    )
    assert first + [n for page in rest for n in ids(page)] == ["i0", "i1", "i2", "i3", "i4", "i5"]


def test_a_query_stays_in_its_partition_key(filled: ContainerProxy) -> None:
    expected = [d["id"] for d in things() if d["pk"] == "p1" and d["n"] >= 30]
    assert expected == ids(ask(filled, "SELECT * FROM c WHERE c.n >= @n", "p1", n=30))


def test_a_query_without_key_needs_to_be_allowed_across_partitions(
    filled: ContainerProxy,
) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        list(filled.query_items("SELECT * FROM c"))
    assert refused.value.status_code == 400


def test_a_query_across_partitions_pages_through_everything(filled: ContainerProxy) -> None:
    pages = filled.query_items(
        "SELECT * FROM c", enable_cross_partition_query=True, max_item_count=25
    ).by_page()
    sizes = []
    found = []
    for page in pages:
        page_ids = ids(page)
        sizes.append(len(page_ids))
        found += page_ids
    assert sizes == [25, 25, 10]
    assert ids(things()) == sorted(found)


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_an_order_holds_across_partitions_and_pages(filled: ContainerProxy, direction: str) -> None:
    pages = filled.query_items(
        f"SELECT c.n FROM c ORDER BY c.n {direction}",
        enable_cross_partition_query=True,
        max_item_count=7,
    )
    expected = sorted((d["n"] for d in things()), reverse=direction == "DESC")
    assert expected == [result["n"] for result in pages]


def test_an_order_by_several_properties_needs_a_composite_index(client: CosmosClient) -> None:
    plain = make_container(client, "plain")
    text = "SELECT * FROM c ORDER BY c.group, c.n DESC"
    with pytest.raises(CosmosHttpResponseError) as refused:
        ask(plain, text)
    assert refused.value.status_code == 400
    composite = [
        {"path": "/group", "order": "ascending"},
        {"path": "/n", "order": "descending"},
    ]
    indexed = make_container(
        client,
        "indexed",
        indexing_policy={
            "includedPaths": [{"path": "/*"}],
            "compositeIndexes": [composite],
        },
    )
    fill(indexed, things())
    expected = sorted(things(), key=lambda d: (d["group"], -d["n"]))
    assert ids(expected) == ids(ask(indexed, text))


def test_an_order_needs_an_index_but_id_always_has_one(client: CosmosClient) -> None:
    bare = make_container(
        client,
        "bare",
        indexing_policy={"includedPaths": [], "excludedPaths": [{"path": "/*"}]},
    )
    fill(bare, things(keys=1))
    assert ids(things(keys=1)) == ids(ask(bare, "SELECT * FROM c ORDER BY c.id", "p0"))
    with pytest.raises(CosmosHttpResponseError) as refused:
        ask(bare, "SELECT * FROM c ORDER BY c.n", "p0")
    assert refused.value.status_code == 400


def test_projections_name_their_columns(container: ContainerProxy) -> None:
    made = container.create_item({"id": "a", "pk": "A", "deep": {"v": 1}})
    (found,) = ask(container, "SELECT c.id, c._ts, c._etag, c.deep.v AS w, c.none FROM c", "A")
    assert {"id": "a", "_ts": made["_ts"], "_etag": made["_etag"], "w": 1} == found
    assert ask(container, "SELECT VALUE c.deep.v FROM c", "A") == [1]
    assert ask(container, "SELECT VALUE c.none FROM c", "A") == []
    assert ask(container, "SELECT VALUE x.id FROM root x", "A") == ["a"]
    shown = "SELECT VALUE {'id': c.id, 'w': c.none, 'both': [c.none, c.deep.v]} FROM c"
    assert ask(container, shown, "A") == [{"id": "a", "both": [None, 1]}]


def test_top_and_offset_limit_cut_the_result_across_pages(filled: ContainerProxy) -> None:
    text = "SELECT * FROM c WHERE c.pk = 'p0' ORDER BY c.id OFFSET 2 LIMIT 5"
    expected = [d["id"] for d in things() if d["pk"] == "p0"]
    pages = filled.query_items(text, partition_key="p0", max_item_count=2).by_page()
    assert [expected[2:4], expected[4:6], expected[6:7]] == [ids(page) for page in pages]
    assert expected[:3] == ids(ask(filled, "SELECT TOP 3 * FROM c ORDER BY c.id", "p0"))


def test_aggregates_count_and_compare(filled: ContainerProxy) -> None:
    assert ask(filled, "SELECT VALUE COUNT(1) FROM c") == [60]
    assert ask(filled, "SELECT VALUE COUNT(1) FROM c", "p1") == [10]
    assert ask(filled, "SELECT VALUE COUNT(c.id) FROM c WHERE c.group = 1") == [20]
    assert ask(filled, "SELECT VALUE MAX(c.n) FROM c") == [59]
    assert ask(filled, "SELECT VALUE MIN(c.n) FROM c") == [0]
    assert ask(filled, "SELECT VALUE MAX(c.none) FROM c", "p1") == []


def test_feed_ranges_share_a_query_out(filled: ContainerProxy) -> None:
    found: list[str] = []
    counted = 0
    for feed_range in filled.read_feed_ranges():
        found += ids(filled.query_items("SELECT * FROM c", feed_range=feed_range))
        counts: list[Any] = list(
            filled.query_items("SELECT VALUE COUNT(1) FROM c", feed_range=feed_range)
        )
        counted += sum(counts)
    assert (ids(things()), 60) == (sorted(found), counted)


def test_read_all_items_reads_all(filled: ContainerProxy) -> None:
    assert ids(things()) == sorted(ids(filled.read_all_items(max_item_count=7)))


def test_read_items_finds_documents_of_many_partition_keys(filled: ContainerProxy) -> None:
    wanted = [(d["id"], d["pk"]) for d in things()[::7]]
    assert sorted(name for name, _ in wanted) == ids(filled.read_items(wanted))
    one_key = [(d["id"], d["pk"]) for d in things() if d["pk"] == "p2"]
    assert [name for name, _ in one_key] == ids(filled.read_items([*one_key, ("no", "p2")]))


def test_a_query_goes_on_after_a_split(filled: ContainerProxy, endpoint: Endpoint) -> None:
    pages = filled.query_items(
        "SELECT * FROM c", enable_cross_partition_query=True, max_item_count=25
    ).by_page()
    found = ids(next(pages))
    endpoint.split(DATABASE, filled.id)
    for page in pages:
        found += ids(page)
    assert ids(things()) == sorted(found)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT DISTINCT c.n FROM c",
        "SELECT c.group, COUNT(1) AS k FROM c GROUP BY c.group",
        "SELECT * FROM c WHERE COUNT(1) > 0",
        "SELECT * FROM c JOIN t IN c.tags",
        "SELECT * FROM c WHERE c.n BETWEEN 1 AND 2",
        "SELECT * FROM c WHERE c.text LIKE 'h%'",
        "SELECT * FROM c WHERE c.n + 1 = 2",
        "SELECT * FROM c WHERE c.tags[0] = 'x'",
        "SELECT * FROM c WHERE CONTAINS(c.text, 'h')",
        "SELECT * FROM c WHERE c.n = 1 GARBAGE",
        "SELECT * FROM c WHERE other.n = 1",
        "SELECT c.n + 1 FROM c",
        "DELETE FROM c",
        "SELECT * FROM c ORDER BY 1",
        "SELECT * FROM c WHERE c.n = §",
    ],
)
def test_a_query_outside_the_subset_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(text)
    assert refused.value.status == 501
    assert "does not support" in refused.value.sentence


def test_the_sdk_hears_that_sentence() -> None:
    with Endpoint() as endpoint, connect(endpoint) as client:
        container = make_container(client, "things")
        with pytest.raises(CosmosHttpResponseError) as refused:
            ask(container, "SELECT DISTINCT c.n FROM c", "A")
    assert refused.value.status_code == 501
    assert "does not support 'DISTINCT'" in refused.value.message


def test_a_parameter_that_is_not_given_is_undefined(filled: ContainerProxy) -> None:
    assert ask(filled, "SELECT * FROM c WHERE c.n = @n", "p0") == []
    assert ask(filled, "SELECT * FROM c WHERE IS_DEFINED(@n)", "p0") == []


@pytest.mark.parametrize("name", ["@0", "@", "n", "@a.b", "@a b", "@é", ""])
def test_a_parameter_is_named_by_an_identifier(filled: ContainerProxy, name: str) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        list(
            filled.query_items(
                "SELECT * FROM c WHERE c.n = 1",
                parameters=[{"name": name, "value": 1}],
                partition_key="p0",
            )
        )
    assert refused.value.status_code == 400
    assert f"Specified parameter name '{name}' is invalid" in refused.value.message


def test_a_parameter_is_given_once(filled: ContainerProxy) -> None:
    twice: list[dict[str, object]] = [{"name": "@n", "value": 1}, {"name": "@n", "value": 2}]
    with pytest.raises(CosmosHttpResponseError, match="duplicate parameter name '@n'"):
        list(
            filled.query_items(
                "SELECT * FROM c WHERE c.n = @n", parameters=twice, partition_key="p0"
            )
        )


def test_a_text_names_parameters_by_identifiers() -> None:
    with pytest.raises(Refused) as refused:
        parse("SELECT * FROM c WHERE c.n IN (@0)")
    assert refused.value.status == 400
