"""A view document never goes back, and a key stays pending until what stands is new enough."""

from typing import Any

import pytest

from cosmos_views.ledger.commits import Transient, Write
from cosmos_views.publish.documents import content_of
from cosmos_views.publish.fold import fold
from cosmos_views.publish.journal import Journal
from cosmos_views.publish.publisher import GenerationChanged, Stage
from cosmos_views.publish.view import View
from pack import PACK
from tests.generators import Version
from tests.property.memory import Document, MemoryViews, Trouble
from tests.property.world import World

NOW = 1_773_187_200
"""2026-03-11T00:00:00Z."""
DAY, WINDOW = "daily_metrics_20260310", "system_health_performance_20260310_1205"


def world(*, buckets: int = 1, publishers: int = 1) -> World:
    """One interaction, delivered and not yet folded."""
    made = World(1, buckets=buckets, workers=publishers)
    made.trouble.others_turn = None
    tell(made, "a")
    return made


def tell(made: World, document_id: str, **fields: Any) -> None:
    body = {"id": document_id, "user_id": "ada", "timestamp": "2026-03-10T12:00:00Z", **fields}
    made.write(Version("user_interactions", body, NOW))
    made.deliver("user_interactions", made.versions["user_interactions"][-1:])


def shown(made: World, name: str = DAY) -> Document:
    view = next(view for view in PACK.views if name.startswith(view))
    return next(one for one in made.views.documents(view) if one["id"] == name)


def pending(made: World) -> dict[str, int]:
    return {
        name: due
        for head in made.state.documents("h")
        for name, due in head.get("pending", {}).items()
    }


def parked(made: World) -> dict[str, tuple[int, int]]:
    """Key → (attempts, when it is tried again)."""
    heads = list(made.state.documents("h"))
    found = list(made.state.documents("f:"))
    assert sum(head.get("parked", 0) for head in heads) == len(found)
    return {one["key"]: (one["attempts"], one["due"] - NOW) for one in found}


def put(made: World, name: str, **fields: Any) -> None:
    """Another publisher's document in the place of ours."""
    document = shown(made, name)
    etag = document.pop("_etag")
    made.views.write(document["document_type"], {**document, **fields}, etag)


def touch(made: World, state_key: str, cells: dict[str, list[int]]) -> None:
    """A journal document of nobody."""
    made._nonce += 1
    journal = Journal(f"j:{made._nonce}:x", made.pks[0], {state_key: cells})
    made.state.commit(made.pks[0], [Write(journal, journal.id, None)])


def test_what_is_due_is_published_once() -> None:
    made = world()
    first = made.publishers[0].run()

    assert first.folded == 1
    documents = [one for view in PACK.views for one in made.views.documents(view)]
    assert first.written - first.tombstones == len(documents) == 10
    assert [first.failed, first.negative, first.contended] == [[], [], 0]
    assert all(due > NOW for due in pending(made).values())
    for _ in range(2):  # the first finds nothing, the second notes where the feed stands
        assert not made.publishers[0].run().idle
    assert made.publishers[0].run().idle


def test_a_document_carries_its_metadata() -> None:
    made = world(buckets=4)
    made.publishers[0].run()
    document = shown(made)

    assert len(document["stamp"]) == 5
    assert document["stamp"][0] == document["generation"] == 1
    assert document["data_as_of"] == document["published_at"] == "2026-03-11T00:00:00Z"
    assert (document["calculation_version"], document["ttl"]) == ("1", 31_536_000)
    assert content_of(document) == {
        name: value
        for name, value in document.items()
        if name
        not in ("stamp", "generation", "data_as_of", "published_at", "calculation_version", "_etag")
    }


def test_a_key_whose_last_document_goes_becomes_a_tombstone() -> None:
    made = world()
    made.publishers[0].run()
    tell(made, "a", is_deleted=True)
    published = made.publishers[0].run()
    stored = made.views.read("daily_metrics", DAY, "2026-03-10")

    assert stored is not None
    assert published.tombstones > 0
    assert {name: stored[name] for name in stored if name not in ("_etag", "stamp")} == {
        "id": DAY,
        "date": "2026-03-10",
        "document_type": "daily_metrics",
        "empty": True,
        "ttl": 3_600,
    }
    assert stored["stamp"] == [1, 2]
    assert content_of(stored) is None
    assert content_of(None) is None


def test_an_equal_stamp_is_already_published() -> None:
    made = world(publishers=2)
    made.publishers[0].run()
    head = next(made.state.documents("h"))
    head["pending"] = {"daily_metrics:20260310": 0}
    etag = head.pop("_etag")
    made.state.commit(made.pks[0], [Write(head, "h", etag)])  # type: ignore[arg-type]  # encoded alike
    etag = shown(made)["_etag"]
    published = made.publishers[1].run()

    assert (published.current, published.written) == (1, 0)
    assert shown(made)["_etag"] == etag
    assert pending(made) == {}


@pytest.mark.parametrize("stamp", [[1, 9], [2, 0]])
def test_a_newer_document_is_not_overwritten_and_the_key_stays(stamp: list[int]) -> None:
    made = world()
    made.publishers[0].run()
    put(made, DAY, stamp=stamp)
    tell(made, "b")
    made.publishers[0].run()

    assert shown(made)["stamp"] == stamp
    assert parked(made) == {"daily_metrics:20260310": (1, 60)}


@pytest.mark.parametrize(
    ("theirs", "overwritten"),
    [
        ([1, 0, 0], True),
        ([1, 0, 1], True),
        ([1, 9, 0], False),
        ([1, 0, 9], False),
        ([0, 9, 9], True),
    ],
)
def test_every_component_of_a_stamp_counts_within_a_generation(
    theirs: list[int], overwritten: bool
) -> None:
    made = world(buckets=2)
    made.publishers[0].run()
    put(made, DAY, stamp=theirs)
    tell(made, "b")
    made.publishers[0].run()

    assert overwritten == (shown(made)["stamp"] != theirs)


def test_an_equal_content_is_written_under_the_new_stamp() -> None:
    made = world()
    made.publishers[0].run()
    touch(made, "day:20260310", {})
    made.publishers[0].run()

    assert shown(made)["stamp"] == [1, 2]


def test_one_half_of_a_move_is_not_shown() -> None:
    made = world()
    made.publishers[0].run()
    before = shown(made)
    touch(made, "day:20260310", {"sessions": [-1]})
    published = made.publishers[0].run()

    assert "daily_metrics:20260310" in published.negative
    assert before == shown(made)
    assert parked(made)["daily_metrics:20260310"] == (1, 60)

    touch(made, "day:20260310", {"sessions": [1]})
    made.now_seconds += 60
    assert made.publishers[0].run().negative == []
    assert parked(made) == {}


def test_when_the_head_has_moved_the_keys_stay() -> None:
    made = world()
    render = PACK.views["daily_metrics"].render

    def while_another_folds(key: str, inputs: Any) -> dict[str, Any] | None:
        touch(made, "window:202603101200", {"second/0": [1]})
        fold(PACK.views.values(), made.state, made.pks[0], NOW, 0)
        return render(key, inputs)

    with Rendering("daily_metrics", while_another_folds):
        made.publishers[0].run()

    assert "daily_metrics:20260310" in pending(made)
    assert "system_health:202603101200" in pending(made)
    made.settle()
    assert shown(made)["usage_statistics"]["peak_rps"] == 2


def test_a_publisher_of_an_old_generation_writes_nothing() -> None:
    made = world()
    stages = iter([Stage(1, tuple(made.pks)), *[Stage(2, tuple(made.pks))] * 9])
    made.publishers[0].stage = lambda: next(stages)
    with pytest.raises((GenerationChanged, Transient)):
        made.publishers[0].run()

    assert [one for view in PACK.views for one in made.views.documents(view)] == []


def test_one_key_that_cannot_be_rendered_does_not_stop_the_others() -> None:
    made = world()
    told: list[str] = []
    made.publishers[0].on_failure = lambda name, error: told.append(f"{name} {error}")

    def broken(_key: str, _inputs: Any) -> dict[str, Any] | None:
        raise ValueError("broken")

    with Rendering("daily_metrics", broken):
        published = made.publishers[0].run()

    assert told == ["daily_metrics:20260310 broken"]
    assert published.failed == ["daily_metrics:20260310"]
    assert shown(made, WINDOW)
    assert "daily_metrics:20260310" not in pending(made)
    assert parked(made) == {"daily_metrics:20260310": (1, 60)}


class DayContainerDown(MemoryViews):
    def read(self, view: str, document_id: str, partition: str) -> Document | None:
        if view == "daily_metrics":
            raise Transient("down")
        return super().read(view, document_id, partition)


def test_a_view_container_that_is_down_holds_back_its_own_view_only() -> None:
    made = world()
    made.views = made.publishers[0].views = DayContainerDown(made.trouble)
    with pytest.raises(Transient):
        made.publishers[0].run()

    assert shown(made, WINDOW)
    assert "daily_metrics:20260310" in pending(made)
    assert "system_health:202603101200" not in pending(made)


class Recorder(MemoryViews):
    def __init__(self, calls: list[str], trouble: Trouble) -> None:
        super().__init__(trouble)
        self.calls = calls

    def read(self, view: str, document_id: str, partition: str) -> Document | None:
        self.calls.append(f"view {view}")
        return super().read(view, document_id, partition)


def test_heads_are_read_first_then_the_view_then_its_partials_as_new_as_the_head() -> None:
    made = world()
    calls: list[str] = []
    made.views = made.publishers[0].views = Recorder(calls, made.trouble)
    read = made.state.read

    def recorded(pk: str, ids: Any, session_token: str | None = None) -> Any:
        calls.append(f"state {sorted(ids)[0]} {session_token}")
        return read(pk, ids, session_token)

    made.state.read = recorded  # type: ignore[method-assign]  # watches
    made.publishers[0].run()
    at = calls.index("view daily_metrics")

    assert calls[0] == "state h None"
    assert calls[at + 1] == "state p:day:20260310 2"


def test_what_is_not_due_is_not_published() -> None:
    made = world()
    made.publishers[0].pace_seconds = 86_400
    made.now_seconds += 1
    published = made.publishers[0].run()

    assert published.written == 0
    assert published.pending == len(pending(made)) > 0


def test_a_run_ends_in_time_and_leaves_the_rest_pending() -> None:
    made = world()
    made.publishers[0].run_seconds_max = 0
    published = made.publishers[0].run()

    assert published.written == 0
    assert "daily_metrics:20260310" in pending(made)


class Rendering:
    """Puts another render function into a view for a while."""

    def __init__(self, name: str, render: Any) -> None:
        self.name, self.render = name, render
        self.kept: View = PACK.views[name]

    def __enter__(self) -> None:
        fields = {field: getattr(self.kept, field) for field in self.kept.__dataclass_fields__}
        PACK.views[self.name] = View(**{**fields, "render": self.render})

    def __exit__(self, *_: object) -> None:
        PACK.views[self.name] = self.kept
