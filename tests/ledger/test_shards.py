"""Shards: what a document cannot keep goes to shards, stays there, and nothing is lost."""

from random import Random

import pytest

from cosmos_views.ledger.shards import (
    KEPT_BYTES_MAX,
    SHARD_BYTES_MAX,
    Entries,
    divided,
    entries_of,
    shard_ids,
    shard_of,
)


def some(first: int, last: int, value: int = 1) -> Entries:
    return {("f", f"{number:0100d}"): value for number in range(first, last)}


def union(kept: Entries, held: list[Entries]) -> Entries:
    assert len(kept) + sum(map(len, held)) == len(
        {one for part in (kept, *held) for one in part}
    ), "an entry stands in two places"
    return {entry: value for part in (kept, *held) for entry, value in part.items()}


def size(entries: Entries) -> int:
    return sum(len(label) for _, label in entries)


def test_few_entries_stay_in_the_document() -> None:
    assert (some(0, 100), []) == divided(some(0, 100), [])


def test_what_the_document_cannot_keep_goes_to_as_few_shards_as_hold_it() -> None:
    kept, held = divided(some(0, 1_000), [])
    assert some(0, 1_000) == union(kept, held)
    assert 0.8 * KEPT_BYTES_MAX < size(kept) <= KEPT_BYTES_MAX
    assert all(0.8 * SHARD_BYTES_MAX < size(one) <= SHARD_BYTES_MAX for one in held[:-1])


@pytest.mark.parametrize("seed", range(20))
def test_an_entry_stays_in_the_shard_it_was_put_in(seed: int) -> None:
    random = Random(seed)
    entries: Entries = {}
    held: list[Entries] = []
    for _ in range(30):
        start = random.randrange(2_000)
        entries |= some(start, start + random.randrange(200), random.randrange(9))
        for gone in random.sample(sorted(entries), len(entries) // 5):
            del entries[gone]
        before = held
        kept, held = divided(entries, before)
        assert entries == union(kept, held)
        assert size(kept) <= KEPT_BYTES_MAX
        assert all(size(one) <= SHARD_BYTES_MAX for one in held)
        for was, now in zip(before, held, strict=False):
            assert was.keys() & entries.keys() <= now.keys()


def test_room_that_became_free_is_used_again() -> None:
    _, held = divided(some(0, 2_000), [])
    _, emptied = divided({}, held)
    assert [{}] * len(held) == emptied
    _, refilled = divided(some(5_000, 7_000), emptied)
    assert len(held) == len(refilled)


def test_a_shard_is_read_back_as_it_was_written() -> None:
    entries = {("f", "a"): 3, ("j", "k/e:abuse_incidents:1"): 1, ("12", "b"): 2}
    shard = shard_of("u:k~1", "1:0", entries)
    assert shard_ids("u:k", 2) == ["u:k~1", "u:k~2"]
    assert (shard.id, shard.pk) == ("u:k~1", "1:0")
    assert entries == entries_of({"maps": shard.maps})
    assert entries_of(None) == {}
