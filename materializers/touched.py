"""What a plan touches of a user's history: where `of_user` contributions can differ."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.facts import InteractionFact
from ledger.instants import DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS, month_label
from ledger.plan import Plan
from ledger.users import User
from materializers import engagement


class _All(Container[Any]):
    """Holds whatever is asked for."""

    def __contains__(self, _: object) -> bool:
        return True


ALL = _All()


@dataclass(frozen=True)
class Touched:
    """Where a user's history before and after a plan can differ.

    Days, months and sources are walked; the rest narrows down what of them, and `ALL` does not.
    """

    days: frozenset[int]
    """Epoch days of the facts put in or taken out."""
    months: frozenset[str]
    """Their months, and the months of the user's first day before and after."""
    sources: frozenset[str]
    """Sources that the facts cite."""
    turned_days: Container[int] = ALL
    """Days on which the user was active before and is not now, or the other way round."""
    minutes: Container[int] = ALL
    """Minutes since 1970 of interactions."""
    hours: Container[int] = ALL
    """Their UTC hours."""
    topics: Container[str] = ALL
    personalities: Container[str] = ALL
    moved_months: Container[str] = ALL
    """Months in which the user's tier differs, so that all that counts under it moves."""


def touched_by(plan: Plan) -> Touched:
    """What a plan touches of its user's history."""
    facts = (*plan.retracted, *plan.counted)
    interactions = [fact for fact in facts if isinstance(fact, InteractionFact)]
    days = frozenset({fact.day for fact in facts})
    months = {month_label(day) for day in days}
    users = [user for user in (plan.before, plan.after) if user is not None]
    first_days = {user.first_day for user in users}
    if len(first_days) > 1:
        months |= {month_label(day) for day in first_days if day is not None}
    return Touched(
        days=days,
        months=frozenset(months),
        sources=frozenset(
            {citation.source for fact in interactions for citation in fact.citations}
        ),
        turned_days={day for day in days if _turned(plan, day)},
        minutes={fact.at_seconds // MINUTE_SECONDS for fact in interactions},
        hours={fact.at_seconds % DAY_SECONDS // HOUR_SECONDS for fact in interactions},
        topics={fact.topic for fact in interactions},
        personalities={fact.personality for fact in interactions},
        moved_months={month for month in months if _moved(users, month)},
    )


def _turned(plan: Plan, day: int) -> bool:
    before, after = (user is not None and user.active(day) for user in (plan.before, plan.after))
    return before is not after


def _moved(users: Sequence[User], month: str) -> bool:
    standings = [engagement.standing(user, month) for user in users]
    # A user who was not there before had no tier, whatever the month is now.
    return len(standings) < 2 or len({one and one.tier for one in standings}) > 1
