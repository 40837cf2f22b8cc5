"""A dead letter says where and why, and holds no text that a user may have written."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.intake.dead_letters import OMITTED, dead_letter, safe_document
from processors.interactions import Interaction
from processors.sessions import Session
from tests.processors.test_decoding import CHECKED, COMMON, SOURCES, judged, nested

SECRET = "My name is Jane Roe, jane@example.org"
LONG = "s" * 129
AT = "2026-03-10T12:00:00Z"
FREE_TEXT = ("user_query", "response_text", "user_input", "ai_response", "session_token", "e_mail")

scalars = st.none() | st.booleans() | st.integers(0, 9) | st.just(SECRET) | st.just(LONG)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("x"), inner)
)


def letter(source: str, **fields: Any) -> Any:
    one = judged(source, **fields)
    body = {"id": "a", "user_id": "ada", "_ts": 1_773_144_000, "_etag": "e", **fields}
    return dead_letter(
        SOURCES[source], one, json.dumps(body).encode(), AT, {"invocation": "i-1"}, "w"
    )


def stored(source: str, **fields: Any) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(letter(source, **fields)))
    return document


def test_a_letter_of_nobody_names_nobody() -> None:
    """An erasure finds a letter by the user it names, and this one it would not find."""
    whose = stored("user_sessions", user_id=7, userId="ada", partition_key="ada", status=7)

    assert whose["user"] is None
    assert whose["document"]["user_id"] == 7
    assert (whose["document"]["userId"], whose["document"]["partition_key"]) == (OMITTED, OMITTED)
    assert stored("user_sessions", userId="ada", status=7)["document"]["userId"] == "ada"


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", FREE_TEXT)
@given(value=values)
def test_no_unknown_field_is_kept_whatever_it_holds(source: str, name: str, value: Any) -> None:
    document = stored(source, status=7, severity=7, **{name: value})["document"]

    assert name not in document


@pytest.mark.parametrize(
    ("source", "path"),
    [
        (source, path)
        for source, checked in CHECKED.items()
        for path in {**COMMON, **checked}
        if path not in ("user_id", "userId", "partition_key")
    ],
)
@pytest.mark.parametrize("secret", [{"note": SECRET}, [SECRET], [[SECRET]], LONG, {SECRET: 1}])
def test_no_secret_survives_in_the_wrong_place(source: str, path: str, secret: Any) -> None:
    lists_of_text = ("foundational_texts_used", "flagged_content.violation_categories")
    if path in lists_of_text and secret == [SECRET]:
        return
    if path in ("document_type", "type") and isinstance(secret, str):
        return  # a kind that nobody knows is ignored
    text = json.dumps(stored(source, **{"schema_version": 99, **nested(path, secret)}))

    assert SECRET not in text
    assert LONG not in text


@pytest.mark.parametrize(
    "fields",
    [
        {"timestamp": SECRET},
        {"error": SECRET, "status": 7},
        {"error_message": {"text": SECRET}, "status": 7},
        {"user_feedback": {"accurate": SECRET, "comment": SECRET}},
        {"foundational_texts_used": [{"citation_text": SECRET, "source": 7}]},
        {"query_metadata": {"query_category": 7, "raw_query": SECRET}},
        {"cost_data": {"timestamp": SECRET}},
    ],
)
def test_text_that_no_view_shows_is_left_out(fields: dict[str, Any]) -> None:
    assert SECRET not in json.dumps(stored("user_interactions", **fields))


def test_text_of_incidents_is_left_out() -> None:
    flagged = {"flagged_text": SECRET, "violation_categories": ["insult"]}
    document = stored("abuse_incidents", severity=7, human_reviewer=SECRET, flagged_content=flagged)

    assert SECRET not in json.dumps(document)
    assert document["document"]["flagged_content"] == {"violation_categories": ["insult"]}


def test_values_that_views_show_are_kept() -> None:
    fields = {
        "timestamp": "2026-03-10T12:00:00Z",
        "response_time_ms": "fast",
        "personality": "krishna",
        "user_rating": 5,
        "user_feedback": {"accurate": True, "comment": "thanks"},
        "foundational_texts_used": ["Gita 2.47", {"source": "gita", "relevance_score": 0.5}],
    }
    document = stored("user_interactions", **fields)["document"]

    assert document["timestamp"] == fields["timestamp"]
    assert document["personality"] == "krishna"
    assert document["user_rating"] == 5
    assert document["user_feedback"] == {"accurate": True}
    assert document["foundational_texts_used"] == fields["foundational_texts_used"]
    assert document["response_time_ms"] == OMITTED


def test_a_letter_says_what_where_and_of_which_version() -> None:
    found = stored("user_sessions", status=7)

    assert found["source"] == "user_sessions"
    assert found["category"] == "malformed"
    assert found["path"] == "status"
    assert found["document_id"] == "a"
    assert found["partition_key"] == ["ada"]
    assert found["version"] == {"etag": "e", "ts": 1_773_144_000, "lsn": None}
    assert found["first_failed_at"] == found["last_failed_at"] == AT
    assert found["correlation"] == {"invocation": "i-1"}
    assert found["user"] not in (None, "ada")
    assert (found["status"], found["attempts"]) == ("pending", 1)


@pytest.mark.parametrize(("given_key", "shown"), [(None, [None]), ("", [""]), (7, [7])])
def test_a_partition_key_value_is_shown_as_it_is(given_key: Any, shown: list[Any]) -> None:
    assert shown == stored("user_sessions", status=7, user_id=given_key)["partition_key"]


def test_the_same_version_has_the_same_letter() -> None:
    first, again = letter("user_sessions", status=7), letter("user_sessions", status=7)
    other = letter("user_sessions", status=7, _etag="f")

    assert first.id == again.id
    assert first.id != other.id


def test_what_is_no_document_at_all_is_left_out() -> None:
    assert safe_document(Session, "text") == OMITTED
    assert safe_document(Session, ["text"]) == OMITTED
    assert safe_document(Session, {}) == {}
    assert safe_document(Interaction, {"cost_data": {"notes": SECRET}}) == {"cost_data": OMITTED}
