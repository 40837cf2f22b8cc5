"""Histories: what was written, in order, by independent steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.generators import pools
from tests.generators.bodies import valid_body
from tests.generators.identities import (
    INTERACTIONS,
    SESSIONS,
    SLOTS,
    USERS,
    Identity,
    identity,
)
from tests.generators.invalid import spoiled
from tests.oracle import SourceDocument

LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Version:
    """One write. The store adds `_etag`, `_ts` and `_lsn`."""

    source: str
    body: dict[str, Any]
    written_at: int
    """Intended `_ts`, in seconds; never falls along a history."""


def history(seed: int, steps: int = 30) -> list[Version]:
    """The same seed writes the same history."""
    random = Random(seed)
    return history_of([random.randint(0, LARGEST_SEED) for _ in range(steps)])


def history_of(step_seeds: Sequence[int]) -> list[Version]:
    """Each step writes one version of one of few documents, or a busy month of one user."""
    versions: list[Version] = []
    now = pools.FIRST_WRITE
    for step_seed in step_seeds:
        random = Random(step_seed)
        now += random.choice((0, 0, 1, 60, 3_600))
        if random.randrange(40) == 0:
            versions += _busy_month(random, now)
        else:
            versions.append(_one_version(random, now, versions))
    return versions


def histories(max_steps: int = 40) -> st.SearchStrategy[list[Version]]:
    """Shrinks by dropping steps."""
    seeds = st.integers(min_value=0, max_value=LARGEST_SEED)
    return st.lists(seeds, min_size=1, max_size=max_steps).map(history_of)


def source_documents(versions: Sequence[Version]) -> list[SourceDocument]:
    """Every version as the oracle reads it, had the store written it when intended."""
    return [SourceDocument(each.source, {**each.body, "_ts": each.written_at}) for each in versions]


def _one_version(random: Random, now: int, before: Sequence[Version]) -> Version:
    who = identity(random.randrange(SLOTS))
    fate = random.randrange(20)
    if fate == 0 and before:  # the same again, as a writer that touches a document does
        again = random.choice(before)
        return Version(again.source, again.body, now)
    body = valid_body(random, who, now)
    if fate <= 2:
        body |= random.choice(({"is_deleted": True}, {"deleted": True}))
    elif fate == 3:
        body["document_type"] = random.choice(
            ("weather_report", "User_Interaction", *pools.STAMPS[:2])
        )
    elif fate <= 6:
        body = spoiled(random, who.source, body)
    return Version(who.source, body, now)


def _busy_month(random: Random, now: int) -> list[Version]:
    """Enough sessions and interactions of one user for the higher engagement tiers."""
    user = random.choice(USERS)
    month = random.choice(("2024-12", "2025-01", "2025-02"))
    sessions, interactions = random.choice(((8, 0), (19, 30), (20, 20), (22, 60)))
    depth, rating = random.choice(((0.9, 5), (0.7, 5), (0.69, 4)))
    days = random.choice(((1, 8, 15, 22), (1, 8, 15), (1, 2)))
    versions = []
    for number in range(sessions):
        day = days[number % len(days)]
        body = {
            "document_type": "user_session",
            "start_time": f"{month}-{day:02}T10:00:{number:02}Z",
            "duration_seconds": 300 + number,
            "status": "completed",
            "content_depth_score": depth,
        }
        versions.append(_busy_version(SESSIONS, user, f"busy-session-{number}", body, now))
    for number in range(interactions):
        day = days[number % len(days)]
        body = {
            "document_type": "user_interaction",
            "timestamp": f"{month}-{day:02}T10:01:{number:02}Z",
            "user_rating": rating,
            "foundational_texts_used": ["Dhammapada 1.5"],
        }
        versions.append(_busy_version(INTERACTIONS, user, f"busy-{number}", body, now))
    return versions


def _busy_version(
    source: str, user: str, document_id: str, body: dict[str, Any], now: int
) -> Version:
    who = Identity(source, document_id, {"user_id": user}, user)
    return Version(source, {"id": who.id, **who.user_fields, **body}, now)
