"""Doubts: a version that its system properties cannot place is settled by reading its source.

LSNs repeat after a failover and diverge after a split, and a read may lag, so a first reading is
trusted only when it is plainly newer; else a second one, after a pause, decides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cosmos_views.intake.documents import Change, read_document
from cosmos_views.intake.ports import Sources
from cosmos_views.ledger.versions import Version
from cosmos_views.source import Source

DOUBT_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Doubt:
    """A delivered change, and the version the ledger decided of its document, if any."""

    change: Change
    decided: Version | None


def settle(
    source: Source[Any], doubts: Sequence[Doubt], sources: Sources, wait: Callable[[float], None]
) -> list[Change | None]:
    """For each doubt the change to apply, or None to keep what is decided."""
    found = [_read(source, doubt.change, sources) for doubt in doubts]
    unclear = [
        place for place, doubt in enumerate(doubts) if not _plainly_newer(found[place], doubt)
    ]
    if unclear:
        wait(DOUBT_PAUSE_SECONDS)
    for place in unclear:
        again = _read(source, doubts[place].change, sources)
        decided = doubts[place].decided
        known = again is None or (decided is not None and again.version.etag == decided.etag)
        found[place] = None if known else again
    return found


def _plainly_newer(found: Change | None, doubt: Doubt) -> bool:
    """Than what is decided and than what was delivered: a reading that is older than the delivery
    lags, however long ago the decided version was written."""
    if found is None or found.version.ts is None:
        return False
    decided, delivered = doubt.decided, doubt.change.version
    if decided is None or decided.ts is None or found.version.ts <= decided.ts:
        return False
    return delivered.ts is None or found.version.ts > delivered.ts


def _read(source: Source[Any], change: Change, sources: Sources) -> Change | None:
    raw = sources.read(change.source, change.document_id, change.key)
    return None if raw is None else read_document(source, raw)
