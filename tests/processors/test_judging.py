"""Kind first, then soft delete, then validity; and the breaker that stops a bad deployment."""

from dataclasses import replace
from typing import Any

import pytest

from cosmos_views.intake.judging import Breaker, TooManyDefects, judge, oversize
from cosmos_views.ledger.entries import Outcome
from processors.sessions import SOURCE
from tests.processors.test_decoding import judged

DAY = 86_400
INVALID: dict[str, Any] = {"status": 7}


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, Outcome.COUNTED),
        ({"type": "session"}, Outcome.COUNTED),
        ({"document_type": "", "type": "session"}, Outcome.COUNTED),
        ({"document_type": "user_session", "type": "weather"}, Outcome.COUNTED),
        ({"document_type": "weather"}, Outcome.IGNORED),
        ({"type": "weather"}, Outcome.IGNORED),
        ({"document_type": "User_Session"}, Outcome.IGNORED),
        ({"document_type": "weather", "is_deleted": True}, Outcome.IGNORED),
        ({"document_type": "weather", **INVALID}, Outcome.IGNORED),
        ({"is_deleted": True}, Outcome.DELETED),
        ({"deleted": True}, Outcome.DELETED),
        ({"deleted": True, "is_deleted": False}, Outcome.DELETED),
        ({"is_deleted": True, **INVALID}, Outcome.DELETED),
        ({"is_deleted": True, "deleted": "yes"}, Outcome.DELETED),
        ({"is_deleted": False, "deleted": None}, Outcome.COUNTED),
        (INVALID, Outcome.DEAD),
        ({"document_type": 7}, Outcome.DEAD),
        ({"document_type": 7, "is_deleted": True}, Outcome.DEAD),
        ({"document_type": "user_session", "type": 7}, Outcome.DEAD),
        ({"end_time": "2020-01-01T00:00:00Z", "start_time": "2026-01-01T00:00:00Z"}, Outcome.DEAD),
    ],
)
def test_the_order_of_judging(fields: dict[str, Any], outcome: Outcome) -> None:
    one = judged("user_sessions", **fields)

    assert outcome is one.verdict.outcome
    assert (outcome is Outcome.COUNTED) == (one.verdict.fact is not None)
    assert (outcome is Outcome.DEAD) == (one.rejected is not None)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (..., 30 * DAY + 5),
        (60, 30 * DAY + 60),
        (-1, None),
        (0, 30 * DAY + 5),
        ("60", 30 * DAY + 5),
        (True, 30 * DAY + 5),
    ],
)
def test_an_entry_lives_by_the_documents_own_time_to_live(own: Any, expected: int | None) -> None:
    assert expected == judged("user_sessions", ttl=own).verdict.ttl
    assert expected == judged("user_sessions", ttl=own, status=7).verdict.ttl


def test_an_exception_of_ours_is_a_defect_of_that_document() -> None:
    change = judged("user_sessions").change

    def broken(_document: object) -> Any:
        raise ZeroDivisionError("with user text in it")

    source = replace(SOURCE, to_fact=broken)
    one = judge(source, change, 5)

    assert one.defect
    assert one.verdict.outcome is Outcome.DEAD
    assert one.error == "ZeroDivisionError"
    assert "user text" not in str(one.rejected)
    assert not judged("user_sessions", **INVALID).defect


def test_what_fits_into_no_commit_is_oversize() -> None:
    one = oversize(judged("user_sessions", ttl=60))

    assert one.rejected is not None
    assert one.rejected.category == "oversize"
    assert one.verdict.outcome is Outcome.DEAD
    assert one.verdict.fact is None
    assert one.verdict.ttl == 30 * DAY + 60


@pytest.mark.parametrize(("defects", "of"), [(0, 1), (1, 1), (1, 2), (5, 100), (1, 1_000)])
def test_a_few_defects_pass(defects: int, of: int) -> None:
    Breaker().check([True] * defects + [False] * (of - defects))


@pytest.mark.parametrize(("defects", "of"), [(2, 2), (6, 100), (2, 39)])
def test_more_than_five_percent_of_a_batch_is_too_many(defects: int, of: int) -> None:
    with pytest.raises(TooManyDefects, match=f"{defects} of {of} changes"):
        Breaker().check([False] * (of - defects) + [True] * defects)


def test_twenty_in_a_row_are_too_many_however_they_come() -> None:
    breaker = Breaker()
    for _ in range(19):
        breaker.check([True])
    with pytest.raises(TooManyDefects, match="20 changes in a row"):
        breaker.check([True])


def test_a_change_without_a_defect_closes_the_breaker() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(19):
            breaker.check([True])
        breaker.check([False])
