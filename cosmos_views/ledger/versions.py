"""The version rule: which of two versions of a document is newer.

Decided on system properties alone, before anything is decoded. `_lsn` repeats after a failover and
diverges after a split, and `_etag` is opaque, so only `_ts`, or an equal `_ts` with a higher
`_lsn`, proves that a change is newer; whatever is left is settled by reading the source
(docs/architecture.md, "Rules of the commit", 3).
"""

from enum import Enum
from typing import NamedTuple


class Version(NamedTuple):
    """The system properties that tell versions apart; None where a document lacks them."""

    etag: str | None
    ts: int | None
    """`_ts`: seconds since 1970 of the last write."""
    lsn: int | None


class Order(Enum):
    """How a delivered version stands to the one the ledger decided."""

    DUPLICATE = "duplicate"
    NEWER = "newer"
    DOUBTFUL = "doubtful"


def order(delivered: Version, decided: Version | None) -> Order:
    """The standing of a delivered version; a document never seen before is newer than nothing."""
    if decided is None:
        return Order.NEWER
    if delivered.etag is not None and delivered.etag == decided.etag:
        return Order.DUPLICATE
    if delivered.ts is None or decided.ts is None:
        return Order.DOUBTFUL
    if delivered.ts > decided.ts:
        return Order.NEWER
    if (
        delivered.ts == decided.ts
        and delivered.lsn is not None
        and decided.lsn is not None
        and delivered.lsn > decided.lsn
    ):
        return Order.NEWER
    return Order.DOUBTFUL
