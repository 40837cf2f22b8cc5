"""Grain `window:{YYYYMMDDHHMM}`: five minutes, named by their start."""

from collections.abc import Iterable
from typing import NamedTuple

from cosmos_views.ledger.instants import (
    DAY_SECONDS,
    MINUTE_SECONDS,
    MINUTES_PER_DAY,
    WINDOW_SECONDS,
    window_label,
)
from cosmos_views.publish import histogram
from cosmos_views.publish.cells import ONE, sum_and_count
from cosmos_views.publish.measures import Contribution
from materializers.users.history import User
from materializers.users.touched import Touched
from processors.facts import AnyFact, InteractionFact

WINDOWS_PER_DAY = DAY_SECONDS // WINDOW_SECONDS
_MINUTES_PER_WINDOW = WINDOW_SECONDS // MINUTE_SECONDS


class Window(NamedTuple):
    """Cell `interactions`."""

    requests: int = 0
    failed: int = 0
    response_ms: int = 0
    responses: int = 0
    rating: int = 0
    ratings: int = 0
    accurate: int = 0
    assessed: int = 0
    citation_accuracy: int = 0
    citation_accuracies: int = 0
    safety_score: int = 0
    safety_scores: int = 0


def window_key(window: int) -> str:
    """The state key of a window (windows since 1970-01-01)."""
    return f"window:{window_label(window)}"


def of_fact(fact: AnyFact) -> Iterable[Contribution]:
    """What one interaction adds to its window; cell `second/{0..299}` counts each second."""
    if not isinstance(fact, InteractionFact):
        return ()
    key = window_key(fact.window)
    row = (
        # In the order of `Window`.
        1,
        int(fact.failed),
        *sum_and_count(fact.response_ms),
        *sum_and_count(fact.rating),
        int(fact.accurate is True),
        int(fact.accurate is not None),
        *sum_and_count(fact.citation_accuracy),
        *sum_and_count(fact.safety_score),
    )
    second = (key, f"second/{fact.at_seconds % WINDOW_SECONDS}", ONE)
    if fact.response_ms is None:
        return (key, "interactions", row), second
    response = (key, f"response/{histogram.bucket_of(fact.response_ms)}", ONE)
    return (key, "interactions", row), second, response


def of_user(user: User, touched: Touched) -> Iterable[Contribution]:
    """Cell `minute/{0..4}`: distinct users with an interaction in that minute."""
    found: list[Contribution] = []
    if not touched.minutes:
        return found
    for day in touched.days:
        counts = user.day(day)
        for minute in counts.minutes if counts is not None else ():
            if day * MINUTES_PER_DAY + minute in touched.minutes:
                window, place = divmod(minute, _MINUTES_PER_WINDOW)
                found.append((window_key(day * WINDOWS_PER_DAY + window), f"minute/{place}", ONE))
    return found
