"""The fold moves deltas from the journal to the partials: all of them, once, within the limits."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_views.ledger.commits import (
    CREATED_BYTES_MAX,
    OPERATIONS_MAX,
    Transient,
    Write,
    encoded_bytes,
)
from cosmos_views.publish.fold import (
    CELLS_PER_KEY_MAX,
    JOURNALS_PER_RUN_MAX,
    KEYS_PER_COMMIT_MAX,
    fold,
    next_step,
    read_bucket,
)
from cosmos_views.publish.journal import Journal
from cosmos_views.publish.measures import Delta, Measures, add, normalized_delta, sum_measures
from cosmos_views.publish.partials import merged
from pack import PACK
from tests.property.memory import MemoryState, Trouble

PK = "1:0"
NOW = 1_000
deltas = st.dictionaries(
    st.integers(min_value=0, max_value=300).map("x:{:03d}".format),
    st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(1, 9), min_size=1, max_size=2)),
    max_size=12,
)


def journal(number: int, delta: Delta, **fields: int) -> Journal:
    return Journal(f"j:{number:013d}:n", PK, delta, **fields)  # type: ignore[arg-type]  # as_of only


def wide(keys: int, first: int = 0) -> Delta:
    return {f"x:{first + number:03d}": {"a": [1]} for number in range(keys)}


def total_of(parts: list[Delta]) -> Delta:
    keys = {key for part in parts for key in part}
    return normalized_delta(
        {key: sum_measures(part[key] for part in parts if key in part) for key in keys}
    )


def fresh(*journals: Journal, probability: float = 0.0) -> MemoryState:
    state = MemoryState(Trouble(Random(1), probability))
    for one in journals:
        state._apply(PK, [Write(one, one.id, None)])
    return state


def partials(state: MemoryState) -> dict[str, Measures]:
    return merged(state.documents("p:"))


def steps(journals: list[Journal], keys_max: int, cells_max: int) -> list[dict[str, Measures]]:
    """What each commit takes until nothing is left, each within its limits."""
    left = [(one, "etag") for one in journals]
    taken: list[dict[str, Measures]] = []
    while left:
        step = next_step(left, keys_max, cells_max)
        operations = 1 + len(step.delta) + len(step.finished) + (step.shortened is not None)
        assert operations <= OPERATIONS_MAX
        assert len(step.delta) <= keys_max
        assert step.finished or step.shortened, "every step gets on"
        taken += [{key: cells} for key, parts in step.delta.items() for cells in parts]
        assert step.finished == [one for one, _ in left[: len(step.finished)]]
        left = left[len(step.finished) :]
        if step.shortened is not None:
            shortened, etag = step.shortened
            assert shortened.id == left[0][0].id
            left[0] = (shortened, etag)
    return taken


@settings(max_examples=60)
@given(
    st.lists(deltas, max_size=6),
    st.integers(min_value=1, max_value=KEYS_PER_COMMIT_MAX),
    st.integers(min_value=1, max_value=4),
)
def test_steps_take_the_whole_journal_within_their_limits(
    some: list[Delta], keys_max: int, cells_max: int
) -> None:
    journals = [journal(number, delta) for number, delta in enumerate(some)]

    assert total_of(some) == total_of(steps(journals, keys_max, cells_max))


def test_a_journal_document_that_does_not_fit_is_taken_in_part() -> None:
    step = next_step([(journal(1, wide(50)), "e1"), (journal(2, wide(60, 50)), "e2")], 90)

    assert len(step.delta) == 90
    assert [one.id for one in step.finished] == ["j:0000000000001:n"]
    assert step.shortened is not None
    left, etag = step.shortened
    assert etag == "e2"
    assert sorted(left.delta) == [f"x:{number:03d}" for number in range(90, 110)]


def test_keys_already_taken_cost_no_room() -> None:
    step = next_step([(journal(n, wide(90)), "e") for n in range(8)], KEYS_PER_COMMIT_MAX)

    assert len(step.finished) == 8
    assert step.shortened is None
    assert {len(parts) for parts in step.delta.values()} == {8}


def test_deletions_count_as_operations() -> None:
    step = next_step([(journal(n, wide(1)), "e") for n in range(200)], KEYS_PER_COMMIT_MAX)

    assert 1 + len(step.delta) + len(step.finished) <= OPERATIONS_MAX
    assert len(step.finished) >= OPERATIONS_MAX - 3


def test_a_key_with_many_cells_is_taken_in_part() -> None:
    cells: Measures = {f"c{number:05d}": [1] for number in range(CELLS_PER_KEY_MAX + 5)}
    step = next_step([(journal(1, {"x:1": cells, "x:2": {"a": [1]}}), "e")], 90)

    assert [len(part) for part in step.delta["x:1"]] == [CELLS_PER_KEY_MAX]
    assert step.shortened is not None
    assert len(step.shortened[0].delta["x:1"]) == 5
    assert "x:2" in step.shortened[0].delta or "x:2" in step.delta


@settings(max_examples=40)
@given(st.lists(deltas, max_size=6), st.integers(0, 100), st.sampled_from((0.0, 0.3)))
def test_partials_hold_what_the_journal_held(some: list[Delta], seed: int, trouble: float) -> None:
    state = fresh(*(journal(number, delta, as_of=number) for number, delta in enumerate(some)))
    state._trouble.probability = trouble
    while list(state.documents("j:")):
        try:
            fold(PACK.views.values(), state, PK, NOW, None)
        except Transient:
            continue

    assert total_of(some) == partials(state)
    if some:
        assert next(state.documents("h")).get("as_of", 0) == len(some) - 1


def test_folding_adds_to_what_is_there() -> None:
    state = fresh(journal(1, {"x:1": {"a": [1, 2]}}))
    fold(PACK.views.values(), state, PK, NOW, None)
    state._apply(
        PK, [Write(journal(2, {"x:1": {"a": [0, 3], "b": [4]}}), "j:0000000000002:n", None)]
    )
    bucket = fold(PACK.views.values(), state, PK, NOW, None)

    assert partials(state) == {"x:1": {"a": [1, 5], "b": [4]}}
    assert bucket.head.sequence == 2
    assert bucket.folded == 1
    assert not bucket.journal_left


def test_what_is_folded_or_touched_becomes_pending() -> None:
    state = fresh(
        Journal("j:1", PK, {"window:202603101200": {"a": [1]}}, ["user:202603:ada"], as_of=7)
    )
    bucket = fold(PACK.views.values(), state, PK, 1_773_144_001, None)

    assert bucket.head.pending == {
        "daily_metrics:20260310": 1_773_144_060,
        "system_health:202603101200": 1_773_144_060,
        "user_analytics:202603:ada": 1_773_144_900,
    }
    assert bucket.head.as_of == 7
    assert next(state.documents("h"))["pending"] == bucket.head.pending


def test_a_bucket_without_a_fold_is_at_the_beginning() -> None:
    bucket = read_bucket(fresh(), PK)

    assert (bucket.head.sequence, bucket.etag, bucket.head.pending) == (0, None, {})


def test_one_run_folds_so_many_journal_documents_at_most() -> None:
    more = JOURNALS_PER_RUN_MAX + 1
    state = fresh(*(journal(number, {"x:1": {"a": [1]}}) for number in range(more)))
    bucket = fold(PACK.views.values(), state, PK, NOW, None)

    assert bucket.folded >= JOURNALS_PER_RUN_MAX
    assert bucket.journal_left or not list(state.documents("j:"))

    fold(PACK.views.values(), state, PK, NOW, None)
    assert partials(state) == {"x:1": {"a": [more]}}


def test_a_full_head_folds_nothing_and_drops_nothing() -> None:
    state = fresh(journal(1, wide(3)))
    head = read_bucket(state, PK).head
    full = msgspec.structs.replace(head, pending={f"k{n}": 0 for n in range(5_001)})
    state._apply(PK, [Write(full, full.id, None)])
    bucket = fold(PACK.views.values(), state, PK, NOW, None)

    assert bucket.folded == 0
    assert bucket.journal_left
    assert len(list(state.documents("j:"))) == 1


def test_a_commit_that_keeps_failing_is_given_up() -> None:
    state = fresh(journal(1, wide(3)), probability=0.0)
    state._trouble.probability = 1.0
    with pytest.raises(Transient):
        fold(PACK.views.values(), state, PK, NOW, None)


def test_a_commit_too_large_is_made_smaller() -> None:
    label = "v" * 60_000
    state = fresh(*(journal(n, {f"x:{n}": {f"{label}{n}": [1]}}) for n in range(40)))
    bucket = fold(PACK.views.values(), state, PK, NOW, None)

    assert len(partials(state)) == 40
    assert bucket.head.sequence > 1
    assert add({}, partials(state)["x:7"]) == {f"{label}7": [1]}


def label(number: int) -> str:
    return f"{'c' * 120}{number:05}"


def test_a_delta_that_touches_many_full_shards_is_folded_shard_by_shard() -> None:
    state = fresh(
        *(
            journal(
                n, {"x:1": {label(i): [7, i] for i in range(n, 16_000, 9)}, f"x:2{n}": {"a": [1]}}
            )
            for n in range(9)
        )
    )
    fold(PACK.views.values(), state, PK, NOW, None)
    assert len(list(state.documents("p:x:1"))) > 6, "more than one commit holds"
    before = partials(state)
    gone = {label(i): [-1] for i in range(0, 16_000, 20)}
    state._apply(PK, [Write(journal(10, {"x:0": {"a": [1]}, "x:1": gone}), f"j:{10:013d}:n", None)])
    bucket = fold(PACK.views.values(), state, PK, NOW, None)

    assert not bucket.journal_left
    assert partials(state)["x:1"] == add(before["x:1"], gone)


def test_many_journal_documents_that_touch_a_full_shard_each_are_folded() -> None:
    state = fresh(
        *(journal(n, {"x:1": {label(i): [7] for i in range(n, 16_000, 9)}}) for n in range(9))
    )
    fold(PACK.views.values(), state, PK, NOW, None)
    for number in range(90):
        one = journal(10 + number, {"x:1": {label(170 * number): [1]}})
        state._apply(PK, [Write(one, one.id, None)])

    assert fold(PACK.views.values(), state, PK, NOW, None).folded == 90
    assert partials(state)["x:1"][label(170)] == [8]


def test_a_journal_as_large_as_may_be_gets_past_a_head_that_is_nearly_full() -> None:
    state = fresh(journal(1, {"x:1": {label(i): [7] for i in range(8_000)}}))
    fold(PACK.views.values(), state, PK, NOW, None)
    bucket = read_bucket(state, PK)
    pending = {f"daily_metrics:{'k' * 100}{number}": 9_999_999_999 for number in range(1_900)}
    head = msgspec.structs.replace(bucket.head, pending=pending)
    assert not head.full
    state._apply(PK, [Write(head, head.id, bucket.etag)])
    large = journal(2, {"x:1": {label(i): [1] for i in range(0, 16_000, 2)}})
    assert encoded_bytes(large) < CREATED_BYTES_MAX
    state._apply(PK, [Write(large, large.id, None)])

    assert fold(PACK.views.values(), state, PK, NOW, None).folded == 1
    assert len(partials(state)["x:1"]) == 12_000
