"""Grain `day:{YYYYMMDD}`: what happened on one UTC day."""

from collections.abc import Iterable
from typing import NamedTuple

from cosmos_views.ledger.instants import day_label
from cosmos_views.publish import histogram
from cosmos_views.publish.cells import ONE, Mean, cell_name, sum_and_count
from cosmos_views.publish.measures import Contribution, Row
from materializers.users.history import User
from materializers.users.touched import Touched
from processors.facts import AnyFact, IncidentFact, InteractionFact, SessionFact

RETENTION_DAYS = 7
"""A user is retained on a day when also active on one of this many days before."""


class Interactions(NamedTuple):
    """Cell `interactions`."""

    requests: int = 0
    failed: int = 0
    complete: int = 0
    response_ms: int = 0
    responses: int = 0
    citations: int = 0
    relevance: int = 0
    relevances: int = 0
    rating: int = 0
    ratings: int = 0
    accurate: int = 0
    assessed: int = 0
    safety_score: int = 0
    safety_scores: int = 0
    citation_accuracy: int = 0
    citation_accuracies: int = 0
    response_relevance: int = 0
    response_relevances: int = 0
    retrieval_ms: int = 0
    retrievals: int = 0
    chunks: int = 0
    chunk_counts: int = 0
    rag_relevance: int = 0
    rag_relevances: int = 0


class Personality(NamedTuple):
    """Cell `personality/{personality}`."""

    requests: int = 0
    rating: int = 0
    ratings: int = 0
    response_ms: int = 0
    responses: int = 0
    response_relevance: int = 0
    response_relevances: int = 0


class Model(NamedTuple):
    """Cell `model/{model id}`; tokens over interactions with both counts."""

    requests: int = 0
    unpriced: int = 0
    cost_nano_usd: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    token_counts: int = 0
    quality: int = 0
    qualities: int = 0


class Topic(NamedTuple):
    """Cell `topic/{topic}`."""

    queries: int = 0
    rating: int = 0
    ratings: int = 0


class Text(NamedTuple):
    """Cell `text/{source}`; ratings once per citing interaction, users distinct."""

    citations: int = 0
    users: int = 0
    rating: int = 0
    ratings: int = 0


class Sessions(NamedTuple):
    """Cell `sessions`."""

    started: int = 0
    duration_ms: int = 0
    durations: int = 0
    completed: int = 0
    ended: int = 0


class Incidents(NamedTuple):
    """Cell `incidents`."""

    incidents: int = 0
    user_reports: int = 0
    auto_detected: int = 0
    human_reviews: int = 0
    violations: int = 0
    correct: int = 0
    assessed: int = 0


class Users(NamedTuple):
    """Cell `users`: what follows from whole histories, not from single facts."""

    active: int = 0
    new: int = 0
    retained: int = 0
    source_pairs: int = 0
    discovered_pairs: int = 0


_CITING = Text(users=1)
_NEW, _RETAINED, _DISCOVERED = Users(new=1), Users(retained=1), Users(discovered_pairs=1)


def day_key(day: int) -> str:
    """The state key of an epoch day."""
    return f"day:{day_label(day)}"


def of_fact(fact: AnyFact) -> Iterable[Contribution]:
    """What one fact adds to its day. Cell `response/{bucket}` is the response-time histogram."""
    key = day_key(fact.day)
    if isinstance(fact, InteractionFact):
        return _of_interaction(key, fact)
    if isinstance(fact, SessionFact):
        return [(key, "sessions", _sessions(fact))]
    return [(key, "incidents", _incidents(fact))]


def _of_interaction(key: str, fact: InteractionFact) -> list[Contribution]:
    """Rows in the order of their classes, not built by name: a change has a dozen of them."""
    rating = sum_and_count(fact.rating)
    response = sum_and_count(fact.response_ms)
    relevance = sum_and_count(fact.response_relevance)
    found: list[Contribution] = [
        (key, "interactions", _interactions(fact, rating, response, relevance)),
        (
            key,
            cell_name("personality", fact.personality),
            (1, *rating, *response, *relevance),
        ),
        (key, cell_name("model", fact.model), _model(fact, relevance)),
        (key, cell_name("topic", fact.topic), (1, *rating)),
    ]
    if fact.response_ms is not None:
        found.append((key, f"response/{histogram.bucket_of(fact.response_ms)}", ONE))
    cited: dict[str, int] = {}
    for citation in fact.citations:
        cited[citation.source] = cited.get(citation.source, 0) + 1
    for source, citations in cited.items():
        found.append((key, cell_name("text", source), (citations, 0, *rating)))
    return found


def _interactions(fact: InteractionFact, rating: Mean, response: Mean, relevance: Mean) -> Row:
    """In the order of `Interactions`."""
    relevances = [
        citation.relevance for citation in fact.citations if citation.relevance is not None
    ]
    return (
        1,
        int(fact.failed),
        int(fact.complete),
        *response,
        len(fact.citations),
        sum(relevances),
        len(relevances),
        *rating,
        int(fact.accurate is True),
        int(fact.accurate is not None),
        *sum_and_count(fact.safety_score),
        *sum_and_count(fact.citation_accuracy),
        *relevance,
        *sum_and_count(fact.retrieval_ms),
        *sum_and_count(fact.chunks),
        *sum_and_count(fact.rag_relevance),
    )


def _model(fact: InteractionFact, relevance: Mean) -> Row:
    """In the order of `Model`."""
    counted = fact.input_tokens is not None and fact.output_tokens is not None
    return (
        1,
        int(not fact.priced),
        fact.cost_nano_usd,
        (fact.input_tokens or 0) if counted else 0,
        (fact.output_tokens or 0) if counted else 0,
        fact.cached_tokens if counted else 0,
        int(counted),
        *relevance,
    )


def _sessions(fact: SessionFact) -> Sessions:
    completed, ended = int(fact.status == "completed"), int(fact.status != "other")
    return Sessions(1, *sum_and_count(fact.duration_ms), completed, ended)


def _incidents(fact: IncidentFact) -> Incidents:
    return Incidents(
        1,
        int(fact.user_report),
        int(fact.auto_detected),
        int(fact.human_review),
        int(fact.violation),
        int(fact.detection_correct is True),
        int(fact.detection_correct is not None),
    )


def of_user(user: User, touched: Touched) -> Iterable[Contribution]:
    """What one user's history adds: distinct users, first days, retention."""
    found: list[Contribution] = []
    moved = [day for day in touched.days if day in touched.moved_days]
    for day in moved:
        counts = user.day(day)
        if counts is not None and counts.active:
            key = day_key(day)
            found.append((key, "users", Users(1, 0, 0, len(counts.sources))))
            for source in touched.sources:
                if source in counts.sources:
                    found.append((key, cell_name("text", source), _CITING))
    for day in _retained(user, moved):
        found.append((day_key(day), "users", _RETAINED))
    if touched.first_day and (first_day := user.first_day) is not None:
        found.append((day_key(first_day), "users", _NEW))
    for source in touched.sources:
        first = user.first_citation(source)
        if first is not None:
            found.append((day_key(first), "users", _DISCOVERED))
    return found


def _retained(user: User, moved: Iterable[int]) -> set[int]:
    """Days that depend on these, on which the user was retained."""
    found = set()
    for day in moved:
        # Bit 0 is the first day that this one is compared with.
        active = user.active_days(day - RETENTION_DAYS, 2 * RETENTION_DAYS + 1)
        if not active & active - 1:
            # On one day at most.
            continue
        for later in range(RETENTION_DAYS + 1):
            before = active >> later & (1 << RETENTION_DAYS) - 1
            if before and active >> later + RETENTION_DAYS & 1:
                found.add(day + later)
    return found
