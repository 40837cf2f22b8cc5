"""One day and source with more labels than one commit holds, by the real SDK: the fold gets on."""

import pytest

from cosmos_views.ledger.commits import Write
from cosmos_views.publish.fold import fold
from cosmos_views.publish.journal import Journal
from cosmos_views.publish.measures import Delta
from cosmos_views.publish.partials import merged
from cosmos_views.store.state import StateStore
from pack import PACK
from tests.worker.ground import Ground

PK, KEY = "1:0", "source-day:20260310:gita"
CYRILLIC = "бхагавадгитакакнаесть" * 5


def folded(ground: Ground, number: int, delta: Delta) -> bool:
    state = StateStore(ground.container("state"))
    journal = Journal(f"j:{number:013}:n", PK, delta)
    state.commit(PK, [Write(journal, journal.id, None)])
    return fold(PACK.views.values(), state, PK, 1_773_187_200, None).folded == 1


@pytest.mark.parametrize(
    ("label", "labels"), [(CYRILLIC[:100], 3_600), ("c" * 114, 15_000)], ids=["Cyrillic", "ASCII"]
)
def test_what_touches_every_shard_is_folded(ground: Ground, label: str, labels: int) -> None:
    """The two days of issue 11: wide labels, then every 20th of them taken back."""
    cells = {f"c/{label}{number:06}": [1, 1] for number in range(labels)}
    names = sorted(cells)
    for number, first in enumerate(range(0, labels, 900)):
        assert folded(ground, number, {KEY: {one: [1, 1] for one in names[first : first + 900]}})
    assert folded(ground, 99, {KEY: {one: [-1] for one in names[::20]}})

    left = {one: [0, 1] if place % 20 == 0 else [1, 1] for place, one in enumerate(names)}
    assert merged(ground.state("p:")) == {KEY: left}
