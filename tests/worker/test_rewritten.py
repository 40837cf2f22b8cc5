"""Texts that the host takes for dates: whatever it makes of an id, a user, a kind or a label on the
way, what counts is what the source holds."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cosmos_views.intake.raw_json import as_text
from cosmos_views.store import sources
from cosmos_views.store.sources import SourceStore
from cosmos_views.worker import Worker
from emulators.cosmos import Endpoint
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    SESSIONS,
    Document,
    Ground,
    assert_views_are_true,
    deliver,
    deliver_all,
    publish_until_done,
)
from tests.worker.stories import incident, interaction, on, session

STORED, WRITTEN = "2026-03-02T12:00:00.600Z", "2026-03-02T12:00:00.6Z"
"""What the host writes for the first is the second."""
PLACES: dict[str, Callable[[str], Document]] = {
    "id": lambda text: {"id": text.replace("/", "")},
    "user": lambda text: {"user_id": text},
    "user without a partition key": lambda text: {"user_id": None, "userId": text},
    "kind": lambda text: {"document_type": text},
    "session": lambda text: {"session_id": text},
    "topic": lambda text: {"query_metadata": {"query_category": text}},
    "model": lambda text: {"cost_data": {"model_used": text}},
    "personality": lambda text: {"response_metadata": {"personality_used": text}},
    "source": lambda text: {"foundational_texts_used": [{"source": text}]},
    "chapter": lambda text: {"foundational_texts_used": [{"source": "gita", "chapter": text}]},
    "verse": lambda text: {"foundational_texts_used": [{"source": "gita", "verse": text}]},
    "citation": lambda text: {"foundational_texts_used": [text]},
}


def assert_the_audit_finds_nothing(ground: Ground, worker: Worker, *containers: str) -> None:
    """What the sources hold has been decided as it stands there."""
    for source in containers:
        text = as_text(ground.feed(source))
        report = worker.processors[source].process(text, {}, as_stored=True)
        assert report.delivered == report.duplicates


@pytest.mark.parametrize("text", [STORED, WRITTEN, "2026-03-02T14:00:00+02:00", "/Date(0)/"])
@pytest.mark.parametrize("place", PLACES)
def test_what_counts_is_the_text_that_the_source_holds(
    ground: Ground, place: str, text: str
) -> None:
    worker = ground.worker()
    changes = ground.write(INTERACTIONS, interaction("a") | PLACES[place](text))

    deliver(worker, INTERACTIONS, changes)

    assert_views_are_true(ground, worker)
    assert_the_audit_finds_nothing(ground, worker, INTERACTIONS)


@pytest.mark.parametrize("at_once", [True, False])
def test_documents_whose_ids_or_partition_keys_arrive_as_one_are_told_apart(
    split_endpoint: Endpoint, grounds: Callable[..., Ground], at_once: bool
) -> None:
    ground = grounds(split_endpoint, buckets=4)
    worker = ground.worker()
    changes = ground.write(
        INTERACTIONS,
        interaction(STORED),
        interaction(WRITTEN, timestamp=on(3)),
        interaction("c", user_id=STORED),
        interaction("c", user_id=WRITTEN, timestamp=on(4)),
    )

    for batch in [changes] if at_once else [[one] for one in changes]:
        deliver(worker, INTERACTIONS, batch)

    assert len(ground.state("e:")) == 4
    assert_views_are_true(ground, worker)
    assert_the_audit_finds_nothing(ground, worker, INTERACTIONS)


def test_an_incident_finds_the_interaction_whose_id_looks_like_a_date(ground: Ground) -> None:
    worker = ground.worker()
    ground.write(SESSIONS, session(WRITTEN))
    ground.write(INTERACTIONS, interaction(STORED), interaction(WRITTEN))
    ground.write(INCIDENTS, incident("i", interaction_id=f"interaction_{STORED}"))
    ground.write(INCIDENTS, incident(WRITTEN, interaction_id=STORED))

    deliver_all(worker, {name: ground.feed(name) for name in (INCIDENTS, INTERACTIONS, SESSIONS)})

    assert_views_are_true(ground, worker)
    assert_the_audit_finds_nothing(ground, worker, INCIDENTS, INTERACTIONS, SESSIONS)


def test_an_ordinary_batch_asks_the_source_nothing(ground: Ground) -> None:
    worker = ground.worker()
    changes = ground.write(INTERACTIONS, interaction("a"), interaction("b", timestamp=on(3)))
    ground.endpoint.stats.reset()

    deliver(worker, INTERACTIONS, changes)

    assert all(one.container != INTERACTIONS for one in ground.endpoint.stats.totals())


def test_a_dead_letter_names_the_document_as_its_source_does_and_is_redriven(
    ground: Ground,
) -> None:
    worker = ground.worker()
    changes = ground.write(INTERACTIONS, interaction(STORED, response_time_ms="fast"))
    deliver(worker, INTERACTIONS, changes)

    [letter] = ground.letters()
    assert letter["document_id"] == STORED
    ground.write(INTERACTIONS, interaction(STORED))
    worker.redrive({})
    [letter] = ground.letters()
    assert letter["resolution"] == "a newer version is counted"


def test_what_is_gone_contributes_nothing_and_leaves_what_was_counted(ground: Ground) -> None:
    worker = ground.worker()
    container = ground.container(INTERACTIONS)
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction(STORED)))
    before = ground.state("e:")
    changes = ground.write(INTERACTIONS, interaction(STORED, timestamp=on(3)), interaction("b"))
    container.delete_item(STORED, "ada")

    report = deliver(worker, INTERACTIONS, changes)

    assert (report.gone, report.counted) == (1, 1)
    assert before == [one for one in ground.state("e:") if one["document"] == STORED]
    publish_until_done(ground, worker)
    [day] = ground.views()["daily_metrics"].values()
    assert day["usage_statistics"]["total_interactions"] == 2


def test_what_could_not_be_found_counts_once_it_is(ground: Ground) -> None:
    worker = ground.worker()
    changes = ground.write(INTERACTIONS, interaction(STORED))

    deliver(worker, INTERACTIONS, [{**changes[0], "_rid": "of another"}])

    assert ground.state("e:") == []

    deliver(worker, INTERACTIONS, changes)

    assert_views_are_true(ground, worker)


def test_a_version_that_was_replaced_ends_as_what_its_source_holds_now(ground: Ground) -> None:
    worker = ground.worker()
    old = ground.write(INTERACTIONS, interaction(STORED))
    ground.later(2)
    ground.write(INTERACTIONS, interaction(STORED, timestamp=on(3)))

    deliver(worker, INTERACTIONS, old)

    assert_views_are_true(ground, worker)
    assert deliver(worker, INTERACTIONS, ground.feed(INTERACTIONS)).duplicates == 1


def test_many_documents_are_found_by_few_queries(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "RIDS_PER_QUERY", 3)
    changes = ground.write(SESSIONS, *(session(f"s{number}") for number in range(8)))
    asked = {one["_rid"]: one["_ts"] for one in changes}
    store = SourceStore(ground.client.get_database_client(ground.database))
    ground.endpoint.stats.reset()

    found = store.by_rid(SESSIONS, asked)

    assert found.keys() == asked.keys()
    assert ground.endpoint.stats.total(SESSIONS, "query").count == 3
    assert store.by_rid(SESSIONS, dict.fromkeys(asked, 1)) == {}
    assert store.by_rid(SESSIONS, dict.fromkeys(asked, 1), since=1).keys() == asked.keys()


WITHOUT_A_PATH = ("a%2Fb", "100%", ".", "..", " a")


def doubtful(changes: Sequence[Document]) -> list[Any]:
    """As a feed shows them after a failover: nothing can be told from their numbers."""
    return [{**one, "_etag": "another", "_ts": one["_ts"] - 1} for one in changes]


@pytest.mark.parametrize("user", ["ada", None, ...])
@pytest.mark.parametrize("name", WITHOUT_A_PATH)
def test_a_doubt_about_a_document_that_no_path_names_is_settled(
    ground: Ground, name: str, user: Any
) -> None:
    worker = ground.worker()
    body = interaction(name, user_id=user)
    first = ground.write(INTERACTIONS, body)
    deliver(worker, INTERACTIONS, first)
    ground.later(2)
    ground.write(INTERACTIONS, body | {"timestamp": on(3)})

    report = deliver(worker, INTERACTIONS, doubtful(first))

    assert report.counted == 1
    assert_views_are_true(ground, worker)


@pytest.mark.parametrize("name", WITHOUT_A_PATH)
def test_a_letter_of_a_document_that_no_path_names_is_redriven(ground: Ground, name: str) -> None:
    worker = ground.worker()
    deliver(
        worker,
        INTERACTIONS,
        ground.write(INTERACTIONS, interaction(name, response_time_ms="fast")),
    )
    ground.write(INTERACTIONS, interaction(name))

    worker.redrive({})

    [letter] = ground.letters()
    assert letter["resolution"] == "a newer version is counted"
