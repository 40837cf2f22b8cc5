"""The change feed in latest-version mode, one physical partition at a time.

Guarantee: changes come in LSN order; a page never ends inside an LSN, so a batch arrives whole;
resuming from a page's continuation misses nothing that is still the latest version.
"""

import sqlite3
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import groupby
from operator import itemgetter

from emulators.cosmos import charges, documents
from emulators.cosmos.catalogue import Container
from emulators.cosmos.errors import Refused
from emulators.cosmos.partition_keys import Key
from emulators.cosmos.partitions import Partition

PAGE_BYTES_MAX = 4 * 1024 * 1024
PAGE_ITEMS_DEFAULT = 100
_LSN_DIGITS_MAX = 18

_SELECT = (
    "SELECT number, etag, ts, lsn, body, epk, key FROM items"
    " WHERE container = ? AND partition = ? AND lsn > ? AND expires > ? ORDER BY lsn, number"
)


@dataclass(frozen=True, slots=True)
class FeedScope:
    """What part of a physical partition is asked for. The upper EPK bound is exclusive."""

    partition: Partition
    epk_minimum: str
    epk_maximum: str
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class FeedPage:
    """`documents` empty means nothing new: the HTTP answer is then 304."""

    documents: list[bytes]
    lsn: int
    charge: float


def start(continuation: str | None, since: str | None, partition: Partition) -> tuple[int, int]:
    """(LSN after which to read, `_ts` from which to read) of the request's headers."""
    ts_minimum = 0
    if since is not None:
        try:
            ts_minimum = int(parsedate_to_datetime(since).timestamp())
        except ValueError:
            raise Refused(400, "If-Modified-Since is not an HTTP date.") from None
    if continuation is None:
        return 0, ts_minimum
    if continuation == "*":
        return partition.lsn, ts_minimum
    text = continuation.strip('"')
    if not (text.isdigit() and len(text) <= _LSN_DIGITS_MAX):
        raise Refused(400, "The change feed continuation is not one this endpoint gave.")
    return int(text), ts_minimum


def page(
    connection: sqlite3.Connection,
    container: Container,
    scope: FeedScope,
    after: tuple[int, int],
    now: float,
    items_max: int | None,
) -> FeedPage:
    """The next page. It may exceed `items_max` to keep an LSN together; 4 MB only for one LSN."""
    lsn_after, ts_minimum = after
    wanted = items_max if items_max is not None else PAGE_ITEMS_DEFAULT
    found: list[bytes] = []
    charge = charges.CHANGE_FEED_PAGE
    size_total = 0
    last = lsn_after
    rows = connection.execute(_SELECT, (container.number, scope.partition.number, lsn_after, now))
    for lsn, together in groupby(rows, itemgetter(3)):
        group: list[bytes] = []
        group_charge = 0.0
        for number, etag, ts, _, body, epk, key in together:
            if ts < ts_minimum or not scope.epk_minimum <= epk < scope.epk_maximum:
                continue
            if scope.key is not None and key != scope.key:
                continue
            group.append(documents.outgoing(container, body, number, etag, ts, lsn))
            group_charge += charges.read(len(body))
        size = sum(map(len, group))
        if found and group and (len(found) >= wanted or size_total + size > PAGE_BYTES_MAX):
            break
        found += group
        charge += group_charge
        size_total += size
        last = lsn
    rows.close()
    if not found:
        # Nothing left up to the partition's end: continue from there, not from the last match.
        return FeedPage([], max(lsn_after, scope.partition.lsn), charges.NOT_MODIFIED)
    return FeedPage(found, last, charge)
