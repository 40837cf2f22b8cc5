"""At and beyond the limits: of a commit, of a batch, of a user, of a document."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from emulators.cosmos import Endpoint
from pack import PACK
from tests.oracle.batches import BATCHES, read_batch
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    Document,
    Ground,
    Views,
    assert_views_are_true,
    deliver,
    deliver_all,
)
from tests.worker.stories import incident, interaction, on

STATE_BYTES_MAX = 1_500_000
pytestmark = pytest.mark.usefixtures("few_views")


def fed(source: str, bodies: list[Document], ts: int = 1_780_000_000) -> list[Document]:
    """Versions as a feed shows them, of documents that nobody will look up in their source."""
    return [
        {**body, "_etag": f'"{source}-{number}"', "_ts": ts, "_lsn": number}
        for number, body in enumerate(bodies, 1)
    ]


def largest_state_document(ground: Ground) -> int:
    return max(len(msgspec.json.encode(one)) for one in ground.state())


@pytest.mark.parametrize("changes", [80, 81, 250])
def test_one_user_with_many_changes_in_a_batch(ground: Ground, changes: int) -> None:
    worker = ground.worker()
    bodies = [interaction(f"a{number}", timestamp=on(number % 28 + 1)) for number in range(changes)]
    for body in bodies:
        ground.container(INTERACTIONS).upsert_item(body)

    report = deliver(worker, INTERACTIONS, ground.changes(INTERACTIONS))

    assert (changes, 0) == (report.counted, report.conflicts)
    assert_views_are_true(ground, worker)


@pytest.mark.parametrize("months", [18, 19, 36])
def test_one_user_with_a_full_batch_over_many_months(ground: Ground, months: int) -> None:
    """A commit holds every month it touches, too."""
    worker = ground.worker()
    for turn in range(2):
        bodies = [
            incident(f"i{number}", created_at=_month_ago(number % months, turn), turn=turn)
            for number in range(80)
        ]
        batch = ground.write(INCIDENTS, *bodies)

        assert deliver(worker, INCIDENTS, batch).counted == 80

    assert_views_are_true(ground, worker)


def _month_ago(months: int, day: int) -> str:
    years, month = divmod(2026 * 12 + 2 - months, 12)
    return f"{years}-{month + 1:02}-{day + 1:02}T08:00:00Z"


@pytest.mark.parametrize("users", [99, 100])
def test_a_commit_of_as_many_operations_as_fit_and_one_more(ground: Ground, users: int) -> None:
    """Each anonymous document is one operation; the journal is one more."""
    worker = ground.worker()
    bodies = [interaction(f"a{number}", user_id=...) for number in range(users)]

    report = deliver(worker, INTERACTIONS, fed(INTERACTIONS, bodies))

    assert (users, 0) == (report.counted, report.conflicts)
    assert (1 if users <= 99 else 2) == report.commits


def test_a_batch_of_a_thousand_changes_of_many_users(ground: Ground) -> None:
    worker = ground.worker()
    bodies = [
        interaction(
            f"a{number}",
            user_id=f"user-{number % 130}",
            timestamp=on(number % 28 + 1, f"{number % 24:02}:00:00"),
        )
        for number in range(1_000)
    ]
    container = ground.container(INTERACTIONS)
    for user in range(130):
        mine = [body for body in bodies if body["user_id"] == f"user-{user}"]
        container.execute_item_batch([("create", (body,)) for body in mine], f"user-{user}")
    changes = ground.changes(INTERACTIONS)

    report = deliver(worker, INTERACTIONS, changes)

    assert (report.counted, report.conflicts) == (1_000, 0)
    assert deliver(worker, INTERACTIONS, changes).duplicates == 1_000
    assert_views_are_true(ground, worker)


def test_a_document_with_a_thousand_citations(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(PACK.views, "content_analytics")
    worker = ground.worker()
    cited = [{"source": f"Text {n}", "chapter": n, "verse": n} for n in range(1_000)]
    body = interaction("a", foundational_texts_used=cited)

    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, body))
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, body | {"timestamp": on(12)}))

    assert ground.letters() == []
    assert_views_are_true(ground, worker)
    day = ground.views()["daily_metrics"]["daily_metrics_20260312"]
    assert day["content_performance"]["unique_texts_accessed"] == 1_000
    assert largest_state_document(ground) < STATE_BYTES_MAX


def test_a_user_of_thousands_of_interactions_a_day_stays_within_the_limits(ground: Ground) -> None:
    worker = ground.worker()
    start = datetime(2026, 3, 10, tzinfo=UTC)
    bodies = [
        interaction(
            f"a{number}",
            timestamp=(start + timedelta(seconds=number * 43)).isoformat(),
            query_metadata={"query_category": f"topic {number % 50}"},
        )
        for number in range(2_000)
    ]
    changes = fed(INTERACTIONS, bodies)

    for batch in range(0, len(changes), 1_000):
        deliver(worker, INTERACTIONS, changes[batch : batch + 1_000])
    worker.publisher.run()

    day = ground.views()["daily_metrics"]["daily_metrics_20260310"]
    assert day["usage_statistics"]["total_interactions"] == 2_000
    assert day["usage_statistics"]["active_users"] == 1
    assert largest_state_document(ground) < STATE_BYTES_MAX


@pytest.mark.parametrize(("sources_each", "oversize"), [(40, 0), (400, 20)])
def test_one_user_with_many_long_sources_stays_within_the_limits_and_stops_nobody(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, sources_each: int, oversize: int
) -> None:
    """However many sources a user has; only a single change too large for a commit is a letter."""
    bytes_max = 300_000
    monkeypatch.setattr("cosmos_views.store.state.COMMIT_BYTES_MAX", bytes_max)
    worker = ground.worker()
    bodies = [
        interaction(
            f"a{number}",
            timestamp=on(number % 28 + 1),
            foundational_texts_used=[
                {"source": f"{'s' * 110}{number}x{place}", "chapter": place}
                for place in range(sources_each)
            ],
        )
        for number in range(20)
    ]
    bodies.append(interaction("another", user_id="bob"))

    report = deliver(worker, INTERACTIONS, fed(INTERACTIONS, bodies))

    assert (21 - oversize, oversize) == (report.counted, report.dead["oversize"])
    assert ["oversize"] * oversize == [letter["category"] for letter in ground.letters()]
    assert largest_state_document(ground) < bytes_max


def test_buckets_and_ranges_make_no_difference(
    endpoint: Endpoint, split_endpoint: Endpoint, grounds: Callable[..., Ground]
) -> None:
    views: list[Views] = []
    for running, buckets in ((endpoint, 1), (endpoint, 16), (split_endpoint, 4)):
        ground = grounds(running, buckets)
        worker = ground.worker()
        ground.write_all(read_batch(BATCHES / "20_shapes.jsonl"))
        ground.write_all(read_batch(BATCHES / "50_synthetic_day.jsonl")[:40])
        deliver_all(worker, ground.all_changes())
        assert_views_are_true(ground, worker)
        views.append(ground.views())

    assert [views[0]] * 3 == views
