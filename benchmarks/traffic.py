"""Batches as a trigger hands them over: the traffic of `demo.synthetic`, with believable texts.

The same arguments give the same bytes. An interaction is about 2.4 KB. Documents are those of a
busy evening: a batch of 1 000 changes of interactions names about 560 users.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import msgspec

from demo.synthetic import INTERACTIONS, timed_traffic

Document = dict[str, Any]
Sourced = tuple[str, Document]
"""(source container, document)"""
Batch = tuple[str, str]
"""(source container, JSON array of documents)"""

SEED = 1
DAY = date(2026, 3, 14)
BUSY_FROM_HOUR = 19
EARLIER_CHANGES_MAX = 10
"""Of one user."""
QUESTION_CHARACTERS, ANSWER_CHARACTERS = 240, 1_040
PASSAGE = (
    "You have a right to perform your duty, but not to the fruits of what you do. Never take the\n"
    "fruit of an action for its cause, and never be attached to doing nothing. “Evenness of mind”\n"
    "is what the teachers call it: do what is yours to do, give up attachment, and be the same in\n"
    "success and in failure. He who sees that the way of knowledge and the way of works are one,\n"
    "he sees. What stands in the way becomes the way; begin where you are, with what you have. "
) * 5


@cache
def day(number: int, interactions: int, seed: int = SEED) -> Sequence[tuple[int, Sourced]]:
    """(hour, change) of one whole day, in order of writing, with system properties."""
    written = timed_traffic(seed, DAY + timedelta(days=number), interactions)
    return [
        (
            at.hour,
            (source, _version(lengthened(document), int(at.timestamp()), place, seed, number)),
        )
        for place, (at, (source, document)) in enumerate(written)
    ]


def measured(interactions: int, changes: int) -> list[Sourced]:
    """Changes of a busy evening."""
    evening = [change for hour, change in day(0, interactions) if hour >= BUSY_FROM_HOUR]
    return evening[:changes]


def earlier(interactions: int, of: Iterable[Sourced]) -> list[Sourced]:
    """What the users of some changes began the day before with."""
    left = {user: EARLIER_CHANGES_MAX for _, document in of if (user := document.get("user_id"))}
    found = []
    for _, (source, document) in day(-1, interactions):
        user = document.get("user_id")
        if left.get(user, 0):
            left[user] -= 1
            found.append((source, document))
    return found


def batches(changes: Iterable[Sourced], size: int) -> list[Batch]:
    """The changes of each source, in order, `size` at a time."""
    by_source: dict[str, list[Document]] = defaultdict(list)
    for source, document in changes:
        by_source[source].append(document)
    return [
        (source, msgspec.json.encode(documents[start : start + size]).decode())
        for source, documents in by_source.items()
        for start in range(0, len(documents), size)
    ]


def interactions_of(changes: Iterable[Sourced]) -> list[Sourced]:
    """Only the changes of `user_interactions`."""
    return [change for change in changes if change[0] == INTERACTIONS]


def lengthened(document: Document) -> Document:
    """With a question and an answer of a believable length, if it has any."""
    kind = document.get("document_type")
    names = {
        "user_interaction": ("user_query", "response_text"),
        "interaction": ("user_input", "ai_response"),
    }.get(kind or "")
    if names is None or document.get("is_deleted"):
        return document
    start = random.Random(document["id"]).randrange(400)  # noqa: S311 - a place in a text
    question, answer = names
    return {
        **document,
        question: PASSAGE[start : start + QUESTION_CHARACTERS],
        answer: PASSAGE[start : start + ANSWER_CHARACTERS],
    }


def _version(document: Document, ts: int, place: int, seed: int, number: int) -> Document:
    return {
        **document,
        "_rid": f"rid{place:013d}==",
        "_self": f"dbs/db/colls/c/docs/rid{place:013d}==/",
        "_etag": f'"{seed:08x}-{number & 0xFFFF:04x}-0000-0000-{place:012x}"',
        "_attachments": "attachments/",
        "_ts": ts,
        "_lsn": place + 1,
    }
