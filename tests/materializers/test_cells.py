"""Cells have names that never meet, whatever stands in a label."""

from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.publish.cells import cell_name, is_kind, labels_of, sum_and_count, sum_rows

labels = st.lists(st.text(alphabet="a/%2F5 é", max_size=5), max_size=3)


@given(labels)
def test_labels_are_read_back_as_they_were(some: list[str]) -> None:
    assert tuple(some) == labels_of(cell_name("kind", *some))


@given(labels, labels)
def test_different_labels_have_different_names(left: list[str], right: list[str]) -> None:
    assert (left == right) == (cell_name("kind", *left) == cell_name("kind", *right))


def test_a_plain_label_stands_as_it_is() -> None:
    assert cell_name("verse", "2", "47") == "verse/2/47"
    assert cell_name("topic", "a/b%") == "topic/a%2Fb%25"


def test_kinds_are_told_apart_by_their_whole_name() -> None:
    assert is_kind("tier/new", "tier")
    assert not is_kind("tier-topic/new/duty", "tier")
    assert not is_kind("tier", "tier")
    assert not is_kind("verse/tier/1", "tier")


def test_an_absent_value_counts_nothing() -> None:
    assert sum_and_count(None) == (0, 0)
    assert sum_and_count(0) == (0, 1)
    assert sum_and_count(7) == (7, 1)


def test_rows_add_up_place_by_place() -> None:
    assert sum_rows([(1,), (1, 2, 3), (), (0, 1)]) == [2, 3, 3]
    assert sum_rows([]) == []
