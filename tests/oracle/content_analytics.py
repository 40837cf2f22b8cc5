"""Section 8: one document per source and month."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.arithmetic import growth, mean, ranked, ratio, shown
from tests.oracle.citations import Citation
from tests.oracle.interactions import Interaction
from tests.oracle.periods import compact_month, has_begun, month_of, next_month, previous_month
from tests.oracle.view_ids import encoded, shortened
from tests.oracle.world import World

Document = dict[str, Any]
TTL_SECONDS = 7_776_000


def content_analytics(world: World, now_seconds: int) -> Iterator[Document]:
    for month in sorted({month_of(day) for day in world.interactions}):
        if not has_begun(month, now_seconds):
            continue
        interactions = world.interactions_of(world.days_of_month(month))
        before = world.interactions_of(world.days_of_month(previous_month(month)))
        citations = Counter(citation.source for each in interactions for citation in each.citations)
        for source in sorted(citations):
            yield {
                "id": shortened(f"content_analytics_{encoded(source)}_{compact_month(month)}"),
                "document_type": "content_analytics",
                "source": source,
                "ttl": TTL_SECONDS,
                "period_start": month.isoformat(),
                "period_end": next_month(month).isoformat(),
                **_figures(
                    source,
                    [each for each in interactions if source in each.sources],
                    [each for each in before if source in each.sources],
                    usage_rank=1 + len({n for n in citations.values() if n > citations[source]}),
                ),
            }


def _figures(
    source: str, citing: Sequence[Interaction], before: Sequence[Interaction], usage_rank: int
) -> Document:
    citations = _citations(source, citing)
    return {
        "usage_metrics": {
            "total_citations": len(citations),
            "unique_users_accessed": len(_users(citing)),
            "return_access_rate": shown(_return_access_rate(citing)),
        },
        "performance_metrics": {
            "avg_relevance_score": shown(mean(each.relevance for each in citations)),
            "citation_accuracy_rate": shown(mean(each.citation_accuracy for each in citing)),
            "user_satisfaction_avg": shown(mean(each.rating for each in citing)),
            "response_effectiveness": shown(mean(each.response_relevance for each in citing)),
            "search_ranking_position": shown(
                mean(_first_position(source, each) for each in citing)
            ),
        },
        "quality_metrics": {
            "citation_completeness": shown(
                ratio(sum(each.complete for each in citations), len(citations))
            )
        },
        "chapter_analytics": _chapters(citations),
        "topic_analytics": {"primary_topics": _topics(source, citing)},
        "comparative_metrics": {
            "vs_other_texts": {"usage_rank": usage_rank},
            "growth_trends": {
                "usage_growth_percent": shown(
                    _percent(growth(len(citations), len(_citations(source, before))))
                ),
                "user_growth_percent": shown(
                    _percent(growth(len(_users(citing)), len(_users(before))))
                ),
            },
        },
        "sample_size": len(citations),
    }


def _citations(source: str, interactions: Sequence[Interaction]) -> list[Citation]:
    return [
        citation
        for each in interactions
        for citation in each.citations
        if citation.source == source
    ]


def _users(interactions: Sequence[Interaction]) -> set[str]:
    return {each.user for each in interactions if each.user is not None}


def _percent(rate: Fraction | None) -> Fraction | None:
    return None if rate is None else 100 * rate


def _return_access_rate(citing: Sequence[Interaction]) -> Fraction | None:
    days: dict[str, set[date]] = defaultdict(set)
    for interaction in citing:
        if interaction.user is not None:
            days[interaction.user].add(interaction.day)
    return ratio(sum(len(cited_on) >= 2 for cited_on in days.values()), len(days))


def _first_position(source: str, interaction: Interaction) -> int:
    return 1 + [citation.source for citation in interaction.citations].index(source)


def _chapters(citations: Sequence[Citation]) -> list[Document]:
    usage = Counter(citation.chapter for citation in citations)
    return [
        _chapter(chapter, [each for each in citations if each.chapter == chapter], len(citations))
        for chapter in ranked(usage)
    ]


def _chapter(chapter: str, citations: Sequence[Citation], total: int) -> Document:
    return {
        "chapter": chapter,
        "usage_count": len(citations),
        "avg_relevance": shown(mean(each.relevance for each in citations)),
        "popular_verses": ranked(Counter(each.verse_label for each in citations), top=3),
        "citation_frequency": shown(ratio(len(citations), total)),
    }


def _topics(source: str, citing: Sequence[Interaction]) -> list[Document]:
    interactions_by_topic = Counter(each.topic for each in citing)
    return [
        _topic(topic, source, [each for each in citing if each.topic == topic], len(citing))
        for topic in ranked(interactions_by_topic, top=5)
    ]


def _topic(
    topic: str, source: str, interactions: Sequence[Interaction], all_citing: int
) -> Document:
    citations = _citations(source, interactions)
    return {
        "topic": topic,
        "frequency": shown(ratio(len(interactions), all_citing)),
        "relevance_score": shown(mean(each.relevance for each in citations)),
        "user_engagement": shown(mean(each.user_satisfaction for each in interactions)),
    }
