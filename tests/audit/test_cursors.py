"""However ranges split and merge, cursors cover them all, and nothing is passed over."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.ledger.feeds import FeedRange
from cosmos_views.upkeep.cursors import Held, new_cursor, tiling

EDGES = ["", *(f"{number:02X}" for number in range(16, 240, 32)), "FF"]


@st.composite
def ranges(draw: st.DrawFn) -> list[FeedRange]:
    inner = draw(st.lists(st.sampled_from(EDGES[1:-1]), unique=True))
    edges = ["", *sorted(inner), "FF"]
    return [FeedRange(*pair) for pair in pairwise(edges)]


@given(st.lists(ranges(), min_size=1, max_size=5))
def test_tiles_cover_everything_once_and_go_back_to_the_position_they_cover(
    history: list[list[FeedRange]],
) -> None:
    stored: list[Held] = []
    passed: dict[str, int] = dict.fromkeys(EDGES[:-1], 0)
    """Start of each smallest range → the position below which all of it has been met."""
    for step, now in enumerate(history, start=1):
        found = tiling("audit", "c", "rid", now, stored)
        tiles = sorted(found.tiles, key=lambda held: held.cursor.minimum)

        assert tiles[0].cursor.minimum == ""
        assert tiles[-1].cursor.maximum == "FF"
        for left, right in pairwise(tiles):
            assert left.cursor.maximum == right.cursor.minimum
        for held in tiles:
            one = held.cursor
            assert any(each.covers(one.feed_range) for each in now)
            for edge in EDGES[:-1]:
                if one.minimum <= edge < one.maximum:
                    assert int(one.position or 0) <= passed[edge]
        kept = {held.cursor.id for held in tiles}
        assert {held.cursor.id for held in stored} <= kept | set(found.removed)

        # Every other tile moves on.
        stored = []
        for place, held in enumerate(tiles):
            cursor = held.cursor
            if (place + step) % 2:
                cursor.position = str(step)
                for edge in EDGES[:-1]:
                    if cursor.minimum <= edge < cursor.maximum:
                        passed[edge] = step
            stored.append(Held(cursor, "etag"))


@given(ranges(), ranges())
def test_a_parent_that_stayed_behind_never_takes_its_childrens_place(
    before: list[FeedRange], after: list[FeedRange]
) -> None:
    """Two workers may lay out ranges at the same time, so parent and child may both be stored."""
    stored = []
    for number, one in enumerate(dict.fromkeys([*before, *after])):
        cursor = new_cursor("audit", "c", "rid", one)
        cursor.position = str(number)
        stored.append(Held(cursor, "etag"))
    by_range = {held.cursor.feed_range: held for held in stored}

    for held in tiling("audit", "c", "rid", after, stored).tiles:
        exact = by_range.get(held.cursor.feed_range)
        if exact is not None:
            assert held == exact
