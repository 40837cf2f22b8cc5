"""Versions out of order: the latest version of the source is what counts, whatever comes when."""

from collections.abc import Callable
from itertools import permutations, product
from typing import Any

import pytest

from emulators.cosmos import Endpoint
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    SESSIONS,
    Document,
    Ground,
    assert_views_are_true,
    deliver,
)
from tests.worker.stories import incident, interaction, on, session

SLOW: Document = {"response_time_ms": 900}
FAST: Document = {"response_time_ms": 100, "timestamp": on(11)}
DELETED: Document = {"is_deleted": True}
IGNORED: Document = {"document_type": "weather_report"}
DEAD: Document = {"response_time_ms": "not a number"}
FATES = {"slow": SLOW, "fast": FAST, "deleted": DELETED, "ignored": IGNORED, "dead": DEAD}


def versions(
    ground: Ground, document_id: str, *fields: Document, apart: bool, **common: Any
) -> list[Document]:
    """One interaction written several times; each version as the feed would have shown it."""
    shown = []
    for number, version in enumerate(fields):
        if number and apart:
            ground.later(2)
        shown += ground.write(
            INTERACTIONS, interaction(document_id, mark=number, **common) | version
        )
    assert len(fields) == len(shown)
    return shown


def without_lsn(documents: list[Document]) -> list[Document]:
    return [{name: value for name, value in one.items() if name != "_lsn"} for one in documents]


@pytest.mark.parametrize("apart", [True, False], ids=["seconds-apart", "same-second"])
@pytest.mark.parametrize("lsn", [True, False], ids=["with-lsn", "without-lsn"])
def test_three_versions_in_any_order_count_once_as_the_latest(
    ground: Ground, lsn: bool, apart: bool
) -> None:
    worker = ground.worker()
    for number, order in enumerate(permutations(range(3))):
        shown = versions(ground, f"a{number}", SLOW, FAST, SLOW, apart=apart)
        if not lsn:
            shown = without_lsn(shown)

        for place in order:
            deliver(worker, INTERACTIONS, [shown[place]])

    assert_views_are_true(ground, worker)


def test_three_versions_in_one_batch_in_any_order_count_once_as_the_latest(
    ground: Ground,
) -> None:
    worker = ground.worker()
    for number, order in enumerate(permutations(range(3))):
        shown = versions(ground, f"a{number}", SLOW, FAST, SLOW, apart=True)

        deliver(worker, INTERACTIONS, [shown[place] for place in order])

    assert_views_are_true(ground, worker)


@pytest.mark.parametrize("buckets", [1, 4])
@pytest.mark.parametrize("first", ["deleted", "ignored", "dead"])
def test_an_older_valid_version_that_comes_after_the_first_sight_does_not_count(
    endpoint: Endpoint, grounds: Callable[..., Ground], first: str, buckets: int
) -> None:
    ground = grounds(endpoint, buckets)
    worker = ground.worker()
    for number, lsn in enumerate((True, False)):
        shown = versions(ground, f"a{number}", SLOW, FATES[first], apart=lsn)

        for version in reversed(shown if lsn else without_lsn(shown)):
            deliver(worker, INTERACTIONS, [version])

    assert_views_are_true(ground, worker)
    assert ground.views()["daily_metrics"] == {}


@pytest.mark.parametrize("buckets", [1, 4])
def test_a_soft_delete_that_names_no_user_is_remembered_when_its_older_version_comes_late(
    endpoint: Endpoint, grounds: Callable[..., Ground], buckets: int
) -> None:
    ground = grounds(endpoint, buckets)
    older = ground.write(INTERACTIONS, interaction("a", user_id=..., userId="ada"))
    ground.later()
    latest = ground.write(INTERACTIONS, {"id": "a", "is_deleted": True})
    worker = ground.worker()

    deliver(worker, INTERACTIONS, latest)
    deliver(worker, INTERACTIONS, older)

    assert_views_are_true(ground, worker)
    assert ground.views()["daily_metrics"] == {}


@pytest.mark.parametrize("buckets", [1, 4])
def test_a_document_goes_from_any_fate_to_any_other(
    endpoint: Endpoint, grounds: Callable[..., Ground], buckets: int
) -> None:
    ground = grounds(endpoint, buckets)
    worker = ground.worker()
    paths = {"-".join(path): path for path in permutations(FATES, 3)}

    for step in range(3):
        bodies = [interaction(name, step=step) | FATES[path[step]] for name, path in paths.items()]
        deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, *bodies))

        assert_views_are_true(ground, worker)
    ends = {"deleted": "deleted", "ignored": "ignored", "dead": "dead"}
    assert {name: ends.get(path[-1], "counted") for name, path in paths.items()} == {
        entry["document"]: entry["outcome"] for entry in ground.state("e:")
    }


@pytest.mark.parametrize("moved", [on(11), "2026-04-01T00:00:00Z", "2026-02-28T23:59:59Z", on(2)])
def test_a_correction_moves_a_document_to_another_day_or_month_and_back(
    ground: Ground, moved: str
) -> None:
    worker = ground.worker()
    ground.write(INTERACTIONS, interaction("other", timestamp=on(1)), interaction("a"))
    deliver(worker, INTERACTIONS, ground.feed(INTERACTIONS))
    assert_views_are_true(ground, worker)

    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a", timestamp=moved)))
    assert_views_are_true(ground, worker)

    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a")))
    assert_views_are_true(ground, worker)


def test_the_last_document_of_a_day_leaves_a_tombstone_and_its_return_a_view(
    ground: Ground,
) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a")))
    assert_views_are_true(ground, worker)

    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a", deleted=True)))
    assert_views_are_true(ground, worker)
    assert ground.tombstones("daily_metrics") == ["daily_metrics_20260310"]

    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a", back=True)))
    assert_views_are_true(ground, worker)
    assert ground.tombstones("daily_metrics") == []


@pytest.mark.parametrize("user_id", ["ada", None, "", ...], ids=["text", "null", "empty", "absent"])
def test_a_doubt_is_settled_from_the_source_whatever_the_partition_key(
    ground: Ground, user_id: Any
) -> None:
    shown = versions(ground, "a", SLOW, FAST, apart=False, user_id=user_id)
    worker = ground.worker()

    for version in reversed(without_lsn(shown)):
        deliver(worker, INTERACTIONS, [version])

    assert_views_are_true(ground, worker)


def test_three_partition_key_values_are_three_documents(ground: Ground) -> None:
    worker = ground.worker()
    for user_id in ("", None, ...):
        ground.write(INTERACTIONS, interaction("a", user_id=user_id))

    deliver(worker, INTERACTIONS, ground.feed(INTERACTIONS))

    assert_views_are_true(ground, worker)
    day = ground.views()["daily_metrics"]["daily_metrics_20260310"]
    assert day["usage_statistics"]["total_interactions"] == 3
    assert day["usage_statistics"]["active_users"] == 0


@pytest.mark.usefixtures("few_views")
@pytest.mark.parametrize("buckets", [1, 4])
@pytest.mark.parametrize("unreadable", [42, "u" * 901], ids=["number", "too-long"])
def test_a_user_that_only_some_versions_name_readably_is_counted_where_readable(
    endpoint: Endpoint, grounds: Callable[..., Ground], unreadable: Any, buckets: int
) -> None:
    """`r` names the user ada, `u` names none that can be read, `d` is a bare soft delete."""
    ground = grounds(endpoint, buckets)
    worker = ground.worker()
    paths = [path for length in (2, 3, 4) for path in product("rud", repeat=length)]
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("b", timestamp=on(9))))

    for step in range(4):
        bodies = []
        for number, path in enumerate(paths):
            kinds: dict[str, Document] = {
                "r": interaction(user_id=..., userId="ada"),
                "u": interaction(user_id=..., userId=unreadable),
                "d": {"deleted": True},
            }
            if step < len(path):
                bodies.append(kinds[path[step]] | {"id": f"{number}", "step": step})
        written = ground.write(INTERACTIONS, *bodies)
        deliver(worker, INTERACTIONS, written)
        before = ground.etags(), ground.etags("poison_messages")
        deliver(worker, INTERACTIONS, written)

        assert before == (ground.etags(), ground.etags("poison_messages")), "a replay wrote"

    assert_views_are_true(ground, worker)


@pytest.mark.usefixtures("few_views")
@pytest.mark.parametrize("buckets", [1, 4])
def test_versions_with_and_without_a_readable_user_in_any_order(
    endpoint: Endpoint, grounds: Callable[..., Ground], buckets: int
) -> None:
    ground = grounds(endpoint, buckets)
    worker = ground.worker()
    orders = list(permutations(range(4)))
    shown: list[dict[str, Document]] = []
    for user in (42, "ada", 43, "ada"):
        bodies = [
            interaction(f"{number}", user_id=..., userId=user, step=len(shown))
            for number in range(len(orders))
        ]
        shown.append({one["id"]: one for one in ground.write(INTERACTIONS, *bodies)})
        ground.later()

    for step in range(4):
        batch = [shown[order[step]][f"{number}"] for number, order in enumerate(orders)]
        deliver(worker, INTERACTIONS, without_lsn(batch))

    assert_views_are_true(ground, worker)


def test_a_writer_that_changes_a_documents_user_does_not_stop_the_lease(ground: Ground) -> None:
    worker = ground.worker()
    bad = interaction("a", user_id=..., userId="ada", response_time_ms="late")
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, bad))

    moved = interaction("a", user_id=..., userId="bob")
    report = deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, moved, interaction("b")))

    assert report.counted == 2


@pytest.mark.parametrize("months", [(1, 3, 2), (3, 1, 2), (2, 3, 1)], ids=str)
def test_a_new_user_may_begin_in_three_months_at_once_in_any_order(
    ground: Ground, months: tuple[int, ...]
) -> None:
    worker = ground.worker()
    for number, month in enumerate(months):
        at = f"2026-{month:02}-05T10:00:00Z"
        ground.write(INTERACTIONS, interaction(f"i{number}", timestamp=at))
        ground.write(SESSIONS, session(f"s{number}", start_time=at))
        ground.write(INCIDENTS, incident(f"a{number}", created_at=at))

    for source in (INCIDENTS, INTERACTIONS, SESSIONS):
        deliver(worker, source, ground.feed(source))

    assert_views_are_true(ground, worker)


def test_late_documents_reach_every_earlier_month_of_a_user(ground: Ground) -> None:
    worker = ground.worker()
    months = ["2026-03", "2025-11", "2026-01", "2025-10", "2025-12", "2026-02", "2025-10"]
    for number, month in enumerate(months):
        at = f"{month}-{number + 10}T10:00:00Z"
        deliver(
            worker,
            INTERACTIONS,
            ground.write(INTERACTIONS, interaction(f"i{number}", timestamp=at)),
        )
    assert_views_are_true(ground, worker)

    for number in (3, 0, 6):  # the first ones, so that first days move
        deliver(
            worker,
            INTERACTIONS,
            ground.write(INTERACTIONS, {**interaction(f"i{number}"), "deleted": True}),
        )
        assert_views_are_true(ground, worker)
