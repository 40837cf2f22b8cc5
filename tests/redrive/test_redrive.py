"""What redrive comes to: redriven, superseded or still failing, and views that are true."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.redrive.conftest import (
    CORRELATION,
    dies_of_a_defect,
    letters,
    redrive_all,
    standing,
    yesterday,
)
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    Document,
    Ground,
    assert_views_are_true,
    deliver,
)
from tests.worker.stories import incident, interaction, on

BAD = interaction("a", response_time_ms="fast")
GOOD = interaction("a", response_time_ms=250)
DAY = "daily_metrics_20260310"


def interactions_of_the_day(ground: Ground) -> int:
    total: int = ground.views()["daily_metrics"][DAY]["usage_statistics"]["total_interactions"]
    return total


def test_a_document_its_writer_has_corrected_counts_and_its_letter_is_superseded(
    ground: Ground,
) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, BAD))
    ground.later()
    ground.write(INTERACTIONS, GOOD)

    assert redrive_all(ground, worker) == {"a": "superseded"}

    assert standing(ground)["a"] == "superseded"
    assert_views_are_true(ground, worker)
    assert interactions_of_the_day(ground) == 1
    assert deliver(worker, INTERACTIONS, ground.feed(INTERACTIONS)).duplicates == 1


def test_a_correction_that_came_through_the_feed_ends_the_letter_without_a_write(
    ground: Ground,
) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, BAD))
    ground.later()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, GOOD))
    before = ground.etags()

    assert redrive_all(ground, worker) == {"a": "superseded"}

    assert before == ground.etags()
    assert_views_are_true(ground, worker)


def test_a_correction_in_the_same_second_is_settled_from_the_source(ground: Ground) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, BAD))
    ground.write(INTERACTIONS, GOOD)

    assert redrive_all(ground, worker) == {"a": "superseded"}

    assert_views_are_true(ground, worker)
    assert interactions_of_the_day(ground) == 1


@pytest.mark.parametrize("buckets", [1, 4])
def test_what_an_older_worker_failed_on_counts_under_a_newer_one(
    grounds: Callable[..., Ground], buckets: int
) -> None:
    ground = grounds(buckets=buckets)
    bodies = [interaction(f"{number}", user_id=f"user-{number}") for number in range(5)]
    dies_of_a_defect(ground, *bodies)
    assert {"defect"} == {letter.category for letter in letters(ground)}

    assert {"redriven"} == set(redrive_all(ground).values())

    assert {"redriven"} == set(standing(ground).values())
    assert all(entry["lsn"] is not None for entry in ground.state("e:")), "no need to doubt later"
    assert_views_are_true(ground)
    assert interactions_of_the_day(ground) == 5


def test_a_shape_an_older_worker_did_not_know_counts_under_a_newer_one(ground: Ground) -> None:
    shown = ground.write(INTERACTIONS, interaction("a", schema_version=1))
    with yesterday(knows_version=-1):
        deliver(ground.worker(), INTERACTIONS, shown)
    assert [letter.category for letter in letters(ground)] == ["unsupported_version"]

    assert redrive_all(ground) == {"a": "redriven"}

    assert_views_are_true(ground)
    assert interactions_of_the_day(ground) == 1


@pytest.mark.parametrize("fields", [{"is_deleted": True}, {"document_type": "weather_report"}])
def test_a_version_that_counts_nothing_is_redriven_as_what_it_is(
    ground: Ground, fields: Document
) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, BAD))
    ground.later()
    ground.write(INTERACTIONS, BAD | fields)

    assert redrive_all(ground, worker) == {"a": "superseded"}

    assert ["ignored" if "document_type" in fields else "deleted"] == [
        entry["outcome"] for entry in ground.state("e:")
    ]
    assert_views_are_true(ground, worker)


def test_what_still_fails_keeps_its_first_failure_and_counts_its_attempts(ground: Ground) -> None:
    shown = ground.write(INTERACTIONS, interaction("a", response_time_ms=-1))
    with yesterday(fails=True):
        deliver(ground.worker(), INTERACTIONS, shown)
    (first,) = letters(ground)

    assert redrive_all(ground) == {"a": "still failing"}

    (again,) = letters(ground)
    assert ("pending", 2, first.first_failed_at) == (
        again.status,
        again.attempts,
        again.first_failed_at,
    )
    assert first.last_failed_at < again.last_failed_at
    assert first.worker_version != again.worker_version
    assert first.id == again.id
    assert (again.category, again.path) == ("invalid", "response_time_ms")
    assert_views_are_true(ground)


def test_a_correction_that_fails_too_has_its_own_letter(ground: Ground) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, BAD))
    ground.later()
    ground.write(INTERACTIONS, BAD | {"response_time_ms": -1})

    assert redrive_all(ground, worker) == {"a": "superseded"}

    assert sorted(letter.category for letter in letters(ground)) == ["invalid", "malformed"]
    assert standing(ground)["a"] == "pending"
    assert_views_are_true(ground, worker)


@pytest.mark.parametrize("user_id", ["ada", None, "", ...], ids=["text", "null", "empty", "absent"])
def test_the_source_is_found_whatever_the_partition_key(ground: Ground, user_id: Any) -> None:
    dies_of_a_defect(ground, interaction("a", user_id=user_id, userId="bob"))

    assert redrive_all(ground) == {"a": "redriven"}

    assert_views_are_true(ground)
    assert interactions_of_the_day(ground) == 1


@pytest.mark.parametrize("buckets", [1, 4])
@pytest.mark.parametrize("corrected", [True, False])
def test_a_user_only_the_newer_worker_can_read_is_counted_in_its_own_bucket(
    grounds: Callable[..., Ground], buckets: int, corrected: bool
) -> None:
    """The dead entry lies where the document hashes to, the user's documents elsewhere."""
    ground = grounds(buckets=buckets)
    bodies = [interaction(f"{n}", user_id=..., userId="ada") for n in range(6)]
    with yesterday(user_bytes_max=2):
        deliver(ground.worker(), INTERACTIONS, ground.write(INTERACTIONS, *bodies))
    if corrected:
        ground.later()
        ground.write(INTERACTIONS, *[one | {"response_time_ms": 5} for one in bodies])
    worker = ground.worker()

    expected = "superseded" if corrected else "redriven"
    assert {expected} == set(redrive_all(ground, worker).values())

    before = ground.etags()
    assert deliver(worker, INTERACTIONS, ground.feed(INTERACTIONS)).duplicates == 6
    assert before == ground.etags()
    assert_views_are_true(ground, worker)
    assert interactions_of_the_day(ground) == 6


def test_redriven_twice_it_counts_once(ground: Ground) -> None:
    dies_of_a_defect(ground, interaction("a"))
    worker = ground.worker()
    (letter,) = letters(ground)
    worker.redriver.redrive(letter, CORRELATION)
    before = ground.etags(), ground.etags("poison_messages")

    again = worker.redriver.redrive(letter, CORRELATION)

    assert again.outcome == "redriven"
    assert before == (ground.etags(), ground.etags("poison_messages"))
    assert_views_are_true(ground, worker)


def test_an_incident_and_its_interaction_are_joined_in_whatever_order_they_are_redriven(
    ground: Ground,
) -> None:
    worker = ground.worker()
    deliver(worker, INCIDENTS, ground.write(INCIDENTS, incident("i", interaction_id="a")))
    dies_of_a_defect(ground, interaction("a", timestamp=on(11)))

    redrive_all(ground, worker)

    assert_views_are_true(ground, worker)
    assert ground.views()["incidents_by_content"]
