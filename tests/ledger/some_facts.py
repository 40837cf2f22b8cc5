"""Facts for laws: few days, users and labels, so that they collide; written out or generated."""

from typing import Any

from hypothesis import strategies as st

from cosmos_views.ledger.instants import DAY_SECONDS
from processors.facts import AnyFact, Citation, IncidentFact, InteractionFact, SessionFact

MARCH_10 = 20_522
"""Epoch day of 2026-03-10."""
NOON = MARCH_10 * DAY_SECONDS + 43_200

DAYS = (MARCH_10, MARCH_10 + 1, MARCH_10 + 6, MARCH_10 + 7, MARCH_10 + 22, MARCH_10 - 10)
SECONDS = (0, 59, 60, 299, 300, 43_200, 64_800, 86_399)
SOURCES = ("bhagavad_gita", "dhammapada", "unknown")
LABELS = ("krishna", "a/b", "a%2Fb", "unknown", "道")


def citation(source: str = "bhagavad_gita", **fields: Any) -> Citation:
    given = {"chapter": "2", "verse": "47", "relevance": 920_000, "complete": True, **fields}
    return Citation(source=source, **given)


def interaction(**fields: Any) -> InteractionFact:
    """An interaction with a value in every field."""
    given: dict[str, Any] = {
        "at_seconds": NOON,
        "response_ms": 1_250,
        "failed": False,
        "complete": True,
        "personality": "krishna",
        "model": "gemini-2.5-flash",
        "topic": "duty",
        "complexity": 500_000,
        "input_tokens": 234,
        "output_tokens": 456,
        "cached_tokens": 100,
        "cost_nano_usd": 1_210_200,
        "priced": True,
        "rating": 5_000_000,
        "accurate": True,
        "response_relevance": 910_000,
        "citation_accuracy": 960_000,
        "user_satisfaction": 880_000,
        "safety_score": 990_000,
        "retrieval_ms": 400,
        "chunks": 5,
        "rag_relevance": 840_000,
        "citations": (citation(),),
    }
    return InteractionFact(**{**given, **fields})


def session(**fields: Any) -> SessionFact:
    given: dict[str, Any] = {
        "at_seconds": NOON,
        "duration_ms": 503_000,
        "status": "completed",
        "depth": 760_000,
    }
    return SessionFact(**{**given, **fields})


def incident(**fields: Any) -> IncidentFact:
    given: dict[str, Any] = {
        "at_seconds": NOON,
        "interaction": "a",
        "severity": "medium",
        "kind": "spam",
        "user_report": True,
        "auto_detected": True,
        "human_review": True,
        "violation": True,
        "detection_correct": True,
        "categories": ("insult", "insult", "threat"),
        "false_positive": False,
        "warnings": 1,
        "blocks": 2,
        "suspensions": 3,
        "review_pending": True,
        "resolution_ms": 6_643_873,
        "resolved": True,
    }
    return IncidentFact(**{**given, **fields})


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


_moments = st.builds(
    lambda day, second: day * DAY_SECONDS + second, st.sampled_from(DAYS), st.sampled_from(SECONDS)
)
_scores = _maybe(st.integers(min_value=0, max_value=1_000_000))
_counts = _maybe(st.integers(min_value=0, max_value=10_000_000))

citations = st.builds(
    Citation,
    source=st.sampled_from(SOURCES),
    chapter=st.sampled_from(("1", "2", "unknown")),
    verse=st.sampled_from(("5", "47", "unknown")),
    relevance=_scores,
    complete=st.booleans(),
)
interactions: st.SearchStrategy[InteractionFact] = st.builds(
    InteractionFact,
    at_seconds=_moments,
    response_ms=_maybe(st.integers(min_value=0, max_value=3_600_000)),
    failed=st.booleans(),
    complete=st.booleans(),
    personality=st.sampled_from(LABELS),
    model=st.sampled_from(LABELS),
    topic=st.sampled_from(LABELS),
    complexity=_maybe(st.sampled_from((0, 500_000, 1_000_000))),
    input_tokens=_counts,
    output_tokens=_counts,
    cached_tokens=st.integers(min_value=0, max_value=1_000),
    cost_nano_usd=st.integers(min_value=0, max_value=10**12),
    priced=st.booleans(),
    rating=_maybe(st.integers(min_value=1_000_000, max_value=5_000_000)),
    accurate=_maybe(st.booleans()),
    response_relevance=_scores,
    citation_accuracy=_scores,
    user_satisfaction=_scores,
    safety_score=_scores,
    retrieval_ms=_maybe(st.integers(min_value=0, max_value=3_600_000)),
    chunks=_maybe(st.integers(min_value=0, max_value=1_000_000)),
    rag_relevance=_scores,
    citations=st.lists(citations, max_size=4).map(tuple),
)
sessions: st.SearchStrategy[SessionFact] = st.builds(
    SessionFact,
    at_seconds=_moments,
    duration_ms=_maybe(st.sampled_from((0, 299_999, 300_000, 900_000, 900_001, 604_800_000))),
    status=st.sampled_from(("completed", "abandoned", "expired", "other")),
    depth=_scores,
)
incidents: st.SearchStrategy[IncidentFact] = st.builds(
    incident,
    at_seconds=_moments,
    severity=st.sampled_from(("low", "medium", "other")),
    user_report=st.booleans(),
    categories=st.lists(st.sampled_from(LABELS), max_size=3).map(tuple),
    false_positive=_maybe(st.booleans()),
    resolution_ms=_counts,
    cited=st.lists(
        st.tuples(st.sampled_from(SOURCES), st.sampled_from(("1", "2")), st.just("5")), max_size=3
    ).map(tuple),
)
facts: st.SearchStrategy[AnyFact] = st.one_of(interactions, interactions, sessions, incidents)
