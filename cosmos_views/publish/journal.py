"""The journal: deltas that stage 1 has committed and the fold has not yet added to the partials."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Protocol

import msgspec

from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.plan import Plan
from cosmos_views.pack import Pack
from cosmos_views.publish.measures import Contribution, Delta, Turned, difference

JOURNAL_FROM, JOURNAL_TO = "j:", "j;"
"""All journal ids lie in this half-open range, oldest first."""
PAGE_DOCUMENTS_MIN, PAGE_DOCUMENTS_MAX = 50, 500
"""So many are read at a time: more than are asked for, because what is foreign stands among
them."""


class JournalState(Protocol):
    """The state container, as the journal is read from it."""

    def read_range(
        self,
        pk: str,
        start: str,
        end: str,
        session_token: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """Documents with start <= id < end, in id order."""


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
    return Journal(journal_id(at_ms, nonce), pk, delta, touched, max(plan.as_of for plan in plans))


def journal_id(at_ms: int, nonce: str = "") -> str:
    """The id of a journal document. Ids sort by time, so that the fold takes the oldest first; the
    nonce keeps them apart. Without one: later than all before this moment."""
    return f"{JOURNAL_FROM}{at_ms:013d}{nonce and ':'}{nonce}"


def read_journals(
    state: JournalState,
    pk: str,
    most: int,
    session_token: str | None = None,
    before: str = JOURNAL_TO,
) -> tuple[list[tuple[Journal, str]], int]:
    """(the oldest journal documents of a bucket, at most so many, with their ETags; how many others
    stood among them, which are not of this form and are passed by)."""
    found: list[tuple[Journal, str]] = []
    foreign, start = 0, JOURNAL_FROM
    page = min(max(most, PAGE_DOCUMENTS_MIN), PAGE_DOCUMENTS_MAX)
    while len(found) < most:
        documents = state.read_range(pk, start, before, session_token, page)
        for document in documents:
            try:
                found.append((msgspec.convert(document, Journal), document["_etag"]))
            except msgspec.ValidationError:
                foreign += 1
        if len(documents) < page:
            break
        start = f"{documents[-1]['id']}\0"
    return found[:most], foreign
