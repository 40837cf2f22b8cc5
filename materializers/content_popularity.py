"""content_popularity: what is asked about and cited, per day and month (views.md, section 3)."""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from cosmos_views.ledger.instants import (
    DAY_SECONDS,
    day_label,
    day_of_label,
    month_start,
    next_month,
    previous_month,
)
from cosmos_views.publish.cells import sum_rows
from cosmos_views.publish.measures import Row
from cosmos_views.publish.rendering import (
    cells_of,
    fraction4,
    iso_day,
    labelled,
    mean_score,
    ratio,
    row_of,
    top,
)
from cosmos_views.publish.view import DAYS, MONTHS, Inputs, Reads, View
from materializers.grains.day import Interactions, Personality, Text, Topic
from materializers.grains.month import MonthSource
from materializers.grains.source_day import Verse, content_id

DAILY_TTL_SECONDS, MONTHLY_TTL_SECONDS = 604_800, 3_456_000
TRENDING_DAYS = 7
"""A day is compared with the mean of so many days before."""
TOP = 10
EFFICIENT_RESPONSE_MS = 1_200
_MONTH_CHARACTERS = 6


def keys_of(state_key: str) -> Iterable[str]:
    """The day and the week it is compared in, the month and the next."""
    grain, _, rest = state_key.partition(":")
    if grain in ("day", "source-day"):
        day = day_of_label(rest[:8])
        days = [day_label(day + later) for later in range(TRENDING_DAYS + 1)]
        return [*days, rest[:6], next_month(rest[:6])]
    return [rest, next_month(rest)] if grain == "month" else []


def reads(key: str) -> Reads:
    """All days and sources of the period, and the days it is compared with."""
    if _is_month(key):
        before = previous_month(key)
        return Reads(
            keys=(f"month:{key}", f"month:{before}"),
            ranges=(
                (f"day:{before}", f"day:{next_month(key)}"),
                (f"source-day:{key}", f"source-day:{next_month(key)}"),
            ),
        )
    day = day_of_label(key)
    after = day_label(day + 1)
    return Reads(
        ranges=(
            (f"day:{day_label(day - TRENDING_DAYS)}", f"day:{after}"),
            (f"source-day:{key}", f"source-day:{after}"),
        )
    )


class _Period(NamedTuple):
    """What a day or a month is rendered from."""

    days: list[Mapping[str, Row]]
    """Measures of its days."""
    before: list[Mapping[str, Row]]
    """Measures of the days it is compared with."""
    before_divisor: int
    users: Mapping[str, int]
    """Source → distinct users."""
    verses: dict[str, Mapping[str, Row]]
    """`{day}:{source}` → measures."""


def render(key: str, inputs: Inputs) -> dict[str, Any] | None:
    """The document of one day or month; None without an interaction."""
    period = _month(key, inputs) if _is_month(key) else _day(key, inputs)
    data_points = sum(
        row_of(Interactions, measures, "interactions").requests for measures in period.days
    )
    if not data_points:
        return None
    return {
        "time_period": partition(key),
        "date": iso_day(f"{key}01" if _is_month(key) else key),
        "top_foundational_texts": _texts(period),
        "trending_content": _content(period),
        "trending_topics": _topics(period),
        "personality_rankings": _personalities(period),
        "data_points": data_points,
        "ttl": MONTHLY_TTL_SECONDS if _is_month(key) else DAILY_TTL_SECONDS,
    }


def _day(key: str, inputs: Inputs) -> _Period:
    day = inputs.of(f"day:{key}")
    return _Period(
        days=[day],
        before=[measures for label, measures in inputs.under("day:").items() if label != key],
        before_divisor=TRENDING_DAYS,
        users={source: Text(*row).users for source, row in labelled(day, "text")},
        verses=dict(inputs.under("source-day:")),
    )


def _month(key: str, inputs: Inputs) -> _Period:
    days = inputs.under("day:")
    return _Period(
        days=[measures for label, measures in days.items() if label.startswith(key)],
        before=[measures for label, measures in days.items() if not label.startswith(key)],
        before_divisor=1,
        users={
            source: MonthSource(*row).users
            for source, row in labelled(inputs.of(f"month:{key}"), "source")
        },
        verses=dict(inputs.under("source-day:")),
    )


def _summed(days: Iterable[Mapping[str, Row]], kind: str) -> dict[str, list[int]]:
    """Label → row, summed over days."""
    rows: dict[str, list[Row]] = {}
    for measures in days:
        for name, row in labelled(measures, kind):
            rows.setdefault(name, []).append(row)
    return {name: sum_rows(some) for name, some in rows.items()}


def _texts(period: _Period) -> list[dict[str, Any]]:
    texts = {name: Text(*row) for name, row in _summed(period.days, "text").items()}
    before = {name: Text(*row) for name, row in _summed(period.before, "text").items()}
    ranked = sorted(
        (name for name, text in texts.items() if text.citations),
        key=lambda name: (-texts[name].citations, -period.users.get(name, 0), name),
    )
    return [
        {
            "rank": rank,
            "source": name,
            "citations": texts[name].citations,
            "unique_users": period.users.get(name, 0),
            "avg_rating": mean_score(texts[name].rating, texts[name].ratings),
            "trending_score": fraction4(
                _trending(
                    texts[name].citations,
                    Fraction(before.get(name, Text()).citations, period.before_divisor),
                )
            ),
        }
        for rank, name in enumerate(ranked[:TOP], start=1)
    ]


def _trending(citations: int, before: Fraction) -> Fraction:
    return citations / (citations + before)


def _content(period: _Period) -> list[dict[str, Any]]:
    rows: dict[str, list[Row]] = {}
    topics: dict[str, dict[str, int]] = {}
    for source, measures in _verses(period):
        for (chapter, verse), row in cells_of(measures, "verse"):
            rows.setdefault(content_id(source, chapter, verse), []).append(row)
        for (chapter, verse, topic), (count,) in cells_of(measures, "about"):
            counts = topics.setdefault(content_id(source, chapter, verse), {})
            counts[topic] = counts.get(topic, 0) + count
    content = {name: Verse(*sum_rows(some)) for name, some in rows.items()}
    ranked = top({name: verse.citations for name, verse in content.items()}, TOP)
    return [
        {
            "rank": rank,
            "content_id": name,
            "citations": content[name].citations,
            "relevance_score": mean_score(content[name].relevance, content[name].relevances),
            "user_engagement": mean_score(content[name].satisfaction, content[name].satisfactions),
            "topic": top(topics[name])[0],
        }
        for rank, name in enumerate(ranked, start=1)
    ]


def _verses(period: _Period) -> Iterator[tuple[str, Mapping[str, Row]]]:
    for key, measures in period.verses.items():
        yield key.partition(":")[2], measures


def _topics(period: _Period) -> list[dict[str, Any]]:
    topics = {name: Topic(*row) for name, row in _summed(period.days, "topic").items()}
    before = {name: Topic(*row) for name, row in _summed(period.before, "topic").items()}
    return [
        {
            "topic": name,
            "query_count": topics[name].queries,
            "growth_rate": ratio(
                topics[name].queries * period.before_divisor, before.get(name, Topic()).queries
            ),
            "satisfaction_score": mean_score(topics[name].rating, topics[name].ratings),
        }
        for name in top({name: topic.queries for name, topic in topics.items()}, TOP)
    ]


def _personalities(period: _Period) -> list[dict[str, Any]]:
    cells = {name: Personality(*row) for name, row in _summed(period.days, "personality").items()}
    return [
        {
            "rank": rank,
            "personality": name,
            "interactions": cells[name].requests,
            "satisfaction": mean_score(cells[name].rating, cells[name].ratings),
            "response_quality": mean_score(
                cells[name].response_relevance, cells[name].response_relevances
            ),
            "efficiency_score": _efficiency(cells[name]),
        }
        for rank, name in enumerate(
            top({name: cell.requests for name, cell in cells.items()}), start=1
        )
    ]


def _efficiency(cell: Personality) -> float | None:
    if not cell.responses:
        return None
    if not cell.response_ms:
        return 1.0
    return fraction4(
        min(Fraction(1), Fraction(EFFICIENT_RESPONSE_MS * cell.responses, cell.response_ms))
    )


def partition(key: str) -> str:
    """`monthly` or `daily`."""
    return "monthly" if _is_month(key) else "daily"


def _is_month(key: str) -> bool:
    return len(key) == _MONTH_CHARACTERS


def starts_at_seconds(key: str) -> int:
    """When the day or month begins."""
    day = month_start(key) if _is_month(key) else day_of_label(key)
    return day * DAY_SECONDS


VIEW = View(
    name="content_popularity",
    partition_key="time_period",
    pace_seconds=300,
    ttl_seconds=DAILY_TTL_SECONDS,
    calculation_version="1",
    keys_of=keys_of,
    starts_at_seconds=starts_at_seconds,
    reads=reads,
    document_id=lambda key: f"content_popularity_{partition(key)}_{key}",
    partition=partition,
    key_of=lambda document: document["id"].rpartition("_")[2],
    render=render,
    periods=(DAYS, MONTHS),
    compared=(
        "top_foundational_texts[].trending_score",
        "trending_topics[].growth_rate",
    ),
    compared_days=7,
    columns={
        "period": "time_period",
        "date": "date",
        "interactions": "data_points",
        "first text": "top_foundational_texts.0.source",
        "citations": "top_foundational_texts.0.citations",
        "first content": "trending_content.0.content_id",
        "first topic": "trending_topics.0.topic",
        "first personality": "personality_rankings.0.personality",
    },
)
