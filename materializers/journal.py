"""The journal: deltas that stage 1 has committed and the fold has not yet added to the partials."""

from collections.abc import Iterable, Sequence

import msgspec

from ledger.plan import Plan
from materializers.measures import Delta, add_all, normalized_delta
from materializers.registry import OF_FACT, OF_USER
from materializers.touched import touched_by

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
    delta: Delta = {}
    for plan in plans:
        for of_fact in OF_FACT:
            for fact in plan.retracted:
                add_all(delta, of_fact(fact), -1)
            for fact in plan.counted:
                add_all(delta, of_fact(fact))
        if plan.after is not None:
            touched = touched_by(plan)
            for of_user in OF_USER:
                if plan.before is not None:
                    add_all(delta, of_user(plan.before, touched), -1)
                add_all(delta, of_user(plan.after, touched))
    return normalized_delta(delta)


def user_months(plans: Iterable[Plan]) -> list[str]:
    """State keys `user:{YYYYMM}:{user id}` of the users' months that plans touch: what is published
    of them follows from the user documents, without any measure."""
    return sorted(
        {
            f"user:{month}:{plan.after.hot.user}"
            for plan in plans
            if plan.after is not None
            for month in touched_by(plan).months
        }
    )


def journal_of(pk: str, plans: Sequence[Plan], at_ms: int, nonce: str) -> Journal | None:
    """The journal document of one commit; None when its plans change nothing that is shown."""
    delta = delta_of(plans)
    touched = user_months(plans)
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
