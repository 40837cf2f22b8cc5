"""What a change makes due is a function of the change, and is never put off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.ledger.instants import DAY_SECONDS
from cosmos_views.publish.heads import PENDING_BYTES_MAX, PENDING_KEYS_MAX, Head, add_pending
from pack import PACK
from tests.ledger.some_facts import MARCH_10

NOW = MARCH_10 * DAY_SECONDS + 43_201
state_keys = st.sampled_from(
    (
        "day:20260310",
        "window:202603101200",
        "source-day:20260310:bhagavad_gita",
        "month:202603",
        "incident-month:202603:unattributed",
        "user:202603:ada",
    )
)


def pending(state_key: str, now: int = NOW, pace: int | None = None) -> dict[str, int]:
    found: dict[str, int] = {}
    add_pending(PACK.views.values(), found, state_key, now, pace)
    return found


@given(st.lists(st.tuples(state_keys, st.integers(min_value=0, max_value=5_000)), max_size=6))
def test_a_due_time_never_moves_later(touches: list[tuple[str, int]]) -> None:
    found: dict[str, int] = {}
    for state_key, later in touches:
        before = dict(found)
        add_pending(PACK.views.values(), found, state_key, NOW + later, None)
        for name, due in before.items():
            assert found[name] <= due


@given(state_keys, st.integers(min_value=0, max_value=10**6))
def test_due_is_the_next_multiple_of_the_pace_or_the_start_of_the_period(
    state_key: str, later: int
) -> None:
    now = NOW + later
    for name, due in pending(state_key, now).items():
        view_name, _, key = name.partition(":")
        view = PACK.views[view_name]
        starts = view.starts_at_seconds(key) or 0
        assert due >= now
        assert due == starts or (due % view.pace_seconds == 0 and due - now < view.pace_seconds)
        assert due >= starts


def test_at_a_multiple_of_the_pace_a_key_is_due_at_once() -> None:
    assert pending("window:202603101200", NOW // 60 * 60)["system_health:202603101200"] == (
        NOW // 60 * 60
    )


def test_one_pace_may_override_all() -> None:
    assert set(pending("month:202602", NOW, 7).values()) == {-(-NOW // 7) * 7}
    assert pending("month:202602", NOW, 0)["engagement_summary:new:202602"] == NOW


def test_a_day_makes_the_week_after_it_due() -> None:
    daily = [name for name in pending("day:20260227") if name.startswith("content_popularity")]

    assert daily == [
        *(f"content_popularity:202602{day}" for day in (27, 28)),
        *(f"content_popularity:2026030{day}" for day in range(1, 7)),
        "content_popularity:202602",
        "content_popularity:202603",
    ]


@pytest.mark.parametrize(
    ("state_key", "expected"),
    [
        (
            "day:20260310",
            ["daily_metrics:20260310"],
        ),
        (
            "window:202603102355",
            ["daily_metrics:20260310", "system_health:202603102355"],
        ),
        (
            "source-day:20261210:a:b",
            ["content_analytics:202612:a:b"],
        ),
        (
            "month:202612",
            [
                "content_popularity:202612",
                "content_popularity:202701",
                *(
                    f"engagement_summary:{tier}:{month}"
                    for month in ("202612", "202701")
                    for tier in ("power_user", "engaged", "casual", "new", "churned")
                ),
                "content_analytics:*:202612",
                "content_analytics:*:202701",
            ],
        ),
        ("user:202603:a:b", ["user_analytics:202603:a:b"]),
        ("unheard-of:1", []),
    ],
)
def test_each_state_key_makes_its_view_keys_due(state_key: str, expected: list[str]) -> None:
    found = pending(state_key)
    if not state_key.startswith("month"):
        found = {n: due for n, due in found.items() if not n.startswith("content_popularity")}

    assert sorted(expected) == sorted(found)


def test_an_incident_makes_its_source_due_in_both_months() -> None:
    found = list(pending("incident-month:202612:a_b"))

    assert "incidents_by_content:202612:a_b" in found
    assert any("202701" in name for name in found)
    assert all(name.startswith("incidents_by_content:") for name in found)


def test_a_period_is_due_no_sooner_than_it_begins() -> None:
    found = pending("month:202603")
    april = 1_775_001_600

    assert found["engagement_summary:churned:202604"] == april
    assert found["content_popularity:202604"] == april
    assert found["content_analytics:*:202604"] == april
    assert found["engagement_summary:churned:202603"] < april
    assert pending("day:20260310")["content_popularity:20260311"] == (MARCH_10 + 1) * DAY_SECONDS


@pytest.mark.parametrize(
    ("keys", "length", "full"),
    [
        (PENDING_KEYS_MAX, 10, False),
        (PENDING_KEYS_MAX + 1, 10, True),
        (10, PENDING_BYTES_MAX // 10, True),
        (10, PENDING_BYTES_MAX // 10 - 20, False),
    ],
)
def test_a_head_is_full_by_keys_or_bytes(keys: int, length: int, full: bool) -> None:
    head = Head("h", "1:0", pending={f"{number:0{length}d}": 1 for number in range(keys)})

    assert full == head.full
