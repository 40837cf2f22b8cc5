"""A user's history as a plain list of facts, for laws: everything is computed by looking."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from cosmos_views.ledger.instants import month_label, month_start
from materializers.users.history import Month, User
from processors.facts import AnyFact, IncidentFact, InteractionFact, SessionFact

EVERY_MONTH = ("202601", "202602", "202603", "202604")


def new_user(month: str = "202602") -> User:
    """A user of whom nothing is counted, all of whose months are known."""
    user = User.new("k", "1:0", "ada", month)
    user.months = {**{one: Month() for one in EVERY_MONTH if one != month}, **user.months}
    return user


def counted(facts: Iterable[AnyFact]) -> User:
    """The history that these facts make, counted in order of time."""
    user = new_user()
    for fact in sorted(facts, key=lambda fact: fact.day):
        user.count(fact, 1)
    return user


def shown(user: User) -> dict[str, Any]:
    """All that a history says, empty months aside."""
    hot = msgspec.to_builtins(user.hot)
    months = {month: msgspec.to_builtins(block) for month, block in user.months.items()}
    return {
        "active": hot.get("active", {}),
        "seen": hot.get("seen", {}),
        "firsts": hot.get("firsts", {}),
        "months": {month: block for month, block in months.items() if block},
    }


def masks(facts: Sequence[AnyFact], *, active: bool) -> dict[str, int]:
    """Month → mask of the days with an interaction or session, or with anything."""
    result: dict[str, int] = {}
    for fact in facts:
        if not active or not isinstance(fact, IncidentFact):
            month = month_label(fact.day)
            result[month] = result.get(month, 0) | 1 << (fact.day - month_start(month))
    return result


def first_citations(facts: Sequence[AnyFact]) -> dict[str, int]:
    """Source → the first day it was cited."""
    days = defaultdict(list)
    for fact in facts:
        if isinstance(fact, InteractionFact):
            for cited in fact.citations:
                days[cited.source].append(fact.day)
    return {source: min(some) for source, some in days.items()}


def counts_of_day(facts: Sequence[AnyFact], day: int) -> dict[str, Any] | None:
    """What a day document says of these facts, by its short names; None without any."""
    of_day = [fact for fact in facts if fact.day == day]
    talks = [fact for fact in of_day if isinstance(fact, InteractionFact)]
    counts: dict[str, Any] = {
        "i": len(talks),
        "s": sum(isinstance(fact, SessionFact) for fact in of_day),
        "a": sum(isinstance(fact, IncidentFact) for fact in of_day),
        "m": dict(Counter(fact.at_seconds % 86_400 // 60 for fact in talks)),
        "c": dict(Counter(cited.source for fact in talks for cited in fact.citations)),
    }
    return {name: value for name, value in counts.items() if value} if of_day else None
