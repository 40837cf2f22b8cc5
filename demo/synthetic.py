"""A believable day of synthetic traffic: sessions, interactions, incidents, in order of writing.

The same seed and day give the same documents. A seed's users are the same on every day, so several
days show returning users. Mostly design-shaped documents, some of the application writer's and of
usage tracking; some interactions fail, some are rated later, one is deleted at the end of the day.

    python -m demo.synthetic --seed 1 --day 2026-03-14 --interactions 400 --out day.jsonl
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from emulators.terminal import in_any_encoding

Document = dict[str, Any]
Write = tuple[str, Document]
"""(source container, document)"""

INTERACTIONS, SESSIONS, INCIDENTS = "user_interactions", "user_sessions", "abuse_incidents"

# Interactions by UTC hour: quiet nights, a morning rise, an evening peak.
HOURLY_WEIGHTS = (2, 1, 1, 1, 1, 2, 4, 7, 9, 9, 8, 8, 9, 8, 8, 8, 9, 10, 13, 15, 15, 12, 8, 4)

# Personality: its weight, and the texts it likes to cite with their last chapter and verse.
PERSONALITIES: dict[str, tuple[int, Sequence[tuple[str, int, int]]]] = {
    "krishna": (30, [("bhagavad_gita", 18, 47), ("bhagavad_gita_as_it_is", 18, 47)]),
    "buddha": (25, [("dhammapada", 26, 20)]),
    "marcus_aurelius": (18, [("meditations", 12, 36)]),
    "lao_tzu": (12, [("tao_te_ching", 81, 5)]),
    "einstein": (9, [("ideas_and_opinions", 5, 9), ("tao_te_ching", 81, 5)]),
    "lincoln": (6, [("collected_works", 8, 30), ("meditations", 12, 36)]),
}
# Model: its weight, and its typical response time in milliseconds.
MODELS = {
    "gemini-2.5-flash": (55, 1_100),
    "gpt-4o-mini": (25, 1_400),
    "anthropic/claude-sonnet-4-20250514": (14, 2_300),
    "openrouter/openai/gpt-4o": (4, 1_900),
    "house-finetune-v2": (2, 700),
}
TOPICS = {
    "duty_and_purpose": 24,
    "leadership_guidance": 18,
    "dealing_with_loss": 16,
    "anger": 12,
    "meditation_practice": 11,
    "relationships": 10,
    "fear_of_failure": 6,
    "science_and_faith": 3,
}
SHAPES = {"design": 85, "writer": 10, "usage": 5}
INTERACTIONS_PER_USER = 6
LONGEST_SESSION = 9
SHARE_ANONYMOUS = 0.04
SHARE_FAILED = 0.015
SHARE_CITED = 0.86
SHARE_RATED = 0.35
SHARE_RATED_LATER = 0.06
SHARE_INCIDENTS = 0.012


@dataclass(frozen=True)
class _Visit:
    """One user's session and what it is made of."""

    session_id: str
    user: str | None
    personality: str
    start: datetime
    interactions: int


def traffic(seed: int, day: date, interactions: int) -> Iterator[Write]:
    """Exactly `interactions` interaction documents, and later versions of some of them."""
    return (write for _, write in timed_traffic(seed, day, interactions))


def timed_traffic(seed: int, day: date, interactions: int) -> list[tuple[datetime, Write]]:
    """The same, each with the moment of writing."""
    random = Random(f"{seed} {day}")
    writes: list[tuple[datetime, Write]] = []
    asked: list[tuple[datetime, Document]] = []
    for visit in _visits(random, _users(seed, interactions), day, interactions):
        at = visit.start
        for number in range(visit.interactions):
            at += timedelta(milliseconds=random.randint(8_000, 150_000))
            document = _interaction(random, visit, at, number + 1)
            asked.append((at, document))
        end = at + timedelta(milliseconds=random.randint(5_000, 90_000))
        writes += _session_writes(random, visit, end)
    for at, document in asked:
        writes.append((at, (INTERACTIONS, document)))
        if random.random() < SHARE_RATED_LATER:
            later = at + timedelta(minutes=random.randint(1, 30))
            writes.append((later, (INTERACTIONS, {**document, "user_rating": 5})))
        if random.random() < SHARE_INCIDENTS:
            writes.append((at + timedelta(seconds=1), (INCIDENTS, _incident(random, document, at))))
    if asked:
        last = max(at for at, _ in asked)
        _, regretted = random.choice(asked)
        deleted = {**regretted, "is_deleted": True, "user_query": "", "response_text": ""}
        writes.append((last + timedelta(hours=1), (INTERACTIONS, deleted)))
    writes.sort(key=lambda write: write[0])
    return writes


def _users(seed: int, interactions: int) -> list[str]:
    random = Random(f"{seed} users")
    return [_uuid(random) for _ in range(max(2, interactions // INTERACTIONS_PER_USER))]


def _visits(random: Random, users: Sequence[str], day: date, interactions: int) -> Iterator[_Visit]:
    """A few users come often, most rarely; visits keep to the hours of the day."""
    favourites = {user: _weighted(random, PERSONALITIES) for user in users}
    left = interactions
    while left:
        user = users[min(int(random.expovariate(4 / len(users))), len(users) - 1)]
        length = min(left, LONGEST_SESSION, 1 + int(random.expovariate(0.5)))
        left -= length
        hour = random.choices(range(24), HOURLY_WEIGHTS)[0]
        # The last session of the day is over by midnight.
        minute = random.randrange(60) if hour < 23 else random.randrange(25)
        start = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) + timedelta(
            milliseconds=random.randrange(60_000)
        )
        loyal = random.random() < 0.7
        yield _Visit(
            session_id=f"session_{user[:8]}_{start:%Y%m%d_%H%M%S}",
            user=None if random.random() < SHARE_ANONYMOUS else user,
            personality=favourites[user] if loyal else _weighted(random, PERSONALITIES),
            start=start,
            interactions=length,
        )


def _session_writes(
    random: Random, visit: _Visit, end: datetime
) -> Iterator[tuple[datetime, Write]]:
    """Written when it starts, and again when it has ended."""
    opened = {
        "id": visit.session_id,
        "user_id": visit.user,
        "document_type": "user_session",
        "session_id": visit.session_id,
        "start_time": _iso(visit.start),
        "status": "active",
        "created_at": _iso(visit.start),
    }
    closed = {
        **opened,
        "end_time": _iso(end),
        "duration_seconds": (end - visit.start) // timedelta(seconds=1),
        "status": random.choices(("completed", "abandoned", "expired"), (78, 14, 8))[0],
        "interaction_count": visit.interactions,
        "content_depth_score": _score(random, 0.6),
        "updated_at": _iso(end),
    }
    yield visit.start, (SESSIONS, opened)
    yield end, (SESSIONS, closed)


def _interaction(random: Random, visit: _Visit, at: datetime, number: int) -> Document:
    model = _weighted(random, MODELS)
    failed = random.random() < SHARE_FAILED
    typical_ms = MODELS[model][1]
    response_ms = round(random.lognormvariate(0, 0.35) * typical_ms * (4 if failed else 1))
    tokens = (random.randint(120, 900), 0 if failed else random.randint(80, 700))
    citations = _citations(random, visit.personality)
    shape = _weighted(random, SHAPES)
    interaction_id = _uuid(random)
    document: Document = {
        "id": f"interaction_{interaction_id}",
        "user_id": visit.user,
        "timestamp": _iso(at),
    }
    if shape == "usage":
        return {
            **document,
            "type": "usage_tracking",
            "userId": visit.user,
            "sessionId": visit.session_id,
            "personality": visit.personality,
            "model": model,
            "inputTokens": tokens[0],
            "outputTokens": tokens[1],
        }
    document |= {"session_id": visit.session_id, "response_time_ms": response_ms}
    if failed:
        document |= {"status": "failed", "error_message": "The model did not answer in time."}
    else:
        document["foundational_texts_used"] = citations
        if random.random() < SHARE_RATED:
            rating = random.choices((1, 2, 3, 4, 5), (3, 5, 12, 35, 45))[0]
            document["feedback_rating" if shape == "writer" else "user_rating"] = rating
    if shape == "writer":
        return {
            **document,
            "document_type": "interaction",
            "personality_id": visit.personality,
            "context_data": {
                "model_used": model,
                "input_tokens": tokens[0],
                "output_tokens": tokens[1],
            },
        }
    document |= {
        "document_type": "user_interaction",
        "interaction_id": interaction_id,
        "sequence_number": number,
        "user_query": "(synthetic question)",
        "response_text": "(synthetic answer)",
        "processing_stages": {
            "query_understanding_ms": response_ms // 10,
            "content_retrieval_ms": response_ms * 3 // 10,
            "generation_ms": response_ms // 2,
            "post_processing_ms": response_ms // 10,
        },
        "query_metadata": {
            "query_complexity": random.choices(("low", "medium", "high"), (30, 50, 20))[0],
            "query_category": _weighted(random, TOPICS),
        },
        "response_metadata": {"personality_used": visit.personality, "model_used": model},
        "rag_metadata": {
            "chunks_retrieved": random.randint(2, 8),
            "avg_relevance_score": _score(random, 0.8),
        },
        "cost_data": {
            "input_tokens": tokens[0],
            "output_tokens": tokens[1],
            "model_used": model,
            "timestamp": _iso(at),
        },
        "created_at": _iso(at),
    }
    if not failed:
        document["quality_metrics"] = {
            "response_relevance": _score(random, 0.88),
            "citation_accuracy": _score(random, 0.93),
            "user_satisfaction": _score(random, 0.85),
            "safety_score": _score(random, 0.98),
        }
        if random.random() < 0.2:
            document["user_feedback"] = {"accurate": random.random() < 0.94}
    return document


def _citations(random: Random, personality: str) -> list[Any]:
    if random.random() > SHARE_CITED:
        return []
    return [_citation(random, personality) for _ in range(random.choice((1, 1, 1, 2, 3)))]


def _citation(random: Random, personality: str) -> Any:
    source, last_chapter, last_verse = random.choice(PERSONALITIES[personality][1])
    # Readers return to the same verses.
    chapter = 1 + min(int(random.expovariate(3 / last_chapter)), last_chapter - 1)
    verse = 1 + min(int(random.expovariate(4 / last_verse)), last_verse - 1)
    if random.random() < 0.08:
        return f"{source.replace('_', ' ').title()} {chapter}.{verse}"
    citation: Document = {
        "source": source,
        "chapter": str(chapter),
        "verse": str(verse),
        "relevance_score": _score(random, 0.85),
    }
    if random.random() < 0.8:
        citation["citation_text"] = "(synthetic quotation)"
    return citation


def _incident(random: Random, interaction: Document, at: datetime) -> Document:
    detected = at + timedelta(seconds=1)
    reported = random.random() < 0.25
    kinds = ("inappropriate_query", "spam", "harassment", "misinformation")
    document: Document = {
        "id": f"abuse_incident_{_uuid(random)[:12]}",
        "user_id": interaction["user_id"],
        "document_type": "abuse_incident",
        "interaction_id": interaction["id"],
        "incident_type": random.choices(kinds, (50, 20, 20, 10))[0],
        "severity": random.choices(("low", "medium", "high", "critical"), (45, 38, 14, 3))[0],
        "auto_detected": not reported,
        "flagged_content": {
            "violation_categories": random.sample(("harassment", "insult", "profanity"), 2)
        },
        "detection_metadata": {
            "detection_method": "user_report" if reported else "automated_ml",
            "detection_timestamp": _iso(detected),
        },
        "actions_taken": [{"action_type": random.choice(("warning_issued", "content_blocked"))}],
        "review_status": random.choice(("pending_human_review", "closed")),
        "created_at": _iso(detected),
    }
    if document["review_status"] == "closed":
        confirmed = random.random() < 0.8
        document |= {
            "review_decision": "confirmed_violation" if confirmed else "false_positive",
            "resolution": {
                "final_decision": "confirmed_violation" if confirmed else "dismissed",
                "resolution_timestamp": _iso(detected + timedelta(minutes=random.randint(5, 300))),
            },
            "feedback_data": {
                "model_accuracy": "correct_detection" if confirmed else "false_alarm"
            },
        }
    return document


def _weighted(random: Random, choices: dict[str, Any]) -> str:
    """One of the keys; a value is its weight or begins with it."""
    weights = [each[0] if isinstance(each, tuple) else each for each in choices.values()]
    return random.choices(list(choices), weights)[0]


def _score(random: Random, typical: float) -> float:
    return round(min(1.0, max(0.0, random.gauss(typical, 0.07))), 2)


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.synthetic", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--day", type=date.fromisoformat, default=datetime.now(UTC).date())
    parser.add_argument("--interactions", type=int, default=400)
    parser.add_argument("--out", type=Path, help="a JSON lines file; standard output when absent")
    in_any_encoding()
    options = parser.parse_args(arguments)
    writes = traffic(options.seed, options.day, options.interactions)
    lines = "".join(
        json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
        for _source, document in writes
    )
    if options.out is None:
        sys.stdout.write(lines)
    else:
        options.out.write_text(lines, encoding="utf-8")
        print(f"{lines.count(chr(10))} documents written to {options.out}")


if __name__ == "__main__":
    main()
