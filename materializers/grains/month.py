"""Grain `month:{YYYYMM}`: what follows from users' whole months."""

from collections.abc import Iterable
from typing import NamedTuple

from cosmos_views.ledger.instants import month_label, next_month
from cosmos_views.publish.cells import cell_name, sum_and_count
from cosmos_views.publish.measures import Contribution
from materializers import engagement
from materializers.users.history import User
from materializers.users.touched import Touched
from processors.facts import AnyFact, InteractionFact

RETURNING_DAYS = 2
"""A user returns to a source when citing it on so many days of the month."""


class MonthSource(NamedTuple):
    """Cell `source/{source}`; users distinct, returning ones cite it on two days or more."""

    citations: int = 0
    users: int = 0
    returning: int = 0


class Tier(NamedTuple):
    """Cell `tier/{tier}`: sums over members of per-user values, in ms and millionths."""

    users: int = 0
    sessions: int = 0
    score: int = 0
    retention_quarters: int = 0
    duration_ms: int = 0
    durations: int = 0
    depth: int = 0
    depths: int = 0
    rating: int = 0
    ratings: int = 0


_CITED = MonthSource(citations=1)
_CITING = MonthSource(users=1)
_RETURNING = MonthSource(users=1, returning=1)
_CHURNED = Tier(users=1)


def month_key(month: str) -> str:
    """The state key of a `YYYYMM` month."""
    return f"month:{month}"


def of_fact(fact: AnyFact) -> Iterable[Contribution]:
    """Citations of each source."""
    if not isinstance(fact, InteractionFact):
        return ()
    key = month_key(month_label(fact.day))
    return [(key, cell_name("source", citation.source), _CITED) for citation in fact.citations]


def of_user(user: User, touched: Touched) -> Iterable[Contribution]:
    """Distinct users of each source, and the tier of the user's month, churned ones included.

    Cells `tier-personality/{tier}/{personality}`, `tier-topic/{tier}/{topic}` and
    `tier-part/{tier}/{part of the day}` count members' interactions.
    """
    found: list[Contribution] = []
    for month in touched.months:
        _add_month(found, user, month, touched)
    turned = {month for month in touched.months if month in touched.turned_months}
    for month in turned | {next_month(month) for month in turned}:
        if engagement.churned(user, month):
            found.append((month_key(month), cell_name("tier", engagement.CHURNED), _CHURNED))
    return found


def _add_month(found: list[Contribution], user: User, month: str, touched: Touched) -> None:
    standing = engagement.standing(user, month)
    if standing is None:
        return
    key = month_key(month)
    block = user.month(month)
    for source in touched.sources:
        days = sum([source in day.sources for day in block.days.values()])
        if days:
            row = _RETURNING if days >= RETURNING_DAYS else _CITING
            found.append((key, cell_name("source", source), row))
    tier = standing.tier
    row_of_tier = (
        # In the order of `Tier`.
        1,
        block.sessions,
        standing.score,
        standing.retention_quarters,
        *sum_and_count(standing.duration_ms),
        *sum_and_count(standing.depth),
        *sum_and_count(standing.rating),
    )
    found.append((key, cell_name("tier", tier), row_of_tier))
    moved = month in touched.moved_months
    for personality, interactions in block.personalities.items():
        if moved or personality in touched.personalities:
            found.append((key, cell_name("tier-personality", tier, personality), (interactions,)))
    for topic, interactions in block.topics.items():
        if moved or topic in touched.topics:
            found.append((key, cell_name("tier-topic", tier, topic), (interactions,)))
    for hour, interactions in block.hours.items():
        if moved or hour in touched.hours:
            part = engagement.part_of_day(hour)
            found.append((key, cell_name("tier-part", tier, part), (interactions,)))
