"""content_analytics: how each source was used, per month (views.md, section 8)."""

from collections.abc import Iterable
from typing import Any

from cosmos_views.ledger.instants import next_month, previous_month
from cosmos_views.ledger.labels import bounded_id, in_id
from cosmos_views.publish.cells import sum_rows
from cosmos_views.publish.measures import Row
from cosmos_views.publish.rendering import (
    cells_of,
    labelled,
    mean_score,
    month_of,
    month_starts_at_seconds,
    period,
    ratio,
    row_of,
    top,
)
from cosmos_views.publish.view import SYMBOL, Inputs, Reads, View
from materializers.grains.month import MonthSource
from materializers.grains.source_day import Source, SourceTopic, Verse

VERSES_MOST, TOPICS_MOST = 3, 5
PERCENT = 100


def keys_of(state_key: str) -> Iterable[str]:
    """The source's month; and every source of that month and the next, whose ranks and growth
    follow from citations that the month grain counts as well."""
    grain, _, rest = state_key.partition(":")
    if grain == "source-day":
        day, _, source = rest.partition(":")
        return [f"{day[:6]}:{source}"]
    return [f"{SYMBOL}{rest}", f"{SYMBOL}{next_month(rest)}"] if grain == "month" else []


def reads(key: str) -> Reads:
    """The source's days, and all sources of the month and the one before; for a symbol just those
    of the month."""
    if key.startswith(SYMBOL):
        return Reads(keys=(f"month:{key[len(SYMBOL) :]}",))
    month, source = _month(key), _source(key)
    return Reads(
        keys=(
            f"month:{month}",
            f"month:{previous_month(month)}",
            *(f"source-day:{month}{day:02d}:{source}" for day in range(1, 32)),
        )
    )


def expand(symbol: str, inputs: Inputs) -> list[str]:
    """Every source cited in the month."""
    month = symbol[len(SYMBOL) :]
    return [f"{month}:{source}" for source, _ in labelled(inputs.of(f"month:{month}"), "source")]


def render(key: str, inputs: Inputs) -> dict[str, Any] | None:
    """The document of one source and month; None without a citation."""
    month, source = _month(key), _source(key)
    days = list(inputs.under("source-day:").values())
    total = Source(*sum_rows(day.get("source", ()) for day in days))
    if not total.citations:
        return None
    sources = {
        name: MonthSource(*row) for name, row in labelled(inputs.of(f"month:{month}"), "source")
    }
    before = row_of(MonthSource, inputs.of(f"month:{previous_month(month)}"), f"source/{source}")
    now = sources.get(source, MonthSource())
    return {
        "source": source,
        "usage_metrics": {
            "total_citations": total.citations,
            "unique_users_accessed": now.users,
            "return_access_rate": ratio(now.returning, now.users),
        },
        "performance_metrics": {
            "avg_relevance_score": mean_score(total.relevance, total.relevances),
            "citation_accuracy_rate": mean_score(
                total.citation_accuracy, total.citation_accuracies
            ),
            "user_satisfaction_avg": mean_score(total.rating, total.ratings),
            "response_effectiveness": mean_score(
                total.response_relevance, total.response_relevances
            ),
            "search_ranking_position": ratio(total.position, total.interactions),
        },
        "quality_metrics": {"citation_completeness": ratio(total.complete, total.citations)},
        "chapter_analytics": _chapters(days, total.citations),
        "topic_analytics": {"primary_topics": _topics(days, total.interactions)},
        "comparative_metrics": {
            "vs_other_texts": {
                "usage_rank": 1
                + len({one.citations for one in sources.values() if one.citations > now.citations})
            },
            "growth_trends": {
                "usage_growth_percent": _growth_percent(now.citations, before.citations),
                "user_growth_percent": _growth_percent(now.users, before.users),
            },
        },
        "sample_size": total.citations,
        **period(month),
    }


def _chapters(days: list[dict[str, list[int]]], citations: int) -> list[dict[str, Any]]:
    verses: dict[str, dict[str, list[Row]]] = {}
    for measures in days:
        for (chapter, verse), row in cells_of(measures, "verse"):
            verses.setdefault(chapter, {}).setdefault(verse, []).append(row)
    chapters = {
        chapter: Verse(*sum_rows(row for rows in some.values() for row in rows))
        for chapter, some in verses.items()
    }
    return [
        {
            "chapter": chapter,
            "usage_count": chapters[chapter].citations,
            "avg_relevance": mean_score(chapters[chapter].relevance, chapters[chapter].relevances),
            "popular_verses": top(
                {
                    f"{chapter}.{verse}": Verse(*sum_rows(rows)).citations
                    for verse, rows in verses[chapter].items()
                },
                VERSES_MOST,
            ),
            "citation_frequency": ratio(chapters[chapter].citations, citations),
        }
        for chapter in top({name: verse.citations for name, verse in chapters.items()})
    ]


def _topics(days: list[dict[str, list[int]]], interactions: int) -> list[dict[str, Any]]:
    rows: dict[str, list[Row]] = {}
    for measures in days:
        for topic, row in labelled(measures, "topic"):
            rows.setdefault(topic, []).append(row)
    topics = {topic: SourceTopic(*sum_rows(some)) for topic, some in rows.items()}
    return [
        {
            "topic": topic,
            "frequency": ratio(topics[topic].interactions, interactions),
            "relevance_score": mean_score(topics[topic].relevance, topics[topic].relevances),
            "user_engagement": mean_score(topics[topic].satisfaction, topics[topic].satisfactions),
        }
        for topic in top({name: one.interactions for name, one in topics.items()}, TOPICS_MOST)
    ]


def _growth_percent(now: int, before: int) -> float | None:
    return ratio(PERCENT * (now - before), before)


def _month(key: str) -> str:
    return key.partition(":")[0]


def _source(key: str) -> str:
    return key.partition(":")[2]


VIEW = View(
    name="content_analytics",
    partition_key="source",
    pace_seconds=300,
    ttl_seconds=7_776_000,
    calculation_version="1",
    keys_of=keys_of,
    starts_at_seconds=lambda key: month_starts_at_seconds(key.removeprefix(SYMBOL)[:6]),
    reads=reads,
    document_id=lambda key: bounded_id(f"content_analytics_{in_id(_source(key))}_{_month(key)}"),
    partition=_source,
    key_of=lambda document: f"{month_of(document)}:{document['source']}",
    render=render,
    expand=expand,
    compared=("comparative_metrics.growth_trends",),
    columns={
        "period": "period_start",
        "source": "source",
        "citations": "usage_metrics.total_citations",
        "users": "usage_metrics.unique_users_accessed",
        "relevance": "performance_metrics.avg_relevance_score",
        "rating": "performance_metrics.user_satisfaction_avg",
        "rank": "comparative_metrics.vs_other_texts.usage_rank",
    },
)
