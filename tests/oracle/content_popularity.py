"""Section 3: what was asked for and cited, per day and per month."""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from tests.oracle.arithmetic import mean, ranked, ranked_by, ratio, shown
from tests.oracle.interactions import Interaction
from tests.oracle.periods import (
    compact_day,
    compact_month,
    has_begun,
    month_of,
    previous_month,
    seven_days_before,
)
from tests.oracle.world import World

Document = dict[str, Any]
DAILY_TTL_SECONDS = 604_800
MONTHLY_TTL_SECONDS = 3_456_000
TOP = 10


def content_popularity(world: World, now_seconds: int) -> Iterator[Document]:
    days = sorted(world.interactions)
    for day in days:
        if has_begun(day, now_seconds):
            yield {
                "id": f"content_popularity_daily_{compact_day(day)}",
                "document_type": "content_popularity",
                "time_period": "daily",
                "date": day.isoformat(),
                "ttl": DAILY_TTL_SECONDS,
                **_figures(
                    world.interactions_of([day]),
                    before=world.interactions_of(seven_days_before(day)),
                    periods_before=7,
                ),
            }
    for month in sorted({month_of(day) for day in days}):
        if has_begun(month, now_seconds):
            yield {
                "id": f"content_popularity_monthly_{compact_month(month)}",
                "document_type": "content_popularity",
                "time_period": "monthly",
                "date": month.isoformat(),
                "ttl": MONTHLY_TTL_SECONDS,
                **_figures(
                    world.interactions_of(world.days_of_month(month)),
                    before=world.interactions_of(world.days_of_month(previous_month(month))),
                    periods_before=1,
                ),
            }


def _figures(
    interactions: Sequence[Interaction], before: Sequence[Interaction], periods_before: int
) -> Document:
    """`before` spans `periods_before` periods; their mean is what growth is measured against."""
    previous_citations = _mean_of(_citations_by_source(before), periods_before)
    previous_queries = _mean_of(Counter(each.topic for each in before), periods_before)
    return {
        "top_foundational_texts": _texts(interactions, previous_citations),
        "trending_content": _contents(interactions),
        "trending_topics": _topics(interactions, previous_queries),
        "personality_rankings": _personalities(interactions),
        "data_points": len(interactions),
    }


def _citations_by_source(interactions: Sequence[Interaction]) -> Counter[str]:
    return Counter(citation.source for each in interactions for citation in each.citations)


def _mean_of(counts: Counter[str], periods: int) -> dict[str, Fraction]:
    return {name: Fraction(count, periods) for name, count in counts.items()}


def _texts(interactions: Sequence[Interaction], previous: dict[str, Fraction]) -> list[Document]:
    citations = _citations_by_source(interactions)
    citing = {
        source: [each for each in interactions if source in each.sources] for source in citations
    }
    users = {
        source: len({each.user for each in citing[source] if each.user is not None})
        for source in citations
    }
    order = ranked_by(citations, lambda source: (citations[source], users[source]), TOP)
    return [
        {
            "rank": rank,
            "source": source,
            "citations": citations[source],
            "unique_users": users[source],
            "avg_rating": shown(mean(each.rating for each in citing[source])),
            "trending_score": shown(
                ratio(citations[source], citations[source] + previous.get(source, 0))
            ),
        }
        for rank, source in enumerate(order, start=1)
    ]


def _contents(interactions: Sequence[Interaction]) -> list[Document]:
    citations = Counter(citation.content_id for each in interactions for citation in each.citations)
    return [
        {"rank": rank, "content_id": content_id, **_content(interactions, content_id)}
        for rank, content_id in enumerate(ranked(citations, TOP), start=1)
    ]


def _content(interactions: Sequence[Interaction], content_id: str) -> Document:
    citing = [
        each
        for each in interactions
        if any(citation.content_id == content_id for citation in each.citations)
    ]
    citations = [
        citation
        for each in citing
        for citation in each.citations
        if citation.content_id == content_id
    ]
    return {
        "citations": len(citations),
        "relevance_score": shown(mean(citation.relevance for citation in citations)),
        "user_engagement": shown(mean(each.user_satisfaction for each in citing)),
        "topic": ranked(Counter(each.topic for each in citing))[0],
    }


def _topics(interactions: Sequence[Interaction], previous: dict[str, Fraction]) -> list[Document]:
    queries = Counter(each.topic for each in interactions)
    return [
        {
            "topic": topic,
            "query_count": queries[topic],
            "growth_rate": shown(ratio(queries[topic], previous.get(topic, 0))),
            "satisfaction_score": shown(
                mean(each.rating for each in interactions if each.topic == topic)
            ),
        }
        for topic in ranked(queries, TOP)
    ]


def _personalities(interactions: Sequence[Interaction]) -> list[Document]:
    used = Counter(each.personality for each in interactions)
    return [
        {
            "rank": rank,
            "personality": personality,
            **_personality([each for each in interactions if each.personality == personality]),
        }
        for rank, personality in enumerate(ranked(used), start=1)
    ]


def _personality(interactions: Sequence[Interaction]) -> Document:
    return {
        "interactions": len(interactions),
        "satisfaction": shown(mean(each.rating for each in interactions)),
        "response_quality": shown(mean(each.response_relevance for each in interactions)),
        "efficiency_score": shown(_efficiency(mean(each.response_ms for each in interactions))),
    }


def _efficiency(mean_response_ms: Fraction | None) -> Fraction | None:
    if mean_response_ms is None:
        return None
    return Fraction(1) if mean_response_ms == 0 else min(Fraction(1), 1200 / mean_response_ms)
