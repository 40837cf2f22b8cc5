"""Laws of routing and of query planning, over generated values."""

from typing import Any

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.partition_key import NonePartitionKeyValue
from hypothesis import given
from hypothesis import strategies as st

from emulators.cosmos import partition_keys
from emulators.cosmos.partition_keys import UNDEFINED_KEY, encode
from emulators.cosmos.query_plan import plan
from emulators.cosmos.query_syntax import And, Call, Compare, Expression, In, Literal, Not, Or, Path
from emulators.cosmos.query_values import evaluator

ID, KEY, NUMBER = Path(("id",)), Path(("pk",)), Path(("n",))

names = st.sampled_from(["a", "ab", "b", "c", "é", "\U0001f600"])
keys = st.sampled_from(["A", "B", 1, None, True])
numbers = st.sampled_from([0, 1, 2, "1", None])
documents = st.fixed_dictionaries({"id": names, "pk": keys}, optional={"n": numbers})


def compared(path: Path, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Expression]:
    operators = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    literals = st.builds(Literal, values)
    listed = st.lists(literals, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Compare, operators, st.just(path), literals),
        st.builds(Compare, operators, literals, st.just(path)),
        st.builds(In, st.just(path), listed),
    )


leaves: st.SearchStrategy[Expression] = st.one_of(
    compared(ID, st.one_of(names, st.just(7))),
    compared(KEY, keys),
    compared(NUMBER, numbers),
    st.builds(
        lambda found: Call("ARRAY_CONTAINS", (Literal(found), ID)), st.lists(names, max_size=3)
    ),
    st.builds(lambda prefix: Call("STARTSWITH", (ID, Literal(prefix))), names),
    st.builds(Literal, st.booleans()),
)
conditions: st.SearchStrategy[Expression] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


def selected(condition: Expression, document: dict[str, Any]) -> bool:
    return evaluator(condition)(document) is True


@given(conditions, documents)
def test_a_plan_selects_exactly_what_its_condition_selects(
    condition: Expression, document: dict[str, Any]
) -> None:
    planned = plan(condition, ("pk",))
    key = encode(document["pk"])
    name = document["id"]
    found = planned.key in (None, key) and planned.id_from <= name < planned.id_before
    if planned.addresses is not None:
        found = found and ((key, name) in planned.addresses or (None, name) in planned.addresses)
    if planned.residual is not None:
        found = found and selected(planned.residual, document)
    assert found == selected(condition, document)


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.text(max_size=50),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_a_partition_key_hashes_as_in_the_sdk(value: Any) -> None:
    expected = PartitionKey("/pk")._get_epk_range_for_partition_key(value).min
    assert expected == partition_keys.effective(encode(value))


def test_a_missing_partition_key_hashes_as_in_the_sdk() -> None:
    expected = PartitionKey("/pk")._get_epk_range_for_partition_key(NonePartitionKeyValue).min
    assert expected == partition_keys.effective(UNDEFINED_KEY)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 1000])
def test_equal_ranges_cover_every_hash_once(count: int) -> None:
    ranges = partition_keys.equal_ranges(count)
    assert (ranges[0][0], ranges[-1][1]) == ("", "FF")
    assert [low for low, _ in ranges[1:]] == [high for _, high in ranges[:-1]]
    assert sorted(ranges) == ranges


def test_a_split_halves_a_range() -> None:
    low, high = "", "FF"
    cut = partition_keys.middle(low, high)
    assert partition_keys.width(low, cut) == partition_keys.width(cut, high)
