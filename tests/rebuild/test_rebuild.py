"""A rebuild counts everything anew beside the generation in force, then switches."""

from collections.abc import Callable

import pytest

from cosmos_views.ledger.buckets import bucket_pk
from cosmos_views.store.failures import Refused
from cosmos_views.store.generation import HeldGeneration
from cosmos_views.upkeep.rebuild.rebuilding import Rebuilding
from pack import PACK
from tests.oracle.batches import BATCHES, read_batch
from tests.rebuild.rebuilds import (
    another_definition,
    assert_only_this_generation_is_left,
    in_force,
    rebuild,
)
from tests.worker.ground import (
    INTERACTIONS,
    SOURCES,
    Ground,
    assert_views_are_true,
    deliver,
    deliver_all,
    publish_until_done,
)
from tests.worker.stories import interaction

FILES = ("10_worked_example.jsonl", "20_shapes.jsonl")


@pytest.fixture
def published(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """Fixture traffic, counted and published; sources keep their documents for ever."""
    monkeypatch.setattr("cosmos_views.upkeep.rebuild.phases.horizon", lambda _now, _ttls: None)
    for batch in FILES:
        ground.write_all(read_batch(BATCHES / batch))
    ground.write(INTERACTIONS, {"id": "today", "user_id": "ada", "personality": "lao_tzu"})
    worker = ground.worker()
    deliver_all(worker, {source: ground.feed(source) for source in SOURCES})
    publish_until_done(ground, worker)
    return ground


def test_a_rebuild_ends_in_the_same_views_from_new_state(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    before = published.views()

    ran = rebuild(published, capsys)

    assert (ran.code, ran.result["generation"], ran.result["phase"]) == (0, 2, None)
    assert before == published.views()
    assert_only_this_generation_is_left(published, 2)
    assert_views_are_true(published)


def test_another_definition_is_refused_until_it_is_built(
    published: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    another_definition(monkeypatch)
    worker = published.worker()
    with pytest.raises(Refused, match="python -m cosmos_views rebuild"):
        deliver(worker, INTERACTIONS, published.write(INTERACTIONS, interaction("new")))

    assert rebuild(published, capsys).code == 0

    assert_views_are_true(published)
    assert in_force(published).definition_version.startswith("99-")


def test_the_number_of_buckets_can_be_changed(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rebuild(published, capsys, "--buckets", "3").code == 0

    assert in_force(published).buckets == 3
    assert_only_this_generation_is_left(published, 2)
    assert_views_are_true(published)


def test_a_dry_run_does_nothing(published: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    before = published.etags()

    ran = rebuild(published, capsys, "--dry-run")

    assert "generation 2" in ran.result["plan"]
    assert before == published.etags()


def test_a_comparison_stops_before_anything_changes_and_the_rebuild_goes_on_later(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    before = published.etags("daily_metrics")

    ran = rebuild(published, capsys, "--compare")

    assert (ran.code, ran.result["generation"], ran.result["phase"]) == (0, 1, "counting")
    assert before == published.etags("daily_metrics")
    assert rebuild(published, capsys).result["generation"] == 2
    assert_views_are_true(published)


def test_a_comparison_names_what_would_change(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    """Someone has written into the views; and one document was never published."""
    views = published.container("daily_metrics")
    edited, *_, removed = sorted(published.documents("daily_metrics"), key=lambda one: one["id"])
    views.upsert_item({**edited, "date": edited["date"], "sample_size": 7})
    views.delete_item(removed["id"], removed["date"])
    views.upsert_item({**edited, "id": "daily_metrics_20260101", "date": "2026-01-01"})

    ran = rebuild(published, capsys, "--compare")

    assert ran.code == 1
    (found,) = [one for one in ran.result["comparison"]["views"] if one["view"] == "daily_metrics"]
    assert (found["changes"], found["appears"], found["vanishes"]) == (1, 1, 1)
    assert [(edited["id"], "$.sample_size", 7)] == [
        (one["document"], one["path"], one["old"]) for one in found["examples"]
    ]


def test_what_nothing_stands_behind_any_more_becomes_a_tombstone(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    """The only document of a month is deleted outright, which no feed shows."""
    alone = interaction("alone", timestamp="2025-01-10T12:00:00Z")
    worker = published.worker()
    deliver(worker, INTERACTIONS, published.write(INTERACTIONS, alone))
    publish_until_done(published, worker)
    published.container(INTERACTIONS).delete_item("alone", alone["user_id"])

    assert rebuild(published, capsys).code == 0

    assert_views_are_true(published)
    assert "user_analytics_ada_202501" in published.tombstones("user_analytics")


def test_an_aborted_rebuild_leaves_the_generation_in_force_as_it_was(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    rebuild(published, capsys, "--compare")

    ran = rebuild(published, capsys, "--abort")

    assert (ran.code, ran.result["generation"], ran.result["phase"]) == (0, 1, None)
    assert_only_this_generation_is_left(published, 1)
    assert_views_are_true(published)


def test_the_number_of_an_aborted_generation_is_not_given_again(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    rebuild(published, capsys, "--compare")
    rebuild(published, capsys, "--abort")

    assert rebuild(published, capsys).result["generation"] == 3
    assert_only_this_generation_is_left(published, 3)


def test_there_is_nothing_to_abort_where_no_rebuild_is_under_way(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = rebuild(published, capsys, "--abort")

    assert ran.code == 2
    assert ran.errors.endswith("\nNo rebuild is under way.\n")


def test_of_a_rebuild_and_an_abort_at_once_only_one_goes_on(
    published: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    close = Rebuilding.close

    def aborted_meanwhile(rebuilding: Rebuilding, held: HeldGeneration) -> HeldGeneration:
        monkeypatch.setattr(Rebuilding, "close", close)
        assert rebuild(published, capsys, "--abort").code == 0
        return rebuilding.close(held)

    monkeypatch.setattr(Rebuilding, "close", aborted_meanwhile)

    ran = rebuild(published, capsys)

    assert ran.code == 1
    assert "Another command has moved this rebuild on" in ran.errors
    assert in_force(published).building is None
    assert in_force(published).generation == 1
    deliver(published.worker(), INTERACTIONS, published.write(INTERACTIONS, interaction("later")))
    publish_until_done(published, published.worker())
    assert_views_are_true(published)


def test_every_source_is_read_to_its_end_before_the_switch(
    published: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are of different length; some are read in one run already."""
    monkeypatch.setattr("cosmos_views.upkeep.rebuild.rebuilding.PAGES_PER_RUN", 1)
    monkeypatch.setattr("cosmos_views.upkeep.rebuild.rebuilding.PAGE_DOCUMENTS", 2)
    ids = {one["id"] for one in published.documents("state") if one["id"].startswith("e:")}

    def look() -> None:
        pks = {bucket_pk(2, bucket) for bucket in range(published.buckets)}
        counted = [one["id"] for one in published.documents("state") if one["pk"] in pks]
        assert ids <= set(counted)

    before_publishing(monkeypatch, look)

    assert rebuild(published, capsys).code == 0
    assert_views_are_true(published)


def test_nothing_is_due_in_a_generation_that_is_built(
    published: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody publishes it yet, so its heads would fill up, and its journal could not be folded."""

    def look() -> None:
        state = published.documents("state")
        [head] = [one for one in state if one["id"] == "h" and one["pk"] == bucket_pk(2, 0)]
        assert head["building"]
        assert not head.get("pending")

    before_publishing(monkeypatch, look)

    assert rebuild(published, capsys).code == 0


def before_publishing(monkeypatch: pytest.MonkeyPatch, look: Callable[[], None]) -> None:
    """Have a look when a rebuild has switched and nothing is published yet."""
    publish = Rebuilding.publish
    looks = iter((look,))

    def looked(rebuilding: Rebuilding, held: HeldGeneration) -> HeldGeneration:
        next(looks)()
        return publish(rebuilding, held)

    monkeypatch.setattr(Rebuilding, "publish", looked)


def test_another_worker_does_not_go_on_with_a_rebuild(
    published: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild(published, capsys, "--compare")
    another_definition(monkeypatch)

    ran = rebuild(published, capsys)

    assert ran.code == 2
    assert "finish it with the worker that began it" in ran.errors
    assert rebuild(published, capsys, "--abort").code == 0


def test_a_comparison_says_that_a_document_appears_however_old_its_period(
    published: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its TTL counts from its publication, which was just now."""
    view = PACK.views["content_analytics"]
    oldest = min(published.documents(view.name), key=lambda one: str(one["period_start"]))
    published.container(view.name).delete_item(oldest["id"], oldest[view.partition_key])

    ran = rebuild(published, capsys, "--compare")

    found = {one["view"]: one["appears"] for one in ran.result["comparison"]["views"]}
    assert {name: number for name, number in found.items() if number} == {view.name: 1}
