"""One key that cannot be published, whatever the reason, stops no other and is not forgotten."""

from typing import Any

import pytest

from cosmos_views.ledger.commits import Transient, Write
from tests.materializers.test_publish import DAY, WINDOW, parked, pending, put, shown, tell, world
from tests.property.memory import Document, MemoryViews
from tests.property.world import World


class Refusing(MemoryViews):
    """Refuses some ids, as the SDK does with a tab in one, and says how often it was asked."""

    refused: tuple[str, ...] = (DAY,)
    asked = 0

    def read(self, view: str, document_id: str, partition: str) -> Document | None:
        if document_id.startswith(self.refused):
            self.asked += 1
            raise ValueError("Id contains illegal chars.")
        return super().read(view, document_id, partition)


def refusing(made: World) -> Refusing:
    views = made.views = made.publishers[0].views = Refusing(made.trouble)
    return views


def test_a_key_that_cannot_be_written_is_tried_again_later_and_later_until_it_can() -> None:
    made = world()
    views = refusing(made)
    tries = []
    for minute in range(200):
        before = views.asked
        made.publishers[0].run()
        made.now_seconds += 60
        tries += [minute] * (views.asked - before)
    assert tries == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    assert "daily_metrics:20260310" not in pending(made)

    views.refused = ("nothing",)
    made.now_seconds += 3_600
    made.publishers[0].run()
    assert parked(made) == {}
    assert shown(made)["usage_statistics"]["total_interactions"] == 1


def test_a_parked_key_that_is_touched_again_waits_and_then_shows_everything() -> None:
    made = world()
    views = refusing(made)
    made.publishers[0].run()
    made.now_seconds += 30
    tell(made, "b")
    made.publishers[0].run()
    assert views.asked == 1
    assert "daily_metrics:20260310" not in pending(made)

    views.refused = ("nothing",)
    made.now_seconds += 30
    made.publishers[0].run()
    assert parked(made) == {}
    assert shown(made)["usage_statistics"]["total_interactions"] == 2


def test_a_parked_key_that_a_command_asks_for_does_not_wait() -> None:
    made = world()
    views = refusing(made)
    made.publishers[0].run()
    views.refused = ("nothing",)
    head = next(made.state.documents("h"))
    etag = head.pop("_etag")
    head["pending"] = {"daily_metrics:20260310": 0}
    made.state.commit(made.pks[0], [Write(head, "h", etag)])  # type: ignore[arg-type]  # as above
    made.publishers[0].run()

    assert parked(made) == {}
    assert shown(made)


def test_a_crash_or_a_fold_between_a_failure_and_its_parking_loses_no_key() -> None:
    made = world()
    refusing(made)
    commit = made.state.commit

    def lost(pk: str, operations: Any) -> Any:
        if any(one.document_id.startswith("f:") for one in operations):
            commit(pk, operations)
            raise Transient("the answer was lost")
        return commit(pk, operations)

    made.state.commit = lost  # type: ignore[method-assign]  # loses answers
    with pytest.raises(Transient):
        made.publishers[0].run()
    made.state.commit = commit  # type: ignore[method-assign]  # as before

    assert parked(made) == {"daily_metrics:20260310": (1, 60)}
    assert "daily_metrics:20260310" not in pending(made)


def test_so_many_parked_keys_are_looked_at_per_run_and_all_in_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cosmos_views.publish.publisher.LOOKED_AT_MAX", 3)
    made = world()
    views = refusing(made)
    views.refused = ("",)
    made.publishers[0].run()
    keys = len(parked(made))
    assert keys > 6
    assert pending(made).keys() & parked(made).keys() == set()

    made.now_seconds += 60
    for _ in range(-(-keys // 3) + 1):
        before = views.asked
        made.publishers[0].run()
        assert views.asked - before <= 3 + 1
    assert {attempts for attempts, _ in parked(made).values()} == {2}


@pytest.mark.parametrize(
    "stamp", [None, "x", [], [1], [1, 1, 1], ["1", 1], {"a": 1}, [1, None], [True, 1]]
)
def test_a_damaged_document_is_written_anew(stamp: Any) -> None:
    made = world()
    made.publishers[0].run()
    put(made, DAY, stamp=stamp)
    tell(made, "b")
    published = made.publishers[0].run()

    assert published.damaged == 1
    assert shown(made)["stamp"] == [1, 2]
    assert shown(made)["usage_statistics"]["total_interactions"] == 2


def test_documents_of_others_among_the_state_are_passed_by() -> None:
    made = world()
    refusing(made)
    notes = [
        {"id": name, "pk": made.pks[0], "note": "not ours"} for name in ("j:0", "f:daily", "f:x")
    ]
    made.state.commit(
        made.pks[0],
        [Write(one, one["id"], None) for one in notes],  # type: ignore[arg-type]  # encoded alike
    )
    published = made.publishers[0].run()
    assert published.foreign == {made.pks[0]: 1}
    made.now_seconds += 60
    assert made.publishers[0].run().foreign == {made.pks[0]: 3}
    assert shown(made, WINDOW)
