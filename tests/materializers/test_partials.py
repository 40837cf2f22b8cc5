"""A wide partial is several documents, each within its limit; added up they are the whole."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.publish.measures import Measures, add, normalized
from cosmos_views.publish.partials import (
    SHARD_BYTES_MAX,
    added,
    first_id,
    further_ids,
    merged,
    state_key_of,
)

KEY = "source-day:20260310:bhagavad_gita"
small = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.integers(-2, 2), min_size=1, max_size=2), max_size=4
)


class Documents(dict[str, dict[str, object]]):
    """Stored shards; `add` writes what `added` says."""

    def add(self, delta: Measures, key: str = KEY) -> list[str]:
        writes = list(added("1:0", key, normalized(delta), self))
        for write in writes:
            known = self.get(write.document_id)
            assert write.etag == (None if known is None else known["_etag"])
            body = msgspec.json.decode(msgspec.json.encode(write.body))
            self[write.document_id] = {**body, "_etag": f"{len(self)}-{len(delta)}"}
        return [write.document_id for write in writes]


@given(st.lists(small, max_size=5))
def test_what_is_added_is_what_is_merged(parts: list[Measures]) -> None:
    documents, total = Documents(), dict[str, list[int]]()
    for part in parts:
        documents.add(part)
        total = add(total, part)

    assert merged(documents.values()) == ({KEY: total} if total else {})


def test_a_narrow_partial_is_one_document() -> None:
    documents = Documents()

    assert documents.add({"a": [1]}) == ["p:" + KEY]
    assert documents[first_id(KEY)] == {
        "id": "p:" + KEY,
        "pk": "1:0",
        "cells": {"a": [1]},
        "_etag": "0-1",
    }
    assert further_ids(documents) == []


def test_a_wide_partial_is_split_and_every_shard_stays_small() -> None:
    documents = Documents()
    wide: Measures = {f"verse/{number:05d}/{'v' * 100}": [number + 1] for number in range(9_000)}
    for start in range(0, 9_000, 3_000):
        documents.add(dict(list(wide.items())[start : start + 3_000]))

    assert len(documents) == 1 + len(further_ids(documents))
    assert len(documents) >= 3
    assert set(further_ids(documents)) == {f"p:{KEY}~{n}" for n in range(1, len(documents))}
    assert merged(documents.values()) == {KEY: wide}
    for document in documents.values():
        assert len(msgspec.json.encode(document)) < SHARD_BYTES_MAX * 1.1


def test_a_cell_stays_in_the_shard_it_was_put_in_first() -> None:
    documents = Documents()
    documents.add({f"verse/{number:05d}/{'v' * 100}": [1] for number in range(5_000)})
    before = {name: set(document["cells"]) for name, document in documents.items()}  # type: ignore[call-overload]  # cells are a dict
    written = documents.add({f"verse/00007/{'v' * 100}": [5]})

    assert written == [first_id(KEY)]
    assert before == {name: set(document["cells"]) for name, document in documents.items()}  # type: ignore[call-overload]  # cells are a dict


def test_a_retraction_reaches_the_shard_that_counted() -> None:
    documents = Documents()
    wide: Measures = {f"verse/{number:05d}/{'v' * 100}": [1] for number in range(7_000)}
    documents.add(wide)
    documents.add({cell: [-1] for cell in wide})

    assert merged(documents.values()) == {}


def test_shards_belong_to_their_state_key() -> None:
    assert state_key_of("p:day:20260310") == "day:20260310"
    assert state_key_of(f"p:{KEY}~12") == KEY
