"""What a plan touches of a user's history: where `of_user` contributions can differ."""

from collections.abc import Container
from typing import Any

import msgspec

from cosmos_views.ledger.instants import (
    DAY_SECONDS,
    HOUR_SECONDS,
    MINUTE_SECONDS,
    MINUTES_PER_DAY,
    month_label,
)
from cosmos_views.ledger.plan import Plan
from materializers import engagement
from materializers.users.history import Day, User
from processors.facts import InteractionFact


class _All(Container[Any]):
    """Holds whatever is asked for."""

    def __contains__(self, _: object) -> bool:
        return True


ALL = _All()


class Touched(msgspec.Struct, frozen=True, gc=False):
    """Where a user's history before and after a plan can differ.

    Days, months and sources are walked; the rest narrows down what of them, and `ALL` does not.
    """

    days: frozenset[int]
    """Epoch days of the facts put in or taken out."""
    months: frozenset[str]
    """Their months, and the months of the user's first day before and after."""
    sources: frozenset[str]
    """Sources cited on one of the days before and not now, or the other way round."""
    moved_days: Container[int] = ALL
    """Days on which whether the user was active, or what the user cited, differs."""
    minutes: Container[int] = ALL
    """Minutes since 1970 that had an interaction before and have none now, or the other way."""
    hours: Container[int] = ALL
    """UTC hours of interactions."""
    topics: Container[str] = ALL
    personalities: Container[str] = ALL
    moved_months: Container[str] = ALL
    """Months in which the user's tier differs, so that all that counts under it moves."""
    turned_months: Container[str] = ALL
    """Months in which the user was active before and is not now, or the other way round."""
    first_day: bool = True
    """Whether the user's first day differs."""


NOTHING = Touched(frozenset(), frozenset(), frozenset())
_NO_DAY = Day()


def touched_by(plan: Plan) -> Touched:
    """What a plan touches of its user's history."""
    before, after = plan.before, plan.after
    if before is None and after is None:
        return NOTHING
    first_days = {user.first_day for user in (before, after) if user is not None}
    days: set[int] = set()
    minutes: set[int] = set()
    hours: set[int] = set()
    topics: set[str] = set()
    personalities: set[str] = set()
    for fact in (*plan.retracted, *plan.counted):
        days.add(fact.day)
        if isinstance(fact, InteractionFact):
            minutes.add(fact.at_seconds // MINUTE_SECONDS)
            hours.add(fact.at_seconds % DAY_SECONDS // HOUR_SECONDS)
            topics.add(fact.topic)
            personalities.add(fact.personality)
    sources: set[str] = set()
    turned_minutes: set[int] = set()
    moved_days: set[int] = set()
    for day in days:
        was, now = _counts(before, day), _counts(after, day)
        differing = was.sources.keys() ^ now.sources.keys()
        if differing or was.active is not now.active:
            moved_days.add(day)
            sources |= differing
        for minute in minutes:
            of_day = minute - day * MINUTES_PER_DAY
            if (of_day in was.minutes) is not (of_day in now.minutes):
                turned_minutes.add(minute)
    months = {month_label(day) for day in days}
    if len(first_days) > 1:
        months |= {month_label(day) for day in first_days if day is not None}
    moved_months: set[str] = set()
    turned_months: set[str] = set()
    for month in months:
        if _moved(before, after, month):
            moved_months.add(month)
        if _active_in(before, month) is not _active_in(after, month):
            turned_months.add(month)
    return Touched(
        days=frozenset(days),
        months=frozenset(months),
        sources=frozenset(sources),
        moved_days=moved_days,
        minutes=turned_minutes,
        hours=hours,
        topics=topics,
        personalities=personalities,
        moved_months=moved_months,
        turned_months=turned_months,
        first_day=before is None or after is None or len(first_days) > 1,
    )


def _counts(user: User | None, day: int) -> Day:
    return (None if user is None else user.day(day)) or _NO_DAY


def _active_in(user: User | None, month: str) -> bool:
    return user is not None and user.active_in(month)


def _moved(before: User | None, after: User | None, month: str) -> bool:
    if before is None or after is None:
        # A user who was not there before had no tier, whatever the month is now.
        return True
    was, now = engagement.standing(before, month), engagement.standing(after, month)
    return (was and was.tier) != (now and now.tier)
