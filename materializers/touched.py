"""What a plan touches of a user's history: where `of_user` contributions can differ."""

from dataclasses import dataclass

from ledger.facts import InteractionFact
from ledger.instants import month_label
from ledger.plan import Plan


@dataclass(frozen=True)
class Touched:
    """Days, months and sources in which a user's history before and after a plan can differ."""

    days: frozenset[int]
    """Epoch days of the facts put in or taken out."""
    months: frozenset[str]
    """Their months, and the months of the user's first day before and after."""
    sources: frozenset[str]
    """Sources that the facts cite."""


def touched_by(plan: Plan) -> Touched:
    """What a plan touches of its user's history."""
    facts = (*plan.retracted, *plan.counted)
    days = {fact.day for fact in facts}
    months = {month_label(day) for day in days}
    first_days = {user.first_day for user in (plan.before, plan.after) if user is not None}
    if len(first_days) > 1:
        months |= {month_label(day) for day in first_days if day is not None}
    return Touched(
        days=frozenset(days),
        months=frozenset(months),
        sources=frozenset(
            citation.source
            for fact in facts
            if isinstance(fact, InteractionFact)
            for citation in fact.citations
        ),
    )
