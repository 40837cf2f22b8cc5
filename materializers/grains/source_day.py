"""Grain `source-day:{YYYYMMDD}:{source}`: how one source was cited on one day.

The wide maps live here and nowhere else: per verse, per topic, and per verse and topic.
"""

from collections.abc import Iterable
from typing import NamedTuple

from cosmos_views.ledger.instants import day_label
from cosmos_views.publish.cells import ONE, cell_name, sum_and_count
from cosmos_views.publish.measures import Contribution, Row
from processors.facts import AnyFact, Citation, InteractionFact


class Source(NamedTuple):
    """Cell `source`: per citation, then per citing interaction."""

    citations: int = 0
    relevance: int = 0
    relevances: int = 0
    complete: int = 0
    interactions: int = 0
    position: int = 0
    rating: int = 0
    ratings: int = 0
    citation_accuracy: int = 0
    citation_accuracies: int = 0
    response_relevance: int = 0
    response_relevances: int = 0


class Verse(NamedTuple):
    """Cell `verse/{chapter}/{verse}`: per citation, then per citing interaction."""

    citations: int = 0
    relevance: int = 0
    relevances: int = 0
    satisfaction: int = 0
    satisfactions: int = 0


class SourceTopic(NamedTuple):
    """Cell `topic/{topic}`: citing interactions, and this source's citations in them."""

    interactions: int = 0
    relevance: int = 0
    relevances: int = 0
    satisfaction: int = 0
    satisfactions: int = 0


def content_id(source: str, chapter: str, verse: str) -> str:
    """What a citation is ranked under."""
    return f"{source}_{chapter}_{verse}"


def of_fact(fact: AnyFact) -> Iterable[Contribution]:
    """What one interaction adds to each source it cites; cell `about/{chapter}/{verse}/{topic}`
    counts the interactions of a topic that cite the verse. Rows are in the order of their classes.
    """
    if not isinstance(fact, InteractionFact) or not fact.citations:
        return ()
    found: list[Contribution] = []
    day = day_label(fact.day)
    topic = fact.topic
    satisfaction = sum_and_count(fact.user_satisfaction)
    of_interaction = (
        *sum_and_count(fact.rating),
        *sum_and_count(fact.citation_accuracy),
        *sum_and_count(fact.response_relevance),
    )
    by_source: dict[str, list[tuple[int, Citation]]] = {}
    for position, citation in enumerate(fact.citations, start=1):
        by_source.setdefault(citation.source, []).append((position, citation))
    ranked: set[str] = set()
    for source, cited in by_source.items():
        key = f"source-day:{day}:{source}"
        relevance = relevances = complete = 0
        for _, citation in cited:
            score = sum_and_count(citation.relevance)
            relevance, relevances = relevance + score[0], relevances + score[1]
            complete += citation.complete
            chapter, verse = citation.chapter, citation.verse
            row: Row = (1, *score)
            ranked_as = content_id(source, chapter, verse)
            if ranked_as not in ranked:
                # Once per interaction and content id, under the first citation that has it.
                ranked.add(ranked_as)
                row = (1, *score, *satisfaction)
                found.append((key, cell_name("about", chapter, verse, topic), ONE))
            found.append((key, cell_name("verse", chapter, verse), row))
        row = (len(cited), relevance, relevances, complete, 1, cited[0][0], *of_interaction)
        found.append((key, "source", row))
        row = (1, relevance, relevances, *satisfaction)
        found.append((key, cell_name("topic", topic), row))
    return found
