"""Ways to make a valid document invalid: one field, one wrong value."""

from copy import deepcopy
from random import Random
from typing import Any

from tests.generators.identities import INCIDENTS, INTERACTIONS, SESSIONS

Path = tuple[str, ...]

EVERYWHERE: list[tuple[Path, Any]] = [
    (("document_type",), 7),
    (("userId",), 42),
    (("partition_key",), ["p"]),
    (("partition_key",), "p" * 901),
    (("created_at",), "soon"),
    (("created_at",), "2025-01-01T24:00:01Z"),
    (("created_at",), "2025-01-01T00:00:00+24:00"),
    (("schema_version",), 2),
    (("schema_version",), 1.5),
    (("schema_version",), "1"),
    (("type",), False),
]
BY_SOURCE: dict[str, list[tuple[Path, Any]]] = {
    INTERACTIONS: [
        (("timestamp",), "2025-01-01"),
        (("timestamp",), "2025-02-29T00:00:00Z"),
        (("timestamp",), "1969-12-31T23:59:59Z"),
        (("timestamp",), "2999-01-01T00:00:00Z"),
        (("timestamp",), True),
        (("cost_data", "timestamp"), "soon"),
        (("response_time_ms",), "1250"),
        (("response_time_ms",), ""),
        (("response_time_ms",), -0.1),
        (("response_time_ms",), 3_600_000.1),
        (("processing_stages", "content_retrieval_ms"), False),
        (("cost_data", "input_tokens"), 1.5),
        (("cost_data", "output_tokens"), 10_000_001),
        (("context_data", "input_tokens"), -1),
        (("inputTokens",), "12"),
        (("cost_data",), {"input_tokens": 9, "cached_input_tokens": 8, "cache_write_tokens": 2}),
        (("cost_data", "cache_write_tokens"), 10_000_001),
        (("context_data", "cached_input_tokens"), 0.5),
        (("cachedInputTokens",), "12"),
        (("cost_data", "model_used"), 4),
        (("context_data",), []),
        (("rag_metadata", "chunks_retrieved"), 1_000_001),
        (("user_rating",), "5"),
        (("feedback_rating",), {}),
        (("quality_metrics", "safety_score"), 1.0000001),
        (("quality_metrics",), 0.9),
        (("user_feedback",), {"accurate": "yes"}),
        (("query_metadata", "query_category"), ["duty"]),
        (("query_metadata", "query_complexity"), 2),
        (("response_metadata", "personality_used"), {"name": "krishna"}),
        (("session_id",), 1),
        (("status",), 500),
        (("foundational_texts_used",), "Bhagavad Gita 2.47"),
        (("foundational_texts_used",), [2.47]),
        (("foundational_texts_used",), ["Gita 1.1", {"source": 7}]),
        (("foundational_texts_used",), [{"chapter": [2]}]),
        (("foundational_texts_used",), [None, {"verse": False}]),
        (("foundational_texts_used",), [{"relevance_score": 92}]),
    ],
    SESSIONS: [
        (("start_time",), "later"),
        (("start_time",), "2999-01-01T00:00:00Z"),
        (("end_time",), 10**18),
        (("duration_seconds",), -1),
        (("duration_seconds",), 604_800.001),
        (("duration_seconds",), "503"),
        (("content_depth_score",), 1.5),
        (("status",), True),
    ],
    INCIDENTS: [
        (("detection_metadata", "detection_timestamp"), "2999-01-01T00:00:00Z"),
        (("detection_metadata",), "automated_ml"),
        (("resolution", "resolution_timestamp"), "1970-01-01T00:00:00Z"),
        (("resolution", "final_decision"), 1),
        (("severity",), 3),
        (("incident_type",), ["spam"]),
        (("auto_detected",), "true"),
        (("interaction_id",), 77),
        (("flagged_content", "violation_categories"), "spam"),
        (("flagged_content", "violation_categories"), ["spam", 5]),
        (("actions_taken",), {"action_type": "warning_issued"}),
        (("actions_taken",), [{"action_type": 1}]),
        (("actions_taken",), ["", "warning_issued"]),
        (("feedback_data", "model_accuracy"), 1),
    ],
}


WIDE_CITATIONS = [{"source": "अ" * 100, "chapter": str(number)} for number in range(250)]
"""More than a dead letter may hold."""
WIDE_ONE_IN = 30


def spoiled(random: Random, source: str, body: dict[str, Any]) -> dict[str, Any]:
    """The document with one field made invalid; its partition key value stays."""
    path, value = random.choice(EVERYWHERE + 3 * BY_SOURCE[source])
    result: dict[str, Any] = deepcopy(body)
    holder = result
    for name in path[:-1]:
        if not isinstance(holder.get(name), dict):
            holder[name] = {}
        holder = holder[name]
    holder[path[-1]] = value
    if source == INTERACTIONS and "texts" not in path[0] and not random.randrange(WIDE_ONE_IN):
        result["foundational_texts_used"] = WIDE_CITATIONS
    if path[0] == "resolution":  # resolved before it was created needs a creation
        result["created_at"] = "2025-01-01T00:00:00Z"
    return result
