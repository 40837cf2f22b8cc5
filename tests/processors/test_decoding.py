"""Every field that the definitions name is checked, also where another one wins, and named."""

import json
from typing import Any

import pytest

from cosmos_views.intake.documents import read_batch
from cosmos_views.intake.judging import Judged, judge
from cosmos_views.ledger.entries import Outcome
from cosmos_views.source import Source
from processors import incidents, interactions, sessions
from processors.facts import IncidentFact, InteractionFact
from tests.generators.invalid import BY_SOURCE, EVERYWHERE
from tests.oracle import SourceDocument, classify

WRITTEN = 1_773_144_000
"""2026-03-10T12:00:00Z."""
CONTAINER_TTL = 5


def priced(
    _model: str, _at: int, _input: int, output: int | None, _cached: int, _written: int, /
) -> int | None:
    return None if output is None else 7


SOURCES: dict[str, Source[Any]] = {
    "user_interactions": interactions.source(priced),
    "user_sessions": sessions.SOURCE,
    "abuse_incidents": incidents.SOURCE,
}


def judged(source: str, **fields: Any) -> Judged:
    """One document, read as a batch of its own."""
    body = {"id": "a", "user_id": "ada", "_ts": WRITTEN, "_etag": "e", **fields}
    given = {name: value for name, value in body.items() if value is not ...}
    change = read_batch(SOURCES[source], json.dumps([given]))[0]
    return judge(SOURCES[source], change, CONTAINER_TTL)


def nested(path: str, value: Any) -> dict[str, Any]:
    """`a.b` as {"a": {"b": value}}, `a[].b` as {"a": [{"b": value}]}."""
    for name in reversed(path.split(".")):
        value = {name.removesuffix("[]"): [value]} if name.endswith("[]") else {name: value}
    assert isinstance(value, dict)
    return value


TEXT: tuple[Any, ...] = (1, True, {}, [])
NUMBER: tuple[Any, ...] = ("1", "", True, {}, [])
FLAG: tuple[Any, ...] = (1, "true", "", {}, [])
TIME: tuple[Any, ...] = (True, {}, [], "soon", "2026-03-10", -1)
SHARE = (*NUMBER, -0.000001, 1.000001)
MILLISECONDS = (*NUMBER, -0.1, 3_600_000.1)
TOKENS = (*NUMBER, -1, 1.5, 10_000_001)
OBJECT: tuple[Any, ...] = (1, "text", True, [])

COMMON = {
    "userId": (*TEXT, "u" * 901, "é" * 451),
    "partition_key": (*TEXT, "u" * 901),
    "user_id": (*TEXT, "u" * 901),
    "document_type": TEXT,
    "type": TEXT,
    "is_deleted": FLAG,
    "deleted": FLAG,
    "created_at": TIME,
    "schema_version": (*NUMBER, 0.5),
}
CHECKED: dict[str, dict[str, tuple[Any, ...]]] = {
    "user_interactions": {
        "timestamp": (*TIME, "2026-03-11T12:00:01Z"),
        "cost_data.timestamp": TIME,
        "session_id": TEXT,
        "sessionId": TEXT,
        "response_metadata": OBJECT,
        "response_metadata.personality_used": TEXT,
        "personality_id": TEXT,
        "personality": TEXT,
        "cost_data": OBJECT,
        "cost_data.model_used": TEXT,
        "response_metadata.model_used": TEXT,
        "context_data": OBJECT,
        "context_data.model_used": TEXT,
        "model": TEXT,
        "cost_data.input_tokens": TOKENS,
        "cost_data.output_tokens": TOKENS,
        "context_data.input_tokens": TOKENS,
        "context_data.output_tokens": TOKENS,
        "inputTokens": TOKENS,
        "outputTokens": TOKENS,
        "cost_data.cached_input_tokens": TOKENS,
        "cost_data.cache_write_tokens": TOKENS,
        "context_data.cached_input_tokens": TOKENS,
        "context_data.cache_write_tokens": TOKENS,
        "cachedInputTokens": TOKENS,
        "cacheWriteTokens": TOKENS,
        "user_rating": NUMBER,
        "feedback_rating": NUMBER,
        "user_feedback.accurate": FLAG,
        "response_time_ms": MILLISECONDS,
        "processing_stages": OBJECT,
        "processing_stages.content_retrieval_ms": MILLISECONDS,
        "status": TEXT,
        "query_metadata": OBJECT,
        "query_metadata.query_category": TEXT,
        "query_metadata.query_complexity": TEXT,
        "quality_metrics": OBJECT,
        "quality_metrics.response_relevance": SHARE,
        "quality_metrics.citation_accuracy": SHARE,
        "quality_metrics.user_satisfaction": SHARE,
        "quality_metrics.safety_score": SHARE,
        "rag_metadata": OBJECT,
        "rag_metadata.chunks_retrieved": (*NUMBER, -1, 0.5, 1_000_001),
        "rag_metadata.avg_relevance_score": SHARE,
        "foundational_texts_used": (1, "text", True, {}),
        "foundational_texts_used[]": (1, True, []),
        "foundational_texts_used[].source": TEXT,
        "foundational_texts_used[].chapter": (True, {}, []),
        "foundational_texts_used[].verse": (True, {}, []),
        "foundational_texts_used[].relevance_score": SHARE,
        "foundational_texts_used[].citation_text": TEXT,
    },
    "user_sessions": {
        "start_time": (*TIME, "2026-03-11T12:00:01Z"),
        "end_time": TIME,
        "duration_seconds": (*NUMBER, -0.001, 604_800.001),
        "status": TEXT,
        "content_depth_score": SHARE,
    },
    "abuse_incidents": {
        "detection_metadata": OBJECT,
        "detection_metadata.detection_timestamp": (*TIME, "2026-03-11T12:00:01Z"),
        "detection_metadata.detection_method": TEXT,
        "interaction_id": TEXT,
        "incident_type": TEXT,
        "severity": TEXT,
        "auto_detected": FLAG,
        "review_status": TEXT,
        "human_reviewer": TEXT,
        "review_decision": TEXT,
        "resolution": OBJECT,
        "resolution.final_decision": TEXT,
        "resolution.resolution_timestamp": TIME,
        "feedback_data": OBJECT,
        "feedback_data.model_accuracy": TEXT,
        "flagged_content": OBJECT,
        "flagged_content.violation_categories": (1, "text", True, {}),
        "flagged_content.violation_categories[]": TEXT,
        "actions_taken": (1, "text", True, {}),
        "actions_taken[]": (1, "text", True, []),
        "actions_taken[].action_type": TEXT,
    },
}
"""Source → path → values that are of the wrong type or out of range."""


def cases() -> list[tuple[str, str, Any]]:
    return [
        (source, path, value)
        for source, checked in CHECKED.items()
        for path, values in {**COMMON, **checked}.items()
        for value in values
    ]


@pytest.mark.parametrize(("source", "path", "value"), cases())
def test_a_wrong_value_is_rejected_and_named_never_shown(
    source: str, path: str, value: Any
) -> None:
    fields = nested(path, value)
    rejected = judged(source, **fields).rejected
    expected = classify(
        SourceDocument(source, {"id": "a", "user_id": "ada", "_ts": WRITTEN} | fields)
    )

    assert rejected is not None
    assert rejected.category in ("malformed", "invalid")
    assert path.replace("[]", "[0]") == rejected.path.replace("[...]", "[0]")
    assert expected[0] == "dead"
    assert "u" * 20 not in str(rejected)


@pytest.mark.parametrize(
    ("source", "path"),
    [(source, path) for source, checked in CHECKED.items() for path in {**COMMON, **checked}],
)
def test_an_absent_value_is_no_wrong_one(source: str, path: str) -> None:
    if path.endswith("foundational_texts_used[]"):
        return
    verdict = judged(source, **nested(path, None)).verdict

    assert verdict.outcome is Outcome.COUNTED


@pytest.mark.parametrize("source", SOURCES)
def test_fields_that_no_definition_names_are_never_looked_at(source: str) -> None:
    unknown = {"user_query": 7, "response_text": {"a": []}, "interaction_count": "many"}

    assert judged(source, **unknown, timestamp=...).verdict.outcome is Outcome.COUNTED


@pytest.mark.parametrize(
    ("source", "path", "value"),
    [
        (source, ".".join(path), value)
        for source in SOURCES
        for path, value in EVERYWHERE + BY_SOURCE[source]
    ],
)
def test_what_the_generators_call_invalid_is_rejected(source: str, path: str, value: Any) -> None:
    created = {"created_at": "2025-01-01T00:00:00Z"} if path.startswith("resolution") else {}

    assert judged(source, **{**created, **nested(path, value)}).rejected is not None


@pytest.mark.parametrize("name", ["error", "error_message"])
@pytest.mark.parametrize(
    ("said", "failed"),
    [
        *((nothing, False) for nothing in ("null", "false", "0", '""', "{}", "[]")),
        *(
            (nothing, False)
            for nothing in ("-0", "0.0", "0e9", "0." + "0" * 40, "{ }", "[" + " " * 40 + "]")
        ),
        *(
            (something, True)
            for something in ("true", "0.1", "-1", '" "', '"0"', "[0]", '{"a": null}')
        ),
    ],
)
def test_an_error_that_says_something_is_a_failure(name: str, said: str, failed: bool) -> None:
    text = f'[{{"id": "a", "user_id": "ada", "_ts": {WRITTEN}, "_etag": "e", "{name}": {said}}}]'
    change = read_batch(SOURCES["user_interactions"], text)[0]

    fact = judge(SOURCES["user_interactions"], change, CONTAINER_TTL).verdict.fact

    assert isinstance(fact, InteractionFact)
    assert fact.failed is failed


@pytest.mark.parametrize(
    ("number", "chapter"),
    [
        (1e23, "1" + "0" * 23),
        (2, "2"),
        (2.0, "2"),
        (2.50, "2.5"),
        (123456789012345678901234567890, "123456789012345678901234567890"),
        (-0.0, "0"),
        (1e-7, "0.0000001"),
        (-1.25, "-1.25"),
        (100, "100"),
    ],
)
def test_a_chapter_is_the_number_in_plain_decimals(number: float, chapter: str) -> None:
    cited = [{"source": "a", "chapter": number}]
    fact = judged("user_interactions", foundational_texts_used=cited).verdict.fact

    assert isinstance(fact, InteractionFact)
    assert fact.citations[0].chapter == chapter


def test_null_in_a_list_of_citations_is_skipped_and_empty_text_is_one_of_unknown() -> None:
    fact = judged("user_interactions", foundational_texts_used=[None, "", "Gita 2.47"]).verdict.fact

    assert isinstance(fact, InteractionFact)
    assert [one.source for one in fact.citations] == ["unknown", "gita"]


def test_null_and_empty_text_in_lists_of_an_incident_are_skipped() -> None:
    actions = [None, "", {"action_type": "warning_issued"}]
    categories = {"violation_categories": [None, "", "spam"]}
    fact = judged("abuse_incidents", actions_taken=actions, flagged_content=categories).verdict.fact

    assert isinstance(fact, IncidentFact)
    assert (fact.warnings, fact.categories) == (1, ("spam",))


@pytest.mark.parametrize("other", [False, None, "no", 7, {}])
def test_one_flag_that_is_true_deletes_whatever_the_other_is(other: Any) -> None:
    for flags in ({"is_deleted": True, "deleted": other}, {"is_deleted": other, "deleted": True}):
        assert judged("user_sessions", **flags).verdict.outcome is Outcome.DELETED


def test_the_position_of_a_bad_citation_is_named() -> None:
    cited = [None, {"source": "a"}, {"verse": False}]
    rejected = judged("user_interactions", foundational_texts_used=cited).rejected

    assert rejected is not None
    assert rejected.path == "foundational_texts_used[2].verse"


def test_a_document_without_an_id_is_malformed() -> None:
    rejected = judged("user_interactions", id=...).rejected

    assert rejected is not None
    assert (rejected.category, rejected.path) == ("malformed", "$")


def test_a_newer_schema_is_a_category_of_its_own() -> None:
    rejected = judged("user_sessions", schema_version=2, status=7).rejected

    assert rejected is not None
    assert (rejected.category, rejected.path) == ("unsupported_version", "schema_version")
    for readable in (1, 1.0, 0, None):
        assert judged("user_sessions", schema_version=readable).rejected is None


def test_the_schema_is_checked_before_everything_else() -> None:
    for user in ("u" * 901, 7):
        rejected = judged("user_sessions", schema_version=2, user_id=user).rejected

        assert rejected is not None
        assert (rejected.category, rejected.path) == ("unsupported_version", "schema_version")


def test_one_malformed_document_spoils_no_other() -> None:
    text = json.dumps(
        [{"id": str(number), "status": 7 if number == 1 else "completed"} for number in range(3)]
    )
    changes = read_batch(sessions.SOURCE, text)

    assert [change.position for change in changes] == [0, 1, 2]
    assert [change.rejected is None for change in changes] == [True, False, True]
    assert [change.document_id for change in changes] == ["0", "1", "2"]


def test_what_is_malformed_keeps_its_identity_and_version() -> None:
    body = {"id": "a", "user_id": "ada", "_etag": "e", "_ts": 5, "_lsn": 6, "ttl": 7, "status": 8}
    change = read_batch(sessions.SOURCE, json.dumps([body]))[0]

    assert change.entry_id == judged("user_sessions").change.entry_id
    assert change.version == ("e", 5, 6)
    assert (change.owner, change.owner_readable, change.ttl_seconds) == ("ada", True, 7)
