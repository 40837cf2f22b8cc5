"""Batches as the Functions host hands them over."""

import zlib
from functools import lru_cache

from emulators.functions.dates import rewrite_dates

UNREADABLE_ONCE = "+24:00"
"""An offset above 23:59 is unreadable (views.md), until the host has rewritten it."""


def as_delivered(text: str) -> str:
    """A batch's JSON with everything rewritten that looks like a date; one with a time that only
    the host makes readable stays as it is stored."""
    return text if UNREADABLE_ONCE in text else rewrite_dates(text)


@lru_cache(10_000)
def rid_of(key: str, document_id: str) -> str:
    """A `_rid` for all versions of a document, of its partition key value as JSON and its id."""
    return f"{zlib.crc32(key.encode()):08x}{zlib.crc32(document_id.encode()):08x}"
