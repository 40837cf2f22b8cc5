"""What section 5 says of one user in one month: the figures, the score and the tier."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tests.oracle.arithmetic import mean
from tests.oracle.daily_metrics import completion_rate
from tests.oracle.interactions import Interaction
from tests.oracle.periods import month_of, previous_month
from tests.oracle.sessions import Session
from tests.oracle.values import MILLIONTH, rounded_to
from tests.oracle.world import World

TIERS = ("power_user", "engaged", "new", "casual", "churned")


@dataclass(frozen=True)
class UserMonth:
    """A user in a month with an interaction or a started session."""

    user: str
    interactions: Sequence[Interaction]
    sessions: Sequence[Session]
    is_new: bool
    """The user's first day ever is in this month."""

    @property
    def active_days(self) -> set[date]:
        activity: list[Interaction | Session] = [*self.interactions, *self.sessions]
        return {each.day for each in activity}

    @property
    def duration_ms(self) -> Fraction | None:
        return mean(session.duration_ms for session in self.sessions)

    @property
    def depth(self) -> Fraction | None:
        return mean(session.depth for session in self.sessions)

    @property
    def rating(self) -> Fraction | None:
        return mean(interaction.rating for interaction in self.interactions)

    @property
    def completion_rate(self) -> Fraction | None:
        return completion_rate(self.sessions)

    @property
    def retention(self) -> Fraction:
        """Share of the month's quarters (days 1-7, 8-14, 15-21, 22-end) with activity."""
        return Fraction(len({min((day.day - 1) // 7, 3) for day in self.active_days}), 4)

    @property
    def score(self) -> Fraction:
        """Weighted mean of what is present, in millionths."""
        rating = self.rating
        weighted: list[tuple[Fraction, Fraction | None]] = [
            (Fraction("0.30"), min(Fraction(1), Fraction(len(self.sessions), 20))),
            (Fraction("0.25"), min(Fraction(1), Fraction(len(self.interactions), 60))),
            (Fraction("0.20"), self.depth),
            (Fraction("0.15"), None if rating is None else (rating - 1) / 4),
            (Fraction("0.10"), self.completion_rate),
        ]
        parts = [(weight, value) for weight, value in weighted if value is not None]
        total = sum((weight * value for weight, value in parts), Fraction(0))
        return rounded_to(MILLIONTH, total / sum(weight for weight, _ in parts))

    @property
    def tier(self) -> str:
        sessions, score, depth = len(self.sessions), self.score, self.depth
        if (
            sessions >= 20
            and score >= Fraction("0.80")
            and depth is not None
            and depth >= Fraction("0.70")
            and self.retention >= Fraction("0.75")
        ):
            return "power_user"
        if sessions >= 8 and score >= Fraction("0.50"):
            return "engaged"
        return "new" if self.is_new else "casual"


def user_months(world: World, month: date) -> dict[str, UserMonth]:
    days = world.days_of_month(month)
    interactions: dict[str | None, list[Interaction]] = defaultdict(list)
    sessions: dict[str | None, list[Session]] = defaultdict(list)
    for interaction in world.interactions_of(days):
        interactions[interaction.user].append(interaction)
    for session in world.sessions_of(days):
        sessions[session.user].append(session)
    return {
        user: UserMonth(
            user,
            interactions[user],
            sessions[user],
            is_new=month_of(world.first_day[user]) == month,
        )
        for user in sorted(world.active_users(days))
    }


def tier_members(world: World, month: date) -> dict[str, list[UserMonth]]:
    """Members per tier; of `churned`, the figures of the month before."""
    members: dict[str, list[UserMonth]] = {tier: [] for tier in TIERS}
    active = user_months(world, month)
    for user_month in active.values():
        members[user_month.tier].append(user_month)
    for user, earlier in user_months(world, previous_month(month)).items():
        if user not in active:
            members["churned"].append(earlier)
    return members
