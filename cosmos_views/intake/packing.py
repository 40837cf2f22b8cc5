"""Packing: several owners' plans into as few commits as the limits allow."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cosmos_views.intake.judging import Judged
from cosmos_views.intake.ownership import Work
from cosmos_views.ledger.commits import COMMIT_BYTES_MAX, OPERATIONS_MAX, encoded_bytes
from cosmos_views.ledger.plan import Plan

OPERATIONS_FOR_PLANS = OPERATIONS_MAX - 1
"""One operation of a commit is the journal's."""
BYTES_FOR_PLANS = COMMIT_BYTES_MAX * 2 // 3
"""The rest is for the journal, whose size is known only once the plans are packed."""


@dataclass
class Planned:
    """One owner's work with the changes taken from it and their plan."""

    work: Work
    judged: list[Judged]
    plan: Plan


def packed(planned: Iterable[Planned]) -> Iterator[list[Planned]]:
    """Chunks of whole owners, each one commit; an owner too large for one is a chunk alone."""
    chunk: list[Planned] = []
    operations = size = 0
    for one in planned:
        more_operations = len(one.plan.writes)
        more_bytes = encoded_bytes([write.body for write in one.plan.writes])
        if chunk and (
            one.work.alone
            or operations + more_operations > OPERATIONS_FOR_PLANS
            or size + more_bytes > BYTES_FOR_PLANS
        ):
            yield chunk
            chunk, operations, size = [], 0, 0
        chunk.append(one)
        operations += more_operations
        size += more_bytes
        if one.work.alone:
            yield chunk
            chunk, operations, size = [], 0, 0
    if chunk:
        yield chunk
