"""Entries: what the ledger decided about each source document.

One entry per document says which version was decided and how. A version already decided writes
nothing; every newly decided version writes its entry, also when nothing is counted, because
otherwise a late delivery of an older version would count (docs/architecture.md, "Rules of the
commit").
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.instants import DAY_SECONDS
from cosmos_views.ledger.labels import digest
from cosmos_views.ledger.versions import Version

_encode = msgspec.json.Encoder().encode
TTL_AFTER_SOURCE_SECONDS = 30 * DAY_SECONDS
"""An entry outlives its document, so that a late delivery still finds it."""


class Outcome(StrEnum):
    """How a version was decided; only `counted` has a fact, the others retract what was counted."""

    COUNTED = "counted"
    DELETED = "deleted"
    IGNORED = "ignored"
    DEAD = "dead"


class Entry(msgspec.Struct, omit_defaults=True, gc=False):
    """The state document `e:{source}:{hash of partition key value, id}`.

    `user` is the owner's key in the state container, None for an anonymous document; `fact` the
    fact, as stored its JSON array; `ttl` in seconds.
    """

    id: str
    pk: str
    document: str
    outcome: Outcome
    etag: str | None = None
    ts: int | None = None
    lsn: int | None = None
    user: str | None = None
    fact: Any = None
    ttl: int | None = None
    own_ttl: int | None = None
    """The document's own TTL in seconds, where that is shorter than its container's."""

    @property
    def version(self) -> Version:
        """The version this entry decided."""
        return Version(self.etag, self.ts, self.lsn)


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What was decided of one delivered version, before the ledger is asked what is new."""

    source: str
    entry_id: str
    document: str
    version: Version
    outcome: Outcome
    fact: Fact | None
    ttl: int | None
    """The entry's TTL in seconds, None where the document never expires."""
    own_ttl: int | None = None
    """As in the entry."""


def entry_id(container: str, key: Sequence[object], document_id: str) -> str:
    """The ledger id of a document, given the parts of its partition key: absent (UNSET), null and
    "" are three different ones."""
    parts = ["" if one is msgspec.UNSET else _encode(one).decode() for one in key]
    return f"e:{container}:{digest(*parts, document_id)}"


def entry_ttl_seconds(own_ttl: int | None, container_ttl: int) -> int | None:
    """The entry's own TTL: the longer one of the document's and its container's, and 30 days; None
    for never. That of the container even where the document goes sooner, so that a proof may go by
    the entries of the last months (cosmos_views/upkeep/reconcile/proof.py)."""
    if -1 in (own_ttl, container_ttl):
        return None
    return max(own_ttl or 0, container_ttl) + TTL_AFTER_SOURCE_SECONDS


def shorter_ttl(own_ttl: int | None, container_ttl: int) -> int | None:
    """The document's own TTL in seconds, where by it the document goes sooner than by its
    container's; else None."""
    if own_ttl is None or own_ttl <= 0 or 0 < container_ttl <= own_ttl:
        return None
    return own_ttl
