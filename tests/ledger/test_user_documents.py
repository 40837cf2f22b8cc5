"""A history is the same after it was written and read, however many documents it takes."""

from typing import Any

import msgspec
import pytest

from cosmos_views.ledger.instants import month_start
from cosmos_views.ledger.owners import hot_id
from cosmos_views.ledger.shards import KEPT_BYTES_MAX, SHARD_BYTES_MAX
from materializers.users.documents import (
    further_ids,
    hot_documents,
    load_user,
    month_documents,
    months_among,
)
from materializers.users.history import User, month_id
from processors.facts import Citation
from tests.ledger.histories_by_hand import shown
from tests.ledger.some_facts import interaction

MARCH, APRIL = "202603", "202604"


def wide_user(sources: int) -> User:
    """Many sources in March and in April, and as many open joins."""
    user = User.new("k", "1:0", "ada", MARCH)
    for month in (MARCH, APRIL):
        for number in range(sources):
            cited = Citation(f"{month}{number:0120d}", "1", "1", None, False)
            at_seconds = (month_start(month) + number % 28) * 86_400
            user.count(interaction(at_seconds=at_seconds, citations=(cited,)), 1)
            user.list_join(f"e:abuse_incidents:{month}{number:032d}", None, f"a{number % 7}")
    return user


def stored(user: User) -> dict[str, Any]:
    bodies = [*hot_documents(user), *month_documents(user, MARCH)]
    return {body.id: msgspec.json.decode(msgspec.json.encode(body)) for body in bodies}


@pytest.mark.parametrize("sources", [3, 900])
def test_what_is_written_is_what_is_read(sources: int) -> None:
    user = wide_user(sources)
    documents = stored(user)
    again = load_user("k", documents, [MARCH])

    assert again is not None
    assert shown(user) == shown(again)
    joins = {key: sorted(listed) for key, listed in user.hot.joins.items()}
    assert joins == {key: sorted(listed) for key, listed in again.hot.joins.items()}
    further = further_ids("k", documents, [MARCH])
    assert {hot_id("k"), month_id("k", MARCH), *further} == documents.keys()
    assert len(set(further)) == len(further)
    assert bool(further) == (sources > 3)
    assert months_among("k", documents) == [MARCH]
    assert all(len(msgspec.json.encode(one)) < 3 * KEPT_BYTES_MAX for one in documents.values())
    assert all(len(msgspec.json.encode(documents[one])) < SHARD_BYTES_MAX for one in further)


def test_shards_of_each_document_are_asked_for() -> None:
    documents = stored(wide_user(900))
    further = further_ids("k", documents, [MARCH])
    for owner in (hot_id("k"), month_id("k", MARCH), month_id("k", APRIL)):
        assert f"{owner}~1" in further
    assert f"{month_id('k', MARCH)}~1" not in further_ids("k", documents, [])
    assert further_ids("nobody", documents, [MARCH]) == []


def test_only_what_differs_is_written_again() -> None:
    documents = stored(wide_user(900))
    user = load_user("k", documents, [MARCH])
    assert user is not None
    assert [hot_id("k")] == [one.id for one in hot_documents(user)]
    assert [month_id("k", MARCH)] == [one.id for one in month_documents(user, MARCH)]
    rewritten = {
        one.id: msgspec.json.decode(msgspec.json.encode(one))
        for one in (*hot_documents(user), *month_documents(user, MARCH))
    }
    assert rewritten == {name: documents[name] for name in rewritten}
