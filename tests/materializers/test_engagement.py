"""A user's month has a score and a tier, by exact thresholds."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from materializers import engagement
from materializers.users.history import User
from processors.facts import AnyFact, InteractionFact, SessionFact
from tests.ledger.histories_by_hand import counted
from tests.ledger.some_facts import MARCH_10, facts, incident, interaction, session

DAY_SECONDS = 86_400
MARCH_1 = MARCH_10 - 9
MONTH = "202603"


def month_of_user(
    sessions: int = 0,
    interactions: int = 0,
    *,
    depth: int | None = 1_000_000,
    rating: int | None = 5_000_000,
    days: tuple[int, ...] = (1, 8, 15),
    status: str = "completed",
) -> list[AnyFact]:
    """So much of everything, spread over days of March."""
    made: list[AnyFact] = []
    for number in range(sessions):
        at = (MARCH_1 + days[number % len(days)] - 1) * DAY_SECONDS
        made.append(session(at_seconds=at, depth=depth, status=status))
    for number in range(interactions):
        at = (MARCH_1 + days[number % len(days)] - 1) * DAY_SECONDS
        made.append(interaction(at_seconds=at, rating=rating))
    return made


def standing(*some: AnyFact, before: bool = True) -> engagement.Standing:
    """In March; known since February unless said."""
    earlier = [incident(at_seconds=(MARCH_1 - 10) * DAY_SECONDS)] if before else []
    found = engagement.standing(counted([*some, *earlier]), MONTH)
    assert found is not None
    return found


@settings(max_examples=60)
@given(st.lists(facts, max_size=10))
def test_the_score_is_the_weighted_mean_of_what_is_present(some: list[AnyFact]) -> None:
    in_march = [fact for fact in some if MARCH_1 <= fact.day < MARCH_1 + 31]
    talks = [fact for fact in in_march if isinstance(fact, InteractionFact)]
    visits = [fact for fact in in_march if isinstance(fact, SessionFact)]
    found = engagement.standing(counted(some), MONTH)
    if not talks and not visits:
        assert found is None
        return
    depths = [fact.depth for fact in visits if fact.depth is not None]
    ratings = [fact.rating for fact in talks if fact.rating is not None]
    ended = [fact for fact in visits if fact.status != "other"]
    parts = [
        (Fraction(30, 100), min(Fraction(len(visits), 20), Fraction(1))),
        (Fraction(25, 100), min(Fraction(len(talks), 60), Fraction(1))),
    ]
    if depths:
        parts.append((Fraction(20, 100), Fraction(sum(depths), len(depths) * 10**6)))
    if ratings:
        mean = Fraction(sum(ratings), len(ratings) * 10**6)
        parts.append((Fraction(15, 100), (mean - 1) / 4))
    if ended:
        completed = sum(fact.status == "completed" for fact in ended)
        parts.append((Fraction(10, 100), Fraction(completed, len(ended))))
    score = sum(w * part for w, part in parts) / sum(w for w, _ in parts)

    assert found is not None
    assert round(score * 10**6) == found.score
    assert found.depth == (round(Fraction(sum(depths), len(depths))) if depths else None)
    assert found.rating == (round(Fraction(sum(ratings), len(ratings))) if ratings else None)


@pytest.mark.parametrize(
    ("month", "tier"),
    [
        (month_of_user(20, 60), "power_user"),
        (month_of_user(19, 60), "engaged"),
        (month_of_user(20, 60, depth=700_000), "power_user"),
        (month_of_user(20, 60, depth=699_999), "engaged"),
        (month_of_user(20, 60, depth=None), "engaged"),
        (month_of_user(20, 60, days=(1, 8)), "engaged"),
        (month_of_user(20, 60, days=(7, 14, 22)), "power_user"),
        (month_of_user(20, 60, days=(15, 21, 22)), "engaged"),
        (month_of_user(20, 60, days=(1, 7, 8, 14)), "engaged"),
        (month_of_user(8, 30), "engaged"),
        (month_of_user(7, 30), "casual"),
        (month_of_user(1), "casual"),
        (month_of_user(0, 60), "casual"),
    ],
)
def test_the_first_tier_that_fits(month: list[AnyFact], tier: str) -> None:
    assert tier == standing(*month).tier


@pytest.mark.parametrize(
    ("rating", "score", "tier"),
    [(1_266_666, 800_000, "power_user"), (1_266_650, 799_999, "engaged")],
)
def test_a_power_user_scores_at_least_eighty_percent_rounded_to_millionths(
    rating: int, score: int, tier: str
) -> None:
    """30 for sessions, 25 for interactions, 14 of 20 for depth, 10 for completion; the rest is
    rated."""
    found = standing(*month_of_user(20, 60, depth=700_000, rating=rating))

    assert (score, tier) == (found.score, found.tier)


@pytest.mark.parametrize(
    ("rating", "score", "tier"),
    [(3_000_000, 500_000, "engaged"), (2_999_900, 499_996, "casual")],
)
def test_an_engaged_user_scores_at_least_fifty_percent(rating: int, score: int, tier: str) -> None:
    """12 of 30 for sessions, 2.5 of 25 for interactions, 18 of 20 for depth, 10 for completion."""
    found = standing(*month_of_user(8, 6, depth=900_000, rating=rating))

    assert (score, tier) == (found.score, found.tier)


def test_a_user_seen_first_this_month_is_new() -> None:
    assert standing(session(), before=False).tier == "new"
    assert standing(session(), before=True).tier == "casual"
    assert standing(*month_of_user(20, 60), before=False).tier == "power_user"


def test_an_incident_alone_makes_no_month() -> None:
    assert engagement.standing(counted([incident()]), MONTH) is None


def test_means_of_a_user_are_rounded_to_the_unit_of_their_sum() -> None:
    found = standing(
        session(duration_ms=1, depth=0),
        session(duration_ms=2, depth=1),
        interaction(rating=1_000_001),
        interaction(rating=1_000_002),
    )

    assert (found.duration_ms, found.depth, found.rating) == (2, 0, 1_000_002)
    assert standing(interaction(rating=None)).duration_ms is None


@pytest.mark.parametrize(
    ("days", "quarters"),
    [
        *[((1,), 1), ((7,), 1), ((7, 8), 2), ((8, 14), 1), ((14, 15), 2)],
        *[((21, 22), 2), ((22, 31), 1), ((1, 8, 15, 22), 4)],
    ],
)
def test_retention_counts_active_quarters(days: tuple[int, ...], quarters: int) -> None:
    assert quarters == standing(*month_of_user(len(days), days=days)).retention_quarters


def test_a_user_active_last_month_and_not_in_this_one_has_churned() -> None:
    user = counted([session(), incident(at_seconds=(MARCH_1 + 31) * DAY_SECONDS)])

    assert churned_months(user) == ["202604"]
    assert churned_months(counted([incident()])) == []
    assert churned_months(counted([session(), session(at_seconds=1_775_001_600)])) == ["202605"]


def churned_months(user: User) -> list[str]:
    months = ("202602", "202603", "202604", "202605", "202606")
    return [month for month in months if engagement.churned(user, month)]


@pytest.mark.parametrize(
    ("hour", "part"),
    [
        *[(0, "night"), (5, "night"), (6, "morning"), (11, "morning")],
        *[(12, "afternoon"), (17, "afternoon"), (18, "evening"), (23, "evening")],
    ],
)
def test_the_parts_of_the_day_are_six_hours_each(hour: int, part: str) -> None:
    assert part == engagement.part_of_day(hour)
