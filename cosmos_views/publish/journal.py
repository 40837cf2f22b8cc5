"""The journal: deltas that stage 1 has committed and the fold has not yet added to the partials."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec

from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.plan import Plan
from cosmos_views.pack import Pack
from cosmos_views.publish.measures import Contribution, Delta, Turned, difference

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


def delta_of(pack: Pack, plans: Iterable[Plan]) -> Delta:
    """What plans are worth: contributions of what is new minus those of what was counted before,
    of the facts and, one level up, of the owners' histories."""
    return _delta_of(pack, [(plan, pack.owners.turned(plan)) for plan in plans])


def _delta_of(pack: Pack, plans: Sequence[tuple[Plan, Turned]]) -> Delta:
    of_facts = pack.of_fact

    def worth(facts: Iterable[Fact]) -> Iterator[Contribution]:
        for fact in facts:
            for of_fact in of_facts:
                yield from of_fact(fact)

    return difference(
        chain.from_iterable(chain(worth(plan.counted), turned.counted) for plan, turned in plans),
        chain.from_iterable(
            chain(worth(plan.retracted), turned.retracted) for plan, turned in plans
        ),
    )


def journal_of(
    pack: Pack, pk: str, plans: Sequence[Plan], at_ms: int, nonce: str
) -> Journal | None:
    """The journal document of one commit; None when its plans change nothing that is shown."""
    compared = [(plan, pack.owners.turned(plan)) for plan in plans]
    delta = _delta_of(pack, compared)
    touched = sorted({key for _, turned in compared for key in turned.state_keys})
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
