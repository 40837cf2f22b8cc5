"""daily_metrics: one document per UTC day (views.md, section 2)."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ledger.facts import Fact, IncidentFact, InteractionFact, SessionFact
from ledger.instants import (
    DAY_SECONDS,
    MINUTE_SECONDS,
    WINDOW_SECONDS,
    day_label,
    day_of_label,
    window_label,
)
from ledger.labels import UNKNOWN, underscored
from ledger.users import User
from materializers import alerts, histogram
from materializers.measures import Contribution, Measures
from materializers.rendering import (
    MINUTE_MS,
    labelled,
    mean_score,
    ratio,
    row_of,
    usd,
)
from materializers.view import Partials, Reads, Touched, View

RETENTION_DAYS = 7
"""A user is retained on a day when also active on one of this many days before."""

_WINDOWS_PER_DAY = DAY_SECONDS // WINDOW_SECONDS
_MINUTES_PER_WINDOW = WINDOW_SECONDS // MINUTE_SECONDS


class Interactions(NamedTuple):
    """Cell `interactions` of a day: sums over its interactions."""

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
    """Cell `personality/{personality}` of a day."""

    requests: int = 0
    rating: int = 0
    ratings: int = 0
    response_ms: int = 0
    responses: int = 0


class Model(NamedTuple):
    """Cell `model/{model id}` of a day; tokens over interactions with both counts."""

    requests: int = 0
    unpriced: int = 0
    cost_nano_usd: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    token_counts: int = 0
    quality: int = 0
    qualities: int = 0


class Sessions(NamedTuple):
    """Cell `sessions` of a day."""

    started: int = 0
    duration_ms: int = 0
    durations: int = 0
    completed: int = 0
    ended: int = 0


class Incidents(NamedTuple):
    """Cell `incidents` of a day."""

    incidents: int = 0
    user_reports: int = 0
    auto_detected: int = 0
    human_reviews: int = 0
    violations: int = 0
    correct: int = 0
    assessed: int = 0


class Users(NamedTuple):
    """Cell `users` of a day: what follows from whole histories, not from single facts."""

    active: int = 0
    new: int = 0
    retained: int = 0
    source_pairs: int = 0
    discovered_pairs: int = 0


def of_fact(fact: Fact) -> Iterable[Contribution]:
    """What one fact adds to its day, and one interaction to the second it happened in."""
    day = _day_key(fact.day)
    if isinstance(fact, InteractionFact):
        return _of_interaction(day, fact)
    if isinstance(fact, SessionFact):
        return [(day, "sessions", _sessions(fact))]
    return [(day, "incidents", _incidents(fact))]


def _of_interaction(day: str, fact: InteractionFact) -> Iterator[Contribution]:
    yield day, "interactions", _interactions(fact)
    response_ms, responses = _sum_and_count(fact.response_ms)
    rating, ratings = _sum_and_count(fact.rating)
    yield (
        day,
        f"personality/{fact.personality}",
        Personality(1, rating, ratings, response_ms, responses),
    )
    yield day, f"model/{fact.model}", _model(fact)
    if fact.response_ms is not None:
        yield day, f"response/{histogram.bucket_of(fact.response_ms)}", (1,)
    for citation in fact.citations:
        yield day, f"text/{citation.source}", (1,)
    yield _window_key(fact.window), f"second/{fact.at_seconds % WINDOW_SECONDS}", (1,)


def _interactions(fact: InteractionFact) -> Interactions:
    relevances = [
        citation.relevance for citation in fact.citations if citation.relevance is not None
    ]
    return Interactions(
        1,
        int(fact.failed),
        int(fact.complete),
        *_sum_and_count(fact.response_ms),
        len(fact.citations),
        sum(relevances),
        len(relevances),
        *_sum_and_count(fact.rating),
        int(fact.accurate is True),
        int(fact.accurate is not None),
        *_sum_and_count(fact.safety_score),
        *_sum_and_count(fact.citation_accuracy),
        *_sum_and_count(fact.response_relevance),
        *_sum_and_count(fact.retrieval_ms),
        *_sum_and_count(fact.chunks),
        *_sum_and_count(fact.rag_relevance),
    )


def _model(fact: InteractionFact) -> Model:
    counted = fact.input_tokens is not None and fact.output_tokens is not None
    return Model(
        1,
        int(not fact.priced),
        fact.cost_nano_usd,
        (fact.input_tokens or 0) if counted else 0,
        (fact.output_tokens or 0) if counted else 0,
        int(counted),
        *_sum_and_count(fact.response_relevance),
    )


def _sessions(fact: SessionFact) -> Sessions:
    duration_ms, durations = _sum_and_count(fact.duration_ms)
    completed, ended = int(fact.status == "completed"), int(fact.status != "other")
    return Sessions(1, duration_ms, durations, completed, ended)


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


def _sum_and_count(value: int | None) -> tuple[int, int]:
    return (0, 0) if value is None else (value, 1)


def of_user(user: User, touched: Touched) -> Iterator[Contribution]:
    """What one user's history adds: distinct users, first days, retention, minutes."""
    for day in touched.days:
        counts = user.day(day)
        if counts is None or not counts.active:
            continue
        yield _day_key(day), "users", Users(active=1, source_pairs=len(counts.sources))
        for minute in counts.minutes:
            window, place = divmod(minute, _MINUTES_PER_WINDOW)
            yield _window_key(day * _WINDOWS_PER_DAY + window), f"minute/{place}", (1,)
    for day in {day + later for day in touched.days for later in range(RETENTION_DAYS + 1)}:
        if user.active(day) and any(
            user.active(day - earlier) for earlier in range(1, RETENTION_DAYS + 1)
        ):
            yield _day_key(day), "users", Users(retained=1)
    if user.first_day is not None:
        yield _day_key(user.first_day), "users", Users(new=1)
    for source in touched.sources:
        first = user.hot.firsts.get(source)
        if first is not None:
            yield _day_key(first), "users", Users(discovered_pairs=1)


def keys_of(state_key: str) -> Iterable[str]:
    """A day is published when its own measures change, or those of a window in it.

    Retention, new users and discovery of neighbouring days are measures of those days, so a change
    there names them by itself.
    """
    grain, _, label = state_key.partition(":")
    return [label[:8]] if grain in ("day", "window") else []


def reads(day: str) -> Reads:
    """The day's own partial, and its windows for the peaks."""
    following = day_label(day_of_label(day) + 1)
    return Reads(keys=(f"day:{day}",), ranges=((f"window:{day}", f"window:{following}"),))


def render(day: str, partials: Partials) -> dict[str, Any] | None:
    """The document of one day; None when no interaction, session or incident is counted."""
    measures = partials.get(f"day:{day}", {})
    total = row_of(Interactions, measures, "interactions")
    sessions = row_of(Sessions, measures, "sessions")
    incidents = row_of(Incidents, measures, "incidents")
    users = row_of(Users, measures, "users")
    if not (total.requests or sessions.started or incidents.incidents):
        return None
    models = list(_models(measures))
    responses = {int(bucket): row[0] for bucket, row in labelled(measures, "response")}
    return {
        "date": f"{day[:4]}-{day[4:6]}-{day[6:]}",
        "system_performance": {
            "avg_response_time_ms": ratio(total.response_ms, total.responses),
            "p95_response_time_ms": histogram.percentile_ms(responses, 95),
            "p99_response_time_ms": histogram.percentile_ms(responses, 99),
            "total_requests": total.requests,
            "successful_requests": total.requests - total.failed,
            "error_rate": ratio(total.failed, total.requests),
            "availability_percent": ratio(100 * (total.requests - total.failed), total.requests),
        },
        "usage_statistics": {
            "active_users": users.active,
            "new_users": users.new,
            "total_sessions": sessions.started,
            "total_interactions": total.requests,
            "avg_session_duration_min": ratio(sessions.duration_ms, sessions.durations * MINUTE_MS),
            "peak_rps": _peak(partials, "second"),
            "peak_concurrent_users": _peak(partials, "minute"),
        },
        "content_performance": {
            "total_citations": total.citations,
            "unique_texts_accessed": sum(1 for _ in labelled(measures, "text")),
            "avg_citation_relevance": mean_score(total.relevance, total.relevances),
            "content_discovery_rate": ratio(users.discovered_pairs, users.source_pairs),
        },
        "ai_performance": {
            "personalities_used": {
                name: _personality(Personality(*row))
                for name, row in labelled(measures, "personality")
            },
            "model_performance": _model_performance(models),
            "total_cost_usd": usd(sum(model.cost_nano_usd for _, model in models)),
            "rag_performance": {
                "avg_retrieval_time_ms": ratio(total.retrieval_ms, total.retrievals),
                "avg_chunks_retrieved": ratio(total.chunks, total.chunk_counts),
                "avg_relevance_score": mean_score(total.rag_relevance, total.rag_relevances),
                "citation_accuracy": mean_score(total.citation_accuracy, total.citation_accuracies),
            },
        },
        "quality_metrics": {
            "user_satisfaction_avg": mean_score(total.rating, total.ratings),
            "content_accuracy_score": ratio(total.accurate, total.assessed),
            "safety_score": mean_score(total.safety_score, total.safety_scores),
            "citation_accuracy": mean_score(total.citation_accuracy, total.citation_accuracies),
            "response_relevance": mean_score(total.response_relevance, total.response_relevances),
        },
        "safety_metrics": {
            "total_abuse_reports": incidents.user_reports,
            "auto_flagged_content": incidents.auto_detected,
            "human_reviews_required": incidents.human_reviews,
            "safety_violations": incidents.violations,
            "content_moderation_accuracy": ratio(incidents.correct, incidents.assessed),
        },
        "business_metrics": {
            "session_completion_rate": ratio(sessions.completed, sessions.ended),
            "user_retention_rate": ratio(users.retained, users.active),
        },
        "alerts": alerts.raised(
            failed=total.failed,
            requests=total.requests,
            response_ms=total.response_ms,
            responses=total.responses,
            rating=total.rating,
            ratings=total.ratings,
        ),
        "data_completeness": ratio(total.complete, total.requests),
    }


def _peak(partials: Partials, prefix: str) -> int:
    """The most counted in one second, or of distinct users in one minute, of all windows."""
    return max(
        (
            row[0]
            for key, measures in partials.items()
            if key.startswith("window:")
            for _, row in labelled(measures, prefix)
        ),
        default=0,
    )


def _personality(cell: Personality) -> dict[str, Any]:
    return {
        "requests": cell.requests,
        "satisfaction": mean_score(cell.rating, cell.ratings),
        "response_time": ratio(cell.response_ms, cell.responses),
    }


def _models(measures: Measures) -> Iterator[tuple[str, Model]]:
    for model, row in labelled(measures, "model"):
        yield model, Model(*row)


def _model_performance(models: list[tuple[str, Model]]) -> dict[str, Any]:
    """Per key, which is the model id without punctuation; ids sharing a key are summed."""
    by_key: dict[str, list[tuple[str, Model]]] = {}
    for name, cell in models:
        by_key.setdefault(underscored(name) or UNKNOWN, []).append((name, cell))
    return {key: _model_cell(sharing) for key, sharing in by_key.items()}


def _model_cell(sharing: list[tuple[str, Model]]) -> dict[str, Any]:
    name = min(sharing, key=lambda model: (-model[1].requests, model[0]))[0]
    cell = Model(*(sum(places) for places in zip(*(row for _, row in sharing), strict=True)))
    return {
        "model": name,
        "requests": cell.requests,
        "avg_tokens_input": ratio(cell.input_tokens, cell.token_counts),
        "avg_tokens_output": ratio(cell.output_tokens, cell.token_counts),
        "total_tokens_input": cell.input_tokens,
        "total_tokens_output": cell.output_tokens,
        "cost_usd": usd(cell.cost_nano_usd),
        "unpriced_requests": cell.unpriced,
        "quality_score": mean_score(cell.quality, cell.qualities),
    }


def _day_key(day: int) -> str:
    return f"day:{day_label(day)}"


def _window_key(window: int) -> str:
    return f"window:{window_label(window)}"


VIEW = View(
    name="daily_metrics",
    partition_key="date",
    pace_seconds=60,
    ttl_seconds=31_536_000,
    calculation_version="1",
    of_fact=of_fact,
    of_user=of_user,
    keys_of=keys_of,
    starts_at_seconds=lambda day: day_of_label(day) * DAY_SECONDS,
    reads=reads,
    document_id=lambda day: f"daily_metrics_{day}",
    partition=lambda day: f"{day[:4]}-{day[4:6]}-{day[6:]}",
    render=render,
)
