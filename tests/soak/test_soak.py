"""A short soak; `make soak MINUTES=20` is the long one."""

from pathlib import Path

import pytest

from tests.soak.soak import Soak, differences


@pytest.mark.parametrize("ranges", [1, 4])
def test_hosts_under_faults_and_kills_end_in_true_views(ranges: int, tmp_path: Path) -> None:
    soak = Soak(
        seed=ranges, ranges=ranges, logs=tmp_path, kills_per_round=2, faults_per_kill=(3, 8)
    )
    account = soak.run(seconds=0)

    assert account.differences == []
    assert (account.rounds, account.kills, account.injected >= 6) == (1, 2, True)


def test_a_view_that_is_missing_or_other_or_too_many_is_a_difference() -> None:
    right = {"daily_metrics": {"a": {"x": 1}, "b": {}}}
    wrong = {"daily_metrics": {"a": {"x": 2}, "c": {}}}

    assert differences(right, right) == []
    assert differences(right, wrong) == [f"daily_metrics {name}" for name in "abc"]
