"""The algebra: rows add up, in any order and grouping, and everything can be taken back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.publish.measures import (
    Measures,
    add,
    add_all,
    add_row,
    difference,
    is_negative,
    normalized,
    normalized_delta,
    sum_measures,
)

rows = st.lists(st.integers(min_value=-3, max_value=3), max_size=4)
measures: st.SearchStrategy[Measures] = st.dictionaries(st.sampled_from("abc"), rows, max_size=3)
contributions = st.lists(
    st.tuples(st.sampled_from(("day:1", "day:2")), st.sampled_from("ab"), rows), max_size=8
)


def negated(some: Measures) -> Measures:
    return {cell: [-value for value in row] for cell, row in some.items()}


def of(*some: tuple[str, str, Any], sign: int = 1) -> dict[str, Measures]:
    delta: dict[str, Measures] = {}
    add_all(delta, some, sign)
    return normalized_delta(delta)


@given(contributions, contributions)
def test_a_difference_is_one_sum_less_the_other(
    added: list[tuple[str, str, Any]], retracted: list[tuple[str, str, Any]]
) -> None:
    expected: dict[str, Measures] = {}
    add_all(expected, added)
    add_all(expected, retracted, -1)
    found = difference(added, iter(retracted))

    assert normalized_delta(expected) == found
    assert list(found) == sorted(found)
    assert all(list(cells) == sorted(cells) for cells in found.values())
    assert difference(retracted, retracted) == {}


@given(measures, measures)
def test_addition_commutes(left: Measures, right: Measures) -> None:
    assert add(left, right) == add(right, left)


@given(measures, measures, measures)
def test_addition_groups_as_it_likes(a: Measures, b: Measures, c: Measures) -> None:
    assert add(add(a, b), c) == add(a, add(b, c))


@given(measures)
def test_nothing_added_changes_nothing(some: Measures) -> None:
    assert normalized(some) == add(some, {})
    assert normalized(some) == add({}, some)


@given(measures)
def test_everything_has_an_inverse(some: Measures) -> None:
    assert add(some, negated(some)) == {}


@given(measures, measures)
def test_neither_side_is_changed(left: Measures, right: Measures) -> None:
    before = {cell: list(row) for cell, row in left.items()}, dict(right)
    add(left, right)

    assert before == (left, right)


@given(measures)
def test_there_is_one_way_to_write_measures(some: Measures) -> None:
    written = normalized(some)
    padded = {cell: [*row, 0, 0] for cell, row in reversed(list(some.items()))}

    assert written == normalized(padded)
    assert list(written) == sorted(written)
    assert all(row[-1] for row in written.values())
    assert written == normalized(written)


@given(st.lists(measures, max_size=4))
def test_a_sum_is_repeated_addition(parts: list[Measures]) -> None:
    total: Measures = {}
    for part in parts:
        total = add(total, part)

    assert total == normalized(sum_measures(parts))


@given(contributions, contributions)
def test_retracting_what_was_applied_is_nothing(kept: list[Any], gone: list[Any]) -> None:
    delta: dict[str, Measures] = {}
    add_all(delta, [*gone, *kept])
    add_all(delta, gone, -1)

    assert of(*kept) == normalized_delta(delta)


@given(contributions.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_of_contributions_does_not_matter(orders: tuple[list[Any], list[Any]]) -> None:
    assert of(*orders[0]) == of(*orders[1])


@given(contributions)
def test_contributions_are_not_changed(some: list[Any]) -> None:
    before = [(key, cell, list(row)) for key, cell, row in some]
    of(*some, *some)

    assert before == some


def test_a_longer_row_extends_a_shorter_one() -> None:
    total: Measures = {"a": [1]}
    add_row(total, "a", (2, 0, 3))
    add_row(total, "b", (4, 5), -1)
    add_row(total, "a", (1, 1), -1)

    assert total == {"a": [2, -1, 3], "b": [-4, -5]}


def test_a_key_that_does_not_change_is_left_out() -> None:
    delta = {"day:2": {"b": [0], "a": [1, 0]}, "day:1": {"a": [0, 0]}}

    assert normalized_delta(delta) == {"day:2": {"a": [1]}}
    assert list(normalized_delta({"b": {"a": [1]}, "a": {"a": [1]}})) == ["a", "b"]


@pytest.mark.parametrize(
    ("some", "expected"),
    [({}, False), ({"a": [0, 1]}, False), ({"a": [1], "b": [1, -1]}, True)],
)
def test_one_measure_below_zero_makes_all_of_it_negative(some: Measures, expected: bool) -> None:
    assert expected == is_negative(some)
