"""A version that hides its user beside one that names it, in several buckets.

Given a document without a text at its partition key, when its latest version names no user and an
older one does, then whichever is decided first, and however late the buckets are read, the older
one counts nothing in the end.
"""

from itertools import permutations
from typing import Any

import pytest

from tests.generators import Version
from tests.property.world import World
from tests.worker.ground import INTERACTIONS, Document
from tests.worker.stories import interaction

BUCKETS = 16
READABLE = interaction("a", user_id=None, userId="ada")
UNREADABLE = interaction("a", user_id=None, userId="x" * 901)
DELETED: Document = {"id": "a", "user_id": None, "is_deleted": True}


def written(*bodies: Document) -> tuple[World, list[Document]]:
    world = World(1, buckets=BUCKETS)
    for place, body in enumerate(bodies):
        world.write(Version(INTERACTIONS, body, 1_775_000_000 + place))
    return world, world.versions[INTERACTIONS]


def outcomes(world: World) -> set[str]:
    return {entry["outcome"] for entry in world.state.documents("e:")}


@pytest.mark.parametrize("latest", [UNREADABLE, DELETED], ids=["unreadable", "deleted"])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_in_whatever_order_the_versions_come_nothing_is_left(
    latest: Document, order: tuple[int, ...]
) -> None:
    world, versions = written(READABLE, READABLE | {"response_time_ms": 7}, latest)
    for place in order:
        world.deliver(INTERACTIONS, [versions[place]])
    assert "counted" not in outcomes(world)
    world.settle()
    assert world.differences() == []

    before = world.state.writes
    world.deliver(INTERACTIONS, [versions[-1]])
    assert before == world.state.writes


def test_an_old_version_whose_reading_lags_meets_the_latest_in_its_own_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, (old, latest) = written(READABLE, UNREADABLE)
    world.deliver(INTERACTIONS, [latest])
    read = world.state.read
    stale = iter([True])

    def lagging(pk: str, ids: Any, token: str | None = None) -> Any:
        return ({}, token) if next(stale, False) else read(pk, ids, token)

    monkeypatch.setattr(world.state, "read", lagging)
    world.deliver(INTERACTIONS, [old])
    assert outcomes(world) == {"dead"}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_version_that_names_a_user_again_counts(order: tuple[int, ...]) -> None:
    world, versions = written(READABLE, UNREADABLE, READABLE | {"response_time_ms": 9})
    for place in order:
        world.deliver(INTERACTIONS, [versions[place]])
    world.settle()
    assert world.differences() == []
    assert world.published()["user_analytics"]


def test_one_change_is_reported_and_lettered_once() -> None:
    world, (version,) = written(UNREADABLE)
    world.deliver(INTERACTIONS, [version])
    assert len(world.poison.letters) == 1
    assert len(list(world.state.documents("e:"))) == BUCKETS
