"""Parked keys: view keys that could not be published, each in a state document of its own.

So no number of them fills a head, holds up the fold, or stands before another key. Each is tried
again later and later; each run looks at some, those it has not looked at for longest.

A key moves from a head's `pending` to its document, and off it, in one commit with the head, under
the ETag that the run held before it first read what the key is rendered from. So that ETag orders
everything about a bucket's keys: what a fold has entered meanwhile is never taken off unpublished,
and a key is in `pending` or parked, at every moment, until what stands is new enough.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

PARKED_FROM, PARKED_TO = "f:", "f;"
"""All ids of parked keys lie in this half-open range."""
LOOKED_AT_MAX = 1_000
"""So many parked keys are looked at per run."""
PARKED_PER_COMMIT = 90
RETRY_SECONDS_MIN = 60
RETRY_SECONDS_MAX = 3_600


class Parked(msgspec.Struct, omit_defaults=True):
    """The state document `f:{view}:{hash}`."""

    id: str
    pk: str
    key: str
    """`{view}:{view key}`."""
    attempts: int = 0
    """How often it has failed in a row."""
    due: int = 0
    """When it is tried again, in seconds since 1970."""


def shown_name(name: str) -> str:
    """`{view}:{hash}` of `{view}:{view key}`: what a log may show, because a key names owners."""
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{name.partition(':')[0]}:{digest}"


def parked_id(name: str) -> str:
    """The id of a key's document."""
    return PARKED_FROM + shown_name(name)


def parked_range(view: str) -> tuple[str, str]:
    """The half-open range of the ids of one view's parked keys."""
    return f"{PARKED_FROM}{view}:", f"{PARKED_FROM}{view};"


def failed_again(pk: str, name: str, known: Iterable[Parked], now_seconds: int) -> Parked:
    """A key that has failed now, and so many times before."""
    attempts = 1 + max((one.attempts for one in known), default=0)
    wait = min(RETRY_SECONDS_MIN * 2 ** min(attempts - 1, 16), RETRY_SECONDS_MAX)
    return Parked(parked_id(name), pk, name, attempts, now_seconds + wait)


def read_parked(
    documents: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, tuple[Parked, str]], int]:
    """(by `{view}:{view key}` the parked keys, each with its ETag; how many documents are none)."""
    found: dict[str, tuple[Parked, str]] = {}
    foreign = 0
    for document in documents:
        try:
            parked = msgspec.convert(document, Parked)
        except msgspec.ValidationError:
            foreign += 1
            continue
        found[parked.key] = parked, document["_etag"]
    return found, foreign
