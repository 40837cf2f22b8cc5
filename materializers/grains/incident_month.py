"""Grain `incident-month:{YYYYMM}:{source}`: incidents by the sources their interaction cites."""

from collections.abc import Iterator
from typing import NamedTuple

from cosmos_views.ledger.instants import month_label
from cosmos_views.publish.cells import cell_name, sum_and_count
from cosmos_views.publish.measures import Contribution
from processors.facts import AnyFact, IncidentFact

UNATTRIBUTED = "unattributed"


class IncidentMonth(NamedTuple):
    """Cell `incidents`."""

    incidents: int = 0
    false_positives: int = 0
    decided: int = 0
    warnings: int = 0
    blocks: int = 0
    suspensions: int = 0
    reviews_pending: int = 0
    resolution_ms: int = 0
    resolutions: int = 0
    resolved: int = 0


def of_fact(fact: AnyFact) -> Iterator[Contribution]:
    """What one incident adds to each distinct source it was joined to, else to `unattributed`.

    Cells `severity/…`, `kind/…` and `category/…` count incidents and categories; `chapter/…` and
    `verse/{chapter}.{verse}` count the joined citations.
    """
    if not isinstance(fact, IncidentFact):
        return
    month = month_label(fact.day)
    row = IncidentMonth(
        1,
        int(fact.false_positive is True),
        int(fact.false_positive is not None),
        fact.warnings,
        fact.blocks,
        fact.suspensions,
        int(fact.review_pending),
        *sum_and_count(fact.resolution_ms),
        int(fact.resolved),
    )
    for source in {source for source, _, _ in fact.cited} or {UNATTRIBUTED}:
        key = f"incident-month:{month}:{source}"
        yield key, "incidents", row
        yield key, cell_name("severity", fact.severity), (1,)
        yield key, cell_name("kind", fact.kind), (1,)
        for category in fact.categories:
            yield key, cell_name("category", category), (1,)
    for source, chapter, verse in fact.cited:
        key = f"incident-month:{month}:{source}"
        yield key, cell_name("chapter", chapter), (1,)
        yield key, cell_name("verse", f"{chapter}.{verse}"), (1,)
