"""Retry policies: what is declared, and the pauses it leads to."""

import random
from itertools import islice

import pytest

from emulators.functions.errors import HostError
from emulators.functions.retries import RetryPolicy, parse_retry_policy


def test_a_fixed_delay_always_pauses_the_same_time() -> None:
    policy = parse_retry_policy(
        "f", {"strategy": "fixed_delay", "max_retry_count": "3", "delay_interval": "00:01:05"}
    )

    assert RetryPolicy(3, 65.0, 65.0) == policy
    assert list(islice(policy.pauses_seconds(random.Random(1)), 4)) == [65.0] * 4


def test_exponential_backoff_begins_at_the_minimum_doubles_and_stays_at_the_maximum() -> None:
    policy = parse_retry_policy(
        "f",
        {
            "strategy": "exponential_backoff",
            "max_retry_count": "-1",
            "minimum_interval": "00:00:02",
            "maximum_interval": "00:01:00",
        },
    )

    pauses = list(islice(policy.pauses_seconds(random.Random(1)), 30))

    assert pauses[0] == 2.0
    assert 3.6 <= pauses[1] <= 4.4
    assert 5.2 <= pauses[2] <= 6.8
    assert pauses == sorted(pauses)
    assert pauses[-20:] == [60.0] * 20


@pytest.mark.parametrize(
    ("max_retry_count", "allowed"),
    [(-1, [True] * 4), (0, [False] * 4), (2, [True, True, False, False])],
)
def test_a_policy_allows_as_many_retries_as_it_says_and_minus_one_never_ends(
    max_retry_count: int, allowed: list[bool]
) -> None:
    policy = RetryPolicy(max_retry_count, 1.0, 1.0)

    assert allowed == [policy.allows(retry_count) for retry_count in range(4)]


@pytest.mark.parametrize(
    "declared",
    [
        {"strategy": "sometimes", "max_retry_count": "1"},
        {"strategy": "fixed_delay", "max_retry_count": "often", "delay_interval": "00:00:01"},
        {"strategy": "fixed_delay", "max_retry_count": "1", "delay_interval": "5"},
        {"strategy": "fixed_delay", "max_retry_count": "1", "delay_interval": "24:00:00"},
        {"strategy": "exponential_backoff", "max_retry_count": "1", "minimum_interval": "00:00:01"},
        {
            "strategy": "exponential_backoff",
            "max_retry_count": "1",
            "minimum_interval": "00:00:09",
            "maximum_interval": "00:00:01",
        },
    ],
)
def test_a_policy_the_worker_could_not_load_is_refused(declared: dict[str, object]) -> None:
    with pytest.raises(HostError, match=r"of f "):
        parse_retry_policy("f", declared)
