"""No document keeps its neighbours from being read, however deep or broken its texts are."""

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.intake.documents import read_batch
from cosmos_views.intake.judging import judge
from cosmos_views.intake.raw_json import DEPTH_MAX, as_text, shallow, split
from cosmos_views.ledger.entries import Outcome
from processors import interactions, sessions
from tests.oracle import SourceDocument, classify
from tests.processors.test_decoding import SOURCES, WRITTEN, judged

values = st.recursive(
    st.none() | st.booleans() | st.text(alphabet='[]{}"\\a,', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
)


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("levels", [1_000, 100_000])
def test_a_document_nested_too_deep_is_malformed_and_keeps_its_identity(levels: int) -> None:
    deep_one = f'{{"id":"a","user_id":"ada","_etag":"e","_ts":5,"note":{deep(levels)}}}'
    found, neighbour = read_batch(sessions.SOURCE, f'[{deep_one},{{"id":"b","_ts":5}}]')

    assert found.rejected is not None
    assert (found.rejected.category, found.rejected.path) == ("malformed", "$")
    assert found.entry_id == judged("user_sessions").change.entry_id
    assert (found.owner, found.version) == ("ada", ("e", 5, None))
    assert (neighbour.document_id, neighbour.position) == ("b", 1)
    assert neighbour.rejected is None


def test_depth_that_can_be_stored_is_read() -> None:
    note = json.loads(deep(DEPTH_MAX - 1))

    assert judged("user_sessions", note=note).verdict.outcome is Outcome.COUNTED


@pytest.mark.parametrize("text", ["nonsense", '[{"id":"a"},', '{"id":"a"}', '["\\ud800'])
def test_what_is_no_list_of_documents_is_refused_whole(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expected|truncated"):
        read_batch(sessions.SOURCE, text)


@given(st.lists(st.dictionaries(st.text(max_size=2), values), max_size=4))
def test_documents_are_told_apart_whatever_they_hold(documents: list[Any]) -> None:
    text = json.dumps(documents)

    assert documents == [json.loads(one) for one in split(text)]
    assert documents == json.loads(shallow(text))


HALF = "\ud83d"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"userId": HALF}, "userId"),
        ({"personality": f"a{HALF}"}, "personality"),
        ({"cost_data": {"model_used": HALF}}, "cost_data.model_used"),
        ({"foundational_texts_used": ["a", HALF]}, "foundational_texts_used[1]"),
        (
            {"foundational_texts_used": [{"source": "a", "verse": HALF}]},
            "foundational_texts_used[0].verse",
        ),
    ],
)
def test_half_a_surrogate_pair_in_a_user_id_or_label_is_invalid(
    fields: dict[str, Any], path: str
) -> None:
    body = {"id": "a", "user_id": "ada", "_ts": WRITTEN, "_etag": "e", **fields}
    for text in (json.dumps([body]), as_text([body])):  # as delivered, and as the SDK reads it
        change = read_batch(SOURCES["user_interactions"], text)[0]

        assert change.rejected is not None
        assert (change.rejected.category, change.rejected.path) == ("invalid", path)
        assert change.entry_id == judged("user_interactions").change.entry_id
    assert classify(SourceDocument("user_interactions", body))[0] == "dead"


@pytest.mark.parametrize(
    "fields",
    [
        {"user_query": HALF},
        {"foundational_texts_used": [{"source": "a", "citation_text": HALF}]},
        {"error": HALF},
        {"status": HALF},
    ],
)
def test_half_a_surrogate_pair_elsewhere_matters_to_nobody(fields: dict[str, Any]) -> None:
    body = {"id": "a", "user_id": "ada", "_ts": WRITTEN, "_etag": "e", **fields}
    source = interactions.source(lambda *_: 7)

    for text in (json.dumps([body]), as_text([body])):
        assert judge(source, read_batch(source, text)[0], 5).verdict.outcome is Outcome.COUNTED
    assert classify(SourceDocument("user_interactions", body)) == "counted"


DEEP = f'{{"id":"deep","user_id":"ada","_etag":"e","_ts":5,"note":{deep(2_000)}}}'
HALF = r'{"id":"half","user_id":"bob\ud800","_etag":"e","_ts":5}'
BOTH = DEEP.replace('"id":"deep"', '"id":"both"').replace('"note"', r'"status":"\ud800","note"')


@pytest.mark.parametrize("batch", list(permutations((DEEP, HALF, BOTH, '{"id":"good","_ts":5}'))))
def test_deep_nesting_and_half_a_surrogate_pair_spoil_nothing_of_their_batch(
    batch: tuple[str, ...],
) -> None:
    found = {
        one.document_id: one.rejected and (one.rejected.category, one.rejected.path)
        for one in read_batch(sessions.SOURCE, f"[{','.join(batch)}]")
    }

    too_deep = ("malformed", "$")
    assert found.pop("half") == ("invalid", "user_id")
    assert found.pop("good") is None
    assert found == {"deep": too_deep, "both": too_deep}
