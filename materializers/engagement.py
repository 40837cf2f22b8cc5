"""Engagement: a user's month as a score and a tier (views.md, section 5).

Thresholds compare exact quotients; only the score is rounded, to millionths, before it is compared.
"""

from itertools import pairwise
from typing import NamedTuple

from cosmos_views.ledger.fixed_point import MILLION, divided_half_even
from cosmos_views.ledger.instants import month_label, previous_month
from materializers.users.history import MonthTotals, User

POWER_USER, ENGAGED, CASUAL, NEW, CHURNED = "power_user", "engaged", "casual", "new", "churned"
TIERS = (POWER_USER, ENGAGED, CASUAL, NEW, CHURNED)

SESSIONS_FULL, INTERACTIONS_FULL = 20, 60
"""So many in a month score fully."""
WEIGHTS_PERCENT = {"sessions": 30, "interactions": 25, "depth": 20, "rating": 15, "completion": 10}
_COUNTS_WEIGHT = WEIGHTS_PERCENT["sessions"] + WEIGHTS_PERCENT["interactions"]
_SESSION_WEIGHT = WEIGHTS_PERCENT["sessions"] * INTERACTIONS_FULL
_INTERACTION_WEIGHT = WEIGHTS_PERCENT["interactions"] * SESSIONS_FULL
"""Of each one, over the product of both full counts."""
_DEPTH_WEIGHT, _RATING_WEIGHT = WEIGHTS_PERCENT["depth"], WEIGHTS_PERCENT["rating"]
_COMPLETION_WEIGHT = WEIGHTS_PERCENT["completion"]

POWER_SESSIONS_MIN, POWER_RETENTION_QUARTERS_MIN = 20, 3
POWER_SCORE_MIN, POWER_DEPTH_MIN_PERCENT = 800_000, 70
ENGAGED_SESSIONS_MIN, ENGAGED_SCORE_MIN = 8, 500_000

QUARTER_STARTS = (1, 8, 15, 22)
"""First days of a month's quarters; the last runs to its end."""
QUARTER_MASKS = tuple(
    (1 << end - 1) - (1 << start - 1) for start, end in pairwise((*QUARTER_STARTS, 32))
)
"""Their days as masks, bit 0 the first of the month."""
PARTS_OF_DAY = ("night", "morning", "afternoon", "evening")
_HOURS_PER_PART = 6


class Standing(NamedTuple):
    """One user's month: means in ms and millionths, None where there is no value."""

    tier: str
    score: int
    retention_quarters: int
    duration_ms: int | None
    depth: int | None
    rating: int | None


def part_of_day(hour: int) -> str:
    """night 0–5, morning 6–11, afternoon 12–17, evening 18–23, UTC."""
    return PARTS_OF_DAY[hour // _HOURS_PER_PART]


def churned(user: User, month: str) -> bool:
    """Active in the month before and not in this one."""
    return user.active_in(previous_month(month)) and not user.active_in(month)


def standing(user: User, month: str) -> Standing | None:
    """The user's month; None without an interaction or a started session in it."""
    if not user.hot.active.get(month):
        return None
    known: Standing | None = user.derived.get(f"standing:{month}")
    if known is None:
        known = user.derived[f"standing:{month}"] = _standing(user, month)
    return known


def _standing(user: User, month: str) -> Standing:
    block = user.month(month)
    sums = block.sums
    sessions, interactions = block.sessions, block.interactions
    score = _score(sums, sessions, interactions)
    quarters = sum(map(bool, map(user.hot.active[month].__and__, QUARTER_MASKS)))
    first_day = user.first_day
    if (
        sessions >= POWER_SESSIONS_MIN
        and score >= POWER_SCORE_MIN
        and sums.depths
        and sums.depth * 100 >= POWER_DEPTH_MIN_PERCENT * sums.depths * MILLION
        and quarters >= POWER_RETENTION_QUARTERS_MIN
    ):
        tier = POWER_USER
    elif sessions >= ENGAGED_SESSIONS_MIN and score >= ENGAGED_SCORE_MIN:
        tier = ENGAGED
    elif first_day is not None and month_label(first_day) == month:
        tier = NEW
    else:
        tier = CASUAL
    return Standing(
        tier,
        score,
        quarters,
        _mean(sums.duration_ms, sums.durations),
        _mean(sums.depth, sums.depths),
        _mean(sums.rating, sums.ratings),
    )


def _score(sums: MonthTotals, sessions: int, interactions: int) -> int:
    """The weighted mean of the parts that are present, in millionths, half-even.

    Exact, over one denominator: a user's score is computed at every change.
    """
    weights = _COUNTS_WEIGHT
    weighted = _SESSION_WEIGHT * min(sessions, SESSIONS_FULL)
    weighted += _INTERACTION_WEIGHT * min(interactions, INTERACTIONS_FULL)
    denominator = SESSIONS_FULL * INTERACTIONS_FULL
    if whole := sums.depths * MILLION:
        weights += _DEPTH_WEIGHT
        weighted = weighted * whole + _DEPTH_WEIGHT * sums.depth * denominator
        denominator *= whole
    if whole := sums.ratings * MILLION:
        weights += _RATING_WEIGHT
        part = sums.rating - whole
        weighted = weighted * 4 * whole + _RATING_WEIGHT * part * denominator
        denominator *= 4 * whole
    if whole := sums.ended:
        weights += _COMPLETION_WEIGHT
        weighted = weighted * whole + _COMPLETION_WEIGHT * sums.completed * denominator
        denominator *= whole
    return divided_half_even(weighted * MILLION, denominator * weights)


def _mean(total: int, count: int) -> int | None:
    """A per-user mean, rounded to the unit of its sum."""
    return divided_half_even(total, count) if count else None
