"""Entries: one name per document, one time to live, and what a decided version was."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.ledger.buckets import bucket_of, bucket_pk
from cosmos_views.ledger.commits import Conflict, encoded_bytes
from cosmos_views.ledger.entries import Entry, Outcome, entry_id, entry_ttl_seconds
from cosmos_views.ledger.versions import Version

DAY = 86_400
partition_keys = st.sampled_from((msgspec.UNSET, None, "", "null", "ada", '"ada"', 1, True))


def test_the_name_of_a_document_is_stable_for_ever() -> None:
    expected = "e:user_interactions:fec0bded60a714df750b6f726fc67b72"

    assert expected == entry_id("user_interactions", ("ada",), "a")


@given(partition_keys, partition_keys, st.sampled_from("ab"), st.sampled_from("ab"))
def test_container_partition_key_and_id_together_name_a_document(
    left: object, right: object, left_id: str, right_id: str
) -> None:
    same = left is right and left_id == right_id

    assert same == (entry_id("x", (left,), left_id) == entry_id("x", (right,), right_id))
    assert entry_id("x", (left,), left_id) != entry_id("y", (left,), left_id)


@pytest.mark.parametrize(
    ("own", "container", "expected"),
    [
        (None, 90 * DAY, 120 * DAY),
        (DAY, 90 * DAY, 120 * DAY),
        (100 * DAY, 90 * DAY, 130 * DAY),
        (-1, 90 * DAY, None),
        (None, -1, None),
        (DAY, -1, None),
    ],
)
def test_an_entry_outlives_its_document_and_its_containers_ttl_by_thirty_days(
    own: int | None, container: int, expected: int | None
) -> None:
    assert expected == entry_ttl_seconds(own, container)


def test_an_entry_says_which_version_it_decided() -> None:
    entry = Entry("e:x:1", "1:0", "a", Outcome.DEAD, etag='"1"', ts=2, lsn=3)

    assert Version('"1"', 2, 3) == entry.version


def test_an_entry_that_counts_nothing_is_small() -> None:
    entry = Entry("e:x:1", "1:0", "a", Outcome.DEAD)

    assert msgspec.json.decode(msgspec.json.encode(entry)) == {
        "id": "e:x:1",
        "pk": "1:0",
        "document": "a",
        "outcome": "dead",
    }
    assert len(msgspec.json.encode(entry)) == encoded_bytes(entry)


def test_buckets_are_stable_for_ever() -> None:
    assert [bucket_of(name, 16) for name in ("ada", "bob", "")] == [7, 2, 4]
    assert bucket_pk(3, 7) == "3:7"


@given(st.text(max_size=20), st.integers(min_value=1, max_value=64))
def test_every_name_has_one_of_the_buckets(name: str, buckets: int) -> None:
    assert bucket_of(name, buckets) in range(buckets)
    assert bucket_of(name, 1) == 0


def test_a_conflict_names_the_document() -> None:
    conflict = Conflict("u:1")

    assert conflict.document_id == "u:1"
    assert str(conflict) == "u:1 has changed"
