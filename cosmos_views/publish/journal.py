"""The journal: deltas that stage 1 has committed and the fold has not yet added to the partials."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec

from cosmos_views.ledger.plan import Plan
from cosmos_views.publish.measures import Contribution, Delta, difference
from materializers.registry import OF_FACT, OF_USER
from materializers.touched import Touched, touched_by

JOURNAL_FROM, JOURNAL_TO = "j:", "j;"
"""All journal ids lie in this half-open range, oldest first."""


class Journal(msgspec.Struct, omit_defaults=True):
    """The state document `j:{utc ms, 13 digits}:{nonce}`, appended by one commit."""

    id: str
    pk: str
    delta: Delta
    touched: list[str] = msgspec.field(default_factory=list)
    """State keys to publish although they have no measure."""
    as_of: int = 0
    """The greatest `_ts` among the versions this commit decided."""


def delta_of(plans: Iterable[Plan]) -> Delta:
    """What plans are worth: contributions of what is new minus those of what was counted before,
    of the facts and, one level up, of the users' histories."""
    return _delta_of([(plan, touched_by(plan)) for plan in plans])


def _delta_of(plans: Sequence[tuple[Plan, Touched]]) -> Delta:
    return difference(
        chain.from_iterable(_contributions(plans, 1)),
        chain.from_iterable(_contributions(plans, -1)),
    )


def _contributions(
    plans: Iterable[tuple[Plan, Touched]], sign: int
) -> Iterator[Iterable[Contribution]]:
    """Of what is new (`sign` 1), or of what was counted before (-1)."""
    for plan, touched in plans:
        facts, user = (plan.counted, plan.after) if sign == 1 else (plan.retracted, plan.before)
        for fact in facts:
            for of_fact in OF_FACT:
                yield of_fact(fact)
        if user is not None:
            for of_user in OF_USER:
                yield of_user(user, touched)


def user_months(plans: Iterable[tuple[Plan, Touched]]) -> list[str]:
    """State keys `user:{YYYYMM}:{user id}` of the users' months that plans touch: what is published
    of them follows from the user documents, without any measure."""
    return sorted(
        {
            f"user:{month}:{plan.after.hot.user}"
            for plan, touched in plans
            if plan.after is not None
            for month in touched.months
        }
    )


def journal_of(pk: str, plans: Sequence[Plan], at_ms: int, nonce: str) -> Journal | None:
    """The journal document of one commit; None when its plans change nothing that is shown."""
    compared = [(plan, touched_by(plan)) for plan in plans]
    delta = _delta_of(compared)
    touched = user_months(compared)
    if not delta and not touched:
        return None
    # Ids sort by time, so that the fold takes the oldest first; the nonce keeps them apart.
    return Journal(
        id=f"{JOURNAL_FROM}{at_ms:013d}:{nonce}",
        pk=pk,
        delta=delta,
        touched=touched,
        as_of=max(plan.as_of for plan in plans),
    )
