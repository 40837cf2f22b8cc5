"""Which of two versions is newer is decided by system properties alone, and never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.ledger.versions import Order, Version, order

maybe = st.none() | st.integers(min_value=0, max_value=3)
versions = st.builds(Version, st.none() | st.sampled_from(("x", "y")), maybe, maybe)


@given(versions)
def test_a_document_never_seen_is_new(delivered: Version) -> None:
    assert order(delivered, None) is Order.NEWER


@pytest.mark.parametrize(
    ("delivered", "decided", "expected"),
    [
        (("x", 1, 1), ("x", 9, 9), Order.DUPLICATE),
        (("x", None, None), ("x", 1, 1), Order.DUPLICATE),
        (("y", 2, 1), ("x", 1, 9), Order.NEWER),
        (("y", 2, None), ("x", 1, None), Order.NEWER),
        ((None, 2, None), (None, 1, None), Order.NEWER),
        (("y", 1, 2), ("x", 1, 1), Order.NEWER),
        (("y", 1, 1), ("x", 1, 1), Order.DOUBTFUL),
        (("y", 1, 1), ("x", 1, 2), Order.DOUBTFUL),
        (("y", 1, None), ("x", 1, 1), Order.DOUBTFUL),
        (("y", 1, 1), ("x", 1, None), Order.DOUBTFUL),
        (("y", 1, 9), ("x", 2, 1), Order.DOUBTFUL),
        (("y", None, 9), ("x", 1, 1), Order.DOUBTFUL),
        (("y", 1, 9), ("x", None, 1), Order.DOUBTFUL),
        ((None, 1, 1), (None, 1, 1), Order.DOUBTFUL),
    ],
)
def test_only_a_later_write_proves_a_newer_version(
    delivered: tuple[str | None, int | None, int | None],
    decided: tuple[str | None, int | None, int | None],
    expected: Order,
) -> None:
    assert expected is order(Version(*delivered), Version(*decided))


@given(versions, versions)
def test_no_two_versions_are_newer_than_each_other(left: Version, right: Version) -> None:
    both = {order(left, right), order(right, left)}

    assert both != {Order.NEWER}


@given(versions, versions, versions)
def test_newer_than_a_newer_one_is_newer(a: Version, b: Version, c: Version) -> None:
    if order(a, b) is Order.NEWER and order(b, c) is Order.NEWER:
        assert order(a, c) in (Order.NEWER, Order.DUPLICATE)
