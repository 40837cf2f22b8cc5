"""Attempts count failures in a row and nothing else, so long work is never taken for contention."""

import pytest

from cosmos_views.ledger.commits import Conflict, Transient
from cosmos_views.upkeep.attempts import ATTEMPTS_MAX, PAUSE_SECONDS_MAX, Attempts


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("cosmos_views.upkeep.attempts.time.sleep", slept.append)
    return slept


def test_so_many_failures_in_a_row_are_the_last(pauses: list[float]) -> None:
    tries = Attempts("the head changes all the time")
    for _ in range(ATTEMPTS_MAX - 1):
        tries.failed(Conflict("h"))

    with pytest.raises(Transient, match="the head changes all the time: h has changed"):
        tries.failed(Conflict("h"))
    assert len(pauses) == ATTEMPTS_MAX - 1
    assert max(pauses) <= PAUSE_SECONDS_MAX


def test_whatever_gets_something_done_begins_anew() -> None:
    tries = Attempts("never")
    for _ in range(3 * ATTEMPTS_MAX):
        tries.failed(Conflict("h"))
        tries.succeeded()
