"""incidents_by_content: incidents by the source they concern, per month (views.md, section 6)."""

from collections.abc import Iterable, Mapping
from typing import Any

from cosmos_views.ledger.instants import next_month, previous_month
from cosmos_views.ledger.labels import bounded_id, in_id
from cosmos_views.publish.measures import Row
from cosmos_views.publish.rendering import (
    growth,
    labelled,
    month_of,
    month_starts_at_seconds,
    period,
    ratio,
    row_of,
    top,
)
from cosmos_views.publish.view import SYMBOL, Inputs, Reads, View
from materializers.grains.incident_month import IncidentMonth

SEVERITIES = ("low", "medium", "high", "critical", "other")
KINDS = ("inappropriate_query", "spam", "harassment", "misinformation", "other")
CHAPTERS_MOST, VERSES_MOST, PATTERNS_MOST = 3, 10, 3
HOUR_MS = 3_600_000


def keys_of(state_key: str) -> Iterable[str]:
    """The source's month; and every source of the next, which is compared with it.

    That is a symbol: one by one, many distinct sources would fill the head until the month begins.
    """
    grain, _, rest = state_key.partition(":")
    if grain != "incident-month":
        return []
    month, _, source = rest.partition(":")
    return [f"{month}:{source}", f"{SYMBOL}{next_month(month)}"]


def reads(key: str) -> Reads:
    """The source's month and the one before; for a symbol all sources of the month."""
    if key.startswith(SYMBOL):
        month = f"incident-month:{key[len(SYMBOL) :]}"
        # Behind every state key that begins with the month and a colon.
        return Reads(ranges=((f"{month}:", f"{month};"),))
    return Reads(keys=(_state_key(_month(key), key), _state_key(previous_month(_month(key)), key)))


def expand(symbol: str, inputs: Inputs) -> list[str]:
    """Every source with an incident in the month."""
    month = symbol[len(SYMBOL) :]
    return [f"{month}:{source}" for source in sorted(inputs.under(f"incident-month:{month}:"))]


def render(key: str, inputs: Inputs) -> dict[str, Any] | None:
    """The document of one source and month; None without an incident."""
    month = _month(key)
    measures = inputs.of(_state_key(month, key))
    total = row_of(IncidentMonth, measures, "incidents")
    before = row_of(IncidentMonth, inputs.of(_state_key(previous_month(month), key)), "incidents")
    if not total.incidents:
        return None
    severities, kinds = _counts(measures, "severity"), _counts(measures, "kind")
    return {
        "source": _source(key),
        "time_period": "monthly",
        "incident_summary": {
            "total_incidents": total.incidents,
            "by_severity": {name: severities.get(name, 0) for name in SEVERITIES},
            "by_type": {name: kinds.get(name, 0) for name in KINDS},
        },
        "content_analysis": {
            "most_flagged_chapters": top(_counts(measures, "chapter"), CHAPTERS_MOST),
            "flagged_verses": top(_counts(measures, "verse"), VERSES_MOST),
            "common_violation_patterns": top(_counts(measures, "category"), PATTERNS_MOST),
            "false_positive_rate": ratio(total.false_positives, total.decided),
        },
        "moderation_actions": {
            "warnings_issued": total.warnings,
            "content_blocked": total.blocks,
            "accounts_suspended": total.suspensions,
            "manual_reviews_pending": total.reviews_pending,
            "avg_resolution_time_hours": ratio(total.resolution_ms, total.resolutions * HOUR_MS),
        },
        "trend_analysis": {
            "incident_growth_rate": growth(total.incidents, before.incidents),
            "resolution_efficiency": ratio(total.resolved, total.incidents),
        },
        "sample_size": total.incidents,
        **period(month),
    }


def _counts(measures: Mapping[str, Row], kind: str) -> dict[str, int]:
    return {name: row[0] for name, row in labelled(measures, kind)}


def _state_key(month: str, key: str) -> str:
    return f"incident-month:{month}:{_source(key)}"


def _month(key: str) -> str:
    return key.partition(":")[0]


def _source(key: str) -> str:
    return key.partition(":")[2]


VIEW = View(
    name="incidents_by_content",
    partition_key="source",
    pace_seconds=300,
    ttl_seconds=2_592_000,
    calculation_version="1",
    keys_of=keys_of,
    starts_at_seconds=lambda key: month_starts_at_seconds(key.removeprefix(SYMBOL)[:6]),
    reads=reads,
    document_id=lambda key: bounded_id(f"incidents_{in_id(_source(key))}_{_month(key)}"),
    partition=_source,
    key_of=lambda document: f"{month_of(document)}:{document['source']}",
    render=render,
    expand=expand,
    compared=("trend_analysis.incident_growth_rate",),
    columns={
        "period": "period_start",
        "source": "source",
        "incidents": "incident_summary.total_incidents",
        "critical": "incident_summary.by_severity.critical",
        "high": "incident_summary.by_severity.high",
        "false positives": "content_analysis.false_positive_rate",
        "pending": "moderation_actions.manual_reviews_pending",
        "hours": "moderation_actions.avg_resolution_time_hours",
    },
)
