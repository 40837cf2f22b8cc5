"""Forms: which documents of a bucket are the worker's, and can be read.

What carries an id of ours and cannot be read was damaged: it is deleted, and what it told is worked
out anew. Anything else somebody put there: it is skipped, and counted. So is a document among the
journal that has no delta, which the fold passes by.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from cosmos_views.ledger.entries import Entry
from cosmos_views.ledger.owners import is_bare
from cosmos_views.ledger.plan import counted_fact
from cosmos_views.pack import Pack
from cosmos_views.publish.heads import HEAD_ID, Head
from cosmos_views.publish.journal import JOURNAL_FROM, Journal
from cosmos_views.publish.parked import PARKED_FROM
from cosmos_views.publish.partials import PARTIAL_PREFIX, Partial
from cosmos_views.upkeep.reconcile.proof import ENTRY_PREFIX, OWNER_PREFIX


class Form(Enum):
    """What a document is to the worker."""

    OURS = "ours"
    DAMAGED = "damaged"
    FOREIGN = "foreign"


def form_of(pack: Pack, document: Mapping[str, Any]) -> Form:
    """The form of one document of a bucket."""
    name = str(document["id"])
    if name.startswith(PARKED_FROM) or (name.startswith(OWNER_PREFIX) and is_bare(document)):
        return Form.OURS
    kind = _kind_of(pack, name)
    if kind is None or (kind is Journal and "delta" not in document):
        return Form.FOREIGN
    try:
        msgspec.convert(document, kind, str_keys=True)
        if kind is Entry:
            counted_fact(pack.facts, _source_of(name), document)
    except (msgspec.ValidationError, LookupError):
        return Form.DAMAGED
    return Form.OURS


def _kind_of(pack: Pack, name: str) -> type[msgspec.Struct] | None:
    if name == HEAD_ID:
        return Head
    if name.startswith(ENTRY_PREFIX):
        return Entry if _source_of(name) in pack.facts else None
    if name.startswith(JOURNAL_FROM):
        return Journal
    if name.startswith(PARTIAL_PREFIX):
        return Partial
    if name.startswith(OWNER_PREFIX):
        return pack.owners.form_of(name)
    return None


def _source_of(entry_id: str) -> str:
    return entry_id.split(":")[1]
