"""Two workers on one user, in every interleaving of what they read and write.

Any two of {interaction, edit across months, delete, incident, broken, erase}. Readings may be one
write old, answers are lost, processes die right after a write: as often as the bounds say, and
`DEVIATIONS=1` allows one more of each kind that they have.
"""

import os
from collections.abc import Mapping
from itertools import combinations_with_replacement
from typing import Any

import pytest

import cosmos_views.upkeep.erase.erasing
from cosmos_views.upkeep.erase.erasure import Entombed
from tests.interleaved.answering import Answering
from tests.interleaved.counting import (
    NOW_SECONDS,
    CountingLaws,
    counting,
    erasing,
    first_world,
    letters_of,
    measures_of,
)
from tests.interleaved.exploring import Bounds, Exploration
from tests.interleaved.laws import Untrue
from tests.interleaved.questions import Ended
from tests.interleaved.replay import Program, Tree
from tests.interleaved.store import World

MORE = int(os.environ.get("DEVIATIONS", "0"))
INTERACTIONS, INCIDENTS = "user_interactions", "abuse_incidents"
ERASE = "erase"


def interaction(name: str, day: str, ts: int, user: str = "ada", **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "user_id": user,
        "document_type": "user_interaction",
        "timestamp": f"2025-{day}T12:00:00Z",
        "foundational_texts_used": ["Dhammapada 1.5"],
        "_etag": f"{name}{ts}",
        "_ts": NOW_SECONDS + ts,
        **fields,
    }


def incident(name: str, of: str, ts: int) -> dict[str, Any]:
    return {
        "id": name,
        "user_id": "ada",
        "document_type": "abuse_incident",
        "detection_timestamp": "2025-01-05T12:00:00Z",
        "interaction_id": of,
        "_etag": f"{name}{ts}",
        "_ts": NOW_SECONDS + ts,
    }


BEFORE = [interaction("b", "01-02", 1), interaction("d", "01-02", 1, user="bob")]
CHANGES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "interaction": (INTERACTIONS, interaction("a", "01-04", 2)),
    "edit across months": (INTERACTIONS, interaction("b", "02-13", 3)),
    "delete": (INTERACTIONS, interaction("b", "01-02", 4, deleted=True)),
    "broken": (INTERACTIONS, interaction("c", "01-04", 2, response_time_ms="soon")),
    "incident": (INCIDENTS, incident("i", "a", 2)),
    "incident of an edited interaction": (INCIDENTS, incident("j", "b", 2)),
}
SCHEDULES_MIN = 100


def done(world: World, *programs: Program) -> World:
    """Programs one after the other."""
    answering = Answering()
    for program in programs:
        place = Tree().place(program, 1)
        while not isinstance(place.question, Ended):
            answer, world = answering.answer(world, place.question)
            place = place.after(answer)
    return world


def exploration(bounds: Bounds, *names: str) -> Exploration:
    """Some changes at once, after what was counted before; erased in the end, if at all."""
    standing = [*BEFORE, *(body for name in names if name != ERASE for body in [CHANGES[name][1]])]
    standing.sort(key=lambda one: int(one["_ts"]))
    before = counting(INTERACTIONS, BEFORE, standing)
    others = {
        name: counting(CHANGES[name][0], [CHANGES[name][1]], standing)
        if name != ERASE
        else erasing("ada")
        for name in names
    }
    programs = [others[name] for name in names]
    if ERASE in names:
        wanted = done(first_world(), counting(INTERACTIONS, BEFORE[1:], standing))
    else:
        wanted = done(first_world(), before, *programs)
    laws = CountingLaws(measures_of(wanted), letters_of(wanted), "ada" if ERASE in names else None)
    rest = sorted(others, key=lambda one: one == ERASE)
    return Exploration(
        done(first_world(), before),
        laws,
        before,
        0,
        tuple(programs),
        tuple(programs),
        tuple(others[name] for name in rest),
        once=True,
        bounds=bounds,
    )


@pytest.mark.parametrize(("one", "other"), list(combinations_with_replacement(CHANGES, 2)))
def test_two_workers_on_one_user_count_everything_once(one: str, other: str) -> None:
    explored = exploration(Bounds(stale=2 + MORE, troubles=2 + MORE), one, other).run()

    assert explored.schedules > SCHEDULES_MIN


@pytest.mark.parametrize("bounds", [Bounds(stale=1 + MORE), Bounds(troubles=1 + MORE)], ids=str)
@pytest.mark.parametrize("change", CHANGES)
def test_an_erasure_beside_a_worker_forgets_the_user_and_nobody_else(
    change: str, bounds: Bounds
) -> None:
    explored = exploration(bounds, change, ERASE).run()

    assert explored.schedules > SCHEDULES_MIN


def test_an_erasure_without_its_tombstone_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        cosmos_views.upkeep.erase.erasing,
        "tombstone",
        lambda _kind, _state, layout, key: Entombed(layout.pk_of(key), key, None),
    )
    with pytest.raises(Untrue):
        exploration(Bounds(), "interaction", ERASE).run()


def test_an_erasure_that_does_not_wait_for_workers_under_way_is_found() -> None:
    """What decides a document as dead counts nothing, so no ETag of the user stands against it."""
    hasty = exploration(Bounds(), "broken", ERASE)
    hasty.waits = False
    with pytest.raises(Untrue, match="of the erased user is left"):
        hasty.run()
