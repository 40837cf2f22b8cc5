"""Poison: a dead letter says what, where and why, and shows nobody's words; the rest goes on."""

import json
import logging
import re
from typing import Any

import msgspec
import pytest

from cosmos_views.ledger.commits import Transient
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    SESSIONS,
    Document,
    Ground,
    assert_views_are_true,
    deliver,
    text_of,
)
from tests.worker.stories import incident, interaction, on, session

SECRET = "xyzzy-plugh-4711"

GOOD = [interaction(f"good-{number}", user_id=f"user-{number % 7}") for number in range(96)]
MALFORMED = interaction("malformed", response_time_ms="fast")
NEGATIVE = interaction("negative", response_time_ms=-1)
FUTURE = interaction("future", timestamp="2999-01-01T00:00:00Z")
UNKNOWN = interaction("unknown", document_type="weather_report", response_time_ms="fast")
BAD = [MALFORMED, NEGATIVE, FUTURE, UNKNOWN]
PATHS = {
    "malformed": ("malformed", "response_time_ms"),
    "negative": ("invalid", "response_time_ms"),
    "future": ("invalid", "timestamp"),
}


@pytest.mark.parametrize("kept", [BAD, [NEGATIVE, FUTURE, UNKNOWN]], ids=["slow", "fast"])
def test_four_bad_documents_among_96_good_ones(ground: Ground, kept: list[Document]) -> None:
    """`fast`: nothing malformed, so the batch decodes in one go."""
    bad = [one for one in kept if one is not UNKNOWN or len(kept) == 4]
    bodies = GOOD[:50] + bad + GOOD[50:]
    for body in bodies:
        ground.container(INTERACTIONS).upsert_item(body)

    with ground.host() as host:
        host.run_until_idle()
        assert host.counts()["interactions"].failures == 0
        host.fire("publish")

    outcomes = [entry["outcome"] for entry in ground.state("e:")]
    letters = {one["document_id"]: one for one in ground.letters()}
    assert outcomes.count("counted") == 96
    assert len(bad) - (UNKNOWN in bad) == outcomes.count("dead")
    assert int(UNKNOWN in bad) == outcomes.count("ignored")
    assert {one["id"]: PATHS[one["id"]] for one in bad if one is not UNKNOWN} == {
        name: (letter["category"], letter["path"]) for name, letter in letters.items()
    }
    for name, letter in letters.items():
        assert name == letter["document"]["id"]
        assert letter["source"] == INTERACTIONS
        assert letter["status"] == "pending"
        assert letter["attempts"] == 1
        assert letter["partition_key"] == ["ada"]
        assert letter["version"]["etag"]
        assert letter["correlation"]["invocation_id"]
    assert_views_are_true(ground)


SECRET_TEXTS: Document = {
    "user_query": f"I am {SECRET}",
    "response_text": f"Hello {SECRET}",
    "user_input": SECRET,
    "ai_response": SECRET,
    "session_token": SECRET,
    "email": f"{SECRET}@example.org",
    "user_email": f"{SECRET}@example.org",
    "first_name": SECRET,
    "name": SECRET,
    "unknown_field": SECRET,
    SECRET: "a name nobody knows",
    "unknown_object": {SECRET: SECRET, "deeper": [{"x": SECRET}]},
    "flagged_content": {"text": SECRET, "flagged_text": SECRET, SECRET: 1},
    "response_metadata": {"raw": SECRET, "personality_used": "krishna"},
    "foundational_texts_used": [{"source": "Gita", "citation_text": SECRET, "note": SECRET}],
    "user_feedback": {"comment": SECRET, "accurate": True},
    "error_message": SECRET,
    "error": {"message": SECRET},
}
WRONG_TYPES: list[tuple[str, Document]] = [
    (INTERACTIONS, {"response_time_ms": SECRET}),
    (INTERACTIONS, {"response_time_ms": {SECRET: SECRET}}),
    (INTERACTIONS, {"user_rating": SECRET}),
    (INTERACTIONS, {"user_rating": [SECRET]}),
    (INTERACTIONS, {"quality_metrics": SECRET}),
    (INTERACTIONS, {"quality_metrics": {"safety_score": SECRET}}),
    (INTERACTIONS, {"quality_metrics": [SECRET]}),
    (INTERACTIONS, {"foundational_texts_used": SECRET}),
    (INTERACTIONS, {"foundational_texts_used": {SECRET: SECRET}}),
    (INTERACTIONS, {"foundational_texts_used": [{"chapter": {SECRET: SECRET}}]}),
    (INTERACTIONS, {"foundational_texts_used": [{"relevance_score": SECRET}]}),
    (INTERACTIONS, {"timestamp": SECRET}),
    (INTERACTIONS, {"timestamp": {SECRET: SECRET}}),
    (INTERACTIONS, {"created_at": f"{SECRET} said so"}),
    (INTERACTIONS, {"cost_data": {"timestamp": SECRET}}),
    (INTERACTIONS, {"cost_data": SECRET}),
    (INTERACTIONS, {"context_data": {"input_tokens": SECRET}}),
    (INTERACTIONS, {"inputTokens": SECRET}),
    (INTERACTIONS, {"rag_metadata": {"chunks_retrieved": SECRET}}),
    (INTERACTIONS, {"user_feedback": {"accurate": SECRET}}),
    (INTERACTIONS, {"session_id": {SECRET: SECRET}}),
    (INTERACTIONS, {"is_deleted": SECRET}),
    (INTERACTIONS, {"document_type": {SECRET: SECRET}}),
    (INTERACTIONS, {"userId": {SECRET: SECRET}}),
    (INTERACTIONS, {"error": SECRET, "response_time_ms": -1}),
    (INTERACTIONS, {"status": {SECRET: SECRET}}),
    (SESSIONS, {"start_time": SECRET}),
    (SESSIONS, {"end_time": f"{SECRET}"}),
    (SESSIONS, {"duration_seconds": SECRET}),
    (SESSIONS, {"content_depth_score": {SECRET: SECRET}}),
    (SESSIONS, {"status": [SECRET]}),
    (INCIDENTS, {"detection_metadata": SECRET}),
    (INCIDENTS, {"detection_metadata": {"detection_timestamp": SECRET}}),
    (INCIDENTS, {"resolution": {"resolution_timestamp": SECRET}}),
    (INCIDENTS, {"flagged_content": SECRET}),
    (INCIDENTS, {"flagged_content": {"violation_categories": SECRET}}),
    (INCIDENTS, {"actions_taken": SECRET}),
    (INCIDENTS, {"actions_taken": [{"action_type": {SECRET: SECRET}}]}),
    (INCIDENTS, {"auto_detected": SECRET}),
    (INCIDENTS, {"human_reviewer": SECRET, "severity": 1}),
    (INCIDENTS, {"human_reviewer": [SECRET]}),
]
_MAKERS = {INTERACTIONS: interaction, SESSIONS: session, INCIDENTS: incident}


def test_no_words_of_a_user_leave_the_sources(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "worker")
    for number, (source, wrong) in enumerate(WRONG_TYPES):
        body = {**_MAKERS[source](f"dead-{number}"), **SECRET_TEXTS, **wrong}
        ground.container(source).upsert_item(body)
    for number, (source, make) in enumerate(_MAKERS.items()):
        ground.container(source).upsert_item({**make(f"good-{number}"), **SECRET_TEXTS})

    with ground.host() as host:
        host.run_until_idle()
        host.fire("publish")

    assert len(WRONG_TYPES) == len(ground.letters())
    sources = {INTERACTIONS, SESSIONS, INCIDENTS, "leases"}
    database = ground.client.get_database_client(ground.database)
    for container in database.list_containers():
        if container["id"] not in sources:
            for document in ground.documents(str(container["id"])):
                found = leaks(document)
                assert found == [], f"{container['id']}: {document.get('path')}"
    assert SECRET not in caplog.text


def leaks(value: Any, path: str = "") -> list[str]:
    """Where in a document the secret stands."""
    if isinstance(value, dict):
        return [
            leak
            for name, inner in value.items()
            for leak in [*leaks(name, f"{path}.(name)"), *leaks(inner, f"{path}.{name}")]
        ]
    if isinstance(value, list):
        return [
            leak for place, inner in enumerate(value) for leak in leaks(inner, f"{path}[{place}]")
        ]
    return [path] if SECRET in str(value) else []


def test_nothing_is_lost_while_the_poison_container_is_down(ground: Ground) -> None:
    for body in (*GOOD[:20], NEGATIVE, interaction("good-again", timestamp=on(12))):
        ground.container(INTERACTIONS).upsert_item(body)
    changes = ground.changes(INTERACTIONS)
    worker = ground.worker()
    ground.endpoint.faults.add(container="poison_messages", status=500)

    with pytest.raises(Transient):
        deliver(worker, INTERACTIONS, changes)

    assert [one for one in ground.state("e:") if one["outcome"] == "dead"] == []
    ground.endpoint.faults.clear()
    deliver(worker, INTERACTIONS, changes)
    assert [one["document_id"] for one in ground.letters()] == ["negative"]
    assert_views_are_true(ground, worker)


def test_a_letter_written_before_a_failed_commit_is_the_same_letter_afterwards(
    ground: Ground,
) -> None:
    changes = ground.write(INTERACTIONS, NEGATIVE, *GOOD[:3])
    worker = ground.worker()
    ground.endpoint.faults.add("batch", container="state", status=429)
    with pytest.raises(Transient):
        deliver(worker, INTERACTIONS, changes)
    [first] = ground.letters()
    ground.endpoint.faults.clear()

    deliver(worker, INTERACTIONS, changes)

    [letter] = ground.letters()
    assert (first["id"], first["first_failed_at"]) == (letter["id"], letter["first_failed_at"])
    assert first["attempts"] < letter["attempts"]
    assert_views_are_true(ground, worker)


def test_each_version_that_fails_has_a_letter_of_its_own(ground: Ground) -> None:
    worker = ground.worker()

    for number in range(2):
        deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, NEGATIVE | {"mark": number}))

    assert len({letter["id"] for letter in ground.letters()}) == 2


def test_a_dead_letter_holds_its_own_document_in_a_batch_that_decodes_in_one_go(
    ground: Ground,
) -> None:
    changes = ground.write(INTERACTIONS, *GOOD[:5], FUTURE, *GOOD[5:9])

    deliver(ground.worker(), INTERACTIONS, changes)

    [letter] = ground.letters()
    assert letter["document"]["id"] == "future"


def test_a_bad_version_retracts_what_a_good_one_counted(ground: Ground) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, *GOOD[:3]))
    assert_views_are_true(ground, worker)

    report = deliver(
        worker, INTERACTIONS, ground.write(INTERACTIONS, GOOD[0] | {"response_time_ms": -1})
    )

    assert report.corrections == 1
    assert_views_are_true(ground, worker)


def test_text_that_is_no_batch_fails_and_stays(ground: Ground) -> None:
    worker = ground.worker()

    with pytest.raises(msgspec.DecodeError):
        worker.processors[INTERACTIONS].process(text_of(GOOD[:2])[:-1], {})

    assert ground.state("e:") == []


def test_a_kind_of_any_length_is_bounded_in_the_log(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "worker")
    changes = ground.write(INTERACTIONS, interaction("odd", document_type="k" * 5_000))

    ground.worker().process(INTERACTIONS, text_of(changes), {})

    assert not re.search("k{200}", caplog.text)


def test_the_log_of_a_batch_says_where_every_change_ended(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "worker")
    changes = ground.write(INTERACTIONS, *BAD, *GOOD[:4], GOOD[5] | {"deleted": True})

    ground.worker().process(INTERACTIONS, text_of(changes + changes[:1]), {"invocation_id": "i1"})

    line = json.loads(next(one.message for one in caplog.records if "batch applied" in one.message))
    assert line["invocation_id"] == "i1"
    assert (
        line["changes_delivered"],
        line["changes_counted"],
        line["changes_deleted"],
        line["duplicates"],
    ) == (10, 4, 1, 1)
    assert line["changes_ignored"] == {"weather_report": 1}
    assert line["dead_letters"] == {"malformed": 1, "invalid": 2}
    assert line["request_charge"] > 0
