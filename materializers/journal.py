"""The journal: deltas that stage 1 has committed and the fold has not yet added to the partials."""

from collections.abc import Iterable, Sequence

import msgspec

from ledger.plan import Plan
from materializers.measures import Delta, add_all, normalized_delta
from materializers.registry import VIEWS
from materializers.view import Touched

JOURNAL_FROM, JOURNAL_TO = "j:", "j;"
"""All journal ids lie in this half-open range, oldest first."""


class Journal(msgspec.Struct, omit_defaults=True):
    """The state document `j:{utc ms, 13 digits}:{nonce}`, appended by one commit."""

    id: str
    pk: str
    delta: Delta
    as_of: int = 0
    """The greatest `_ts` among the versions this commit decided."""


def delta_of(plans: Iterable[Plan]) -> Delta:
    """What plans are worth: contributions of what is new minus those of what was counted before,
    of the facts and, one level up, of the users' histories."""
    delta: Delta = {}
    for plan in plans:
        touched = Touched(plan.touched_days, plan.touched_sources)
        for view in VIEWS.values():
            for fact in plan.retracted:
                add_all(delta, view.of_fact(fact), -1)
            for fact in plan.counted:
                add_all(delta, view.of_fact(fact))
            if plan.before is not None:
                add_all(delta, view.of_user(plan.before, touched), -1)
            if plan.after is not None:
                add_all(delta, view.of_user(plan.after, touched))
    return normalized_delta(delta)


def journal_of(pk: str, plans: Sequence[Plan], at_ms: int, nonce: str) -> Journal | None:
    """The journal document of one commit; None when its plans change no measure."""
    delta = delta_of(plans)
    if not delta:
        return None
    # Ids sort by time, so that the fold takes the oldest first; the nonce keeps them apart.
    return Journal(
        id=f"{JOURNAL_FROM}{at_ms:013d}:{nonce}",
        pk=pk,
        delta=delta,
        as_of=max(plan.as_of for plan in plans),
    )
