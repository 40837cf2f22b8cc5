"""Section 6: the incidents of a month by the source that their interaction cited."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.arithmetic import growth, mean, ranked, ratio, shown
from tests.oracle.citations import Citation
from tests.oracle.incidents import Incident
from tests.oracle.periods import compact_month, has_begun, month_of, next_month, previous_month
from tests.oracle.view_ids import encoded, shortened
from tests.oracle.world import World

Document = dict[str, Any]
Joined = tuple[Incident, list[Citation]]
"""An incident under one source, with the citations of that source in its interaction."""

TTL_SECONDS = 2_592_000
UNATTRIBUTED = "unattributed"
SEVERITIES = ("low", "medium", "high", "critical")
TYPES = ("inappropriate_query", "spam", "harassment", "misinformation")


def incidents_by_content(world: World, now_seconds: int) -> Iterator[Document]:
    for month in sorted({month_of(day) for day in world.incidents}):
        if not has_begun(month, now_seconds):
            continue
        before = _by_source(world, previous_month(month))
        for source, joined in sorted(_by_source(world, month).items()):
            yield _document(source, month, joined, len(before.get(source, ())))


def _by_source(world: World, month: date) -> dict[str, list[Joined]]:
    """Each incident once under every distinct source cited by its interaction."""
    by_source: dict[str, list[Joined]] = defaultdict(list)
    for incident in world.incidents_of(world.days_of_month(month)):
        interaction = world.interaction_of(incident)
        citations = interaction.citations if interaction is not None else ()
        for source in {citation.source for citation in citations} or {UNATTRIBUTED}:
            cited = [citation for citation in citations if citation.source == source]
            by_source[source].append((incident, cited))
    return by_source


def _document(source: str, month: date, joined: Sequence[Joined], before: int) -> Document:
    incidents = [incident for incident, _ in joined]
    return {
        "id": shortened(f"incidents_{encoded(source)}_{compact_month(month)}"),
        "document_type": "incidents_by_content",
        "source": source,
        "ttl": TTL_SECONDS,
        "time_period": "monthly",
        "period_start": month.isoformat(),
        "period_end": next_month(month).isoformat(),
        "incident_summary": {
            "total_incidents": len(incidents),
            "by_severity": _by_vocabulary([each.severity for each in incidents], SEVERITIES),
            "by_type": _by_vocabulary([each.incident_type for each in incidents], TYPES),
        },
        "content_analysis": _content_analysis(joined),
        "moderation_actions": _moderation_actions(incidents),
        "trend_analysis": {
            "incident_growth_rate": shown(growth(len(incidents), before)),
            "resolution_efficiency": shown(
                ratio(sum(each.has_resolution_time for each in incidents), len(incidents))
            ),
        },
        "sample_size": len(incidents),
    }


def _by_vocabulary(values: Sequence[str | None], vocabulary: Sequence[str]) -> dict[str, int]:
    known = {word: values.count(word) for word in vocabulary}
    return {**known, "other": len(values) - sum(known.values())}


def _content_analysis(joined: Sequence[Joined]) -> Document:
    incidents = [incident for incident, _ in joined]
    citations = [citation for _, cited in joined for citation in cited]
    categories = [category for each in incidents for category in each.violation_categories]
    decisions = [each.review_decision for each in incidents if each.review_decision is not None]
    return {
        "most_flagged_chapters": ranked(Counter(each.chapter for each in citations), top=3),
        "flagged_verses": ranked(Counter(each.verse_label for each in citations), top=10),
        "common_violation_patterns": ranked(Counter(categories), top=3),
        "false_positive_rate": shown(ratio(decisions.count("false_positive"), len(decisions))),
    }


def _moderation_actions(incidents: Sequence[Incident]) -> Document:
    actions = Counter(action for each in incidents for action in each.action_types)
    resolution_ms = mean(each.resolution_ms for each in incidents)
    return {
        "warnings_issued": actions["warning_issued"],
        "content_blocked": actions["content_blocked"],
        "accounts_suspended": actions["account_suspended"],
        "manual_reviews_pending": sum(
            each.review_status in ("pending_human_review", "under_investigation")
            for each in incidents
        ),
        "avg_resolution_time_hours": None
        if resolution_ms is None
        else shown(Fraction(resolution_ms, 3_600_000)),
    }
