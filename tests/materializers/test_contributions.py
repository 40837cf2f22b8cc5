"""What facts and histories contribute: the laws, per grain, and one example of each, in full."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_views.ledger.instants import month_label
from cosmos_views.ledger.plan import Owner, Plan
from cosmos_views.publish.measures import Delta, add_all, is_negative, normalized_delta
from materializers.grains import day, incident_month, month, source_day, window
from materializers.users.history import User
from materializers.users.touched import Touched, touched_by
from pack import PACK, USERS
from processors.facts import AnyFact
from tests.ledger.histories_by_hand import counted
from tests.ledger.some_facts import DAYS, MARCH_10, citation, facts, incident, interaction, session

OfFact = Callable[[AnyFact], Iterable[Any]]
OfUser = Callable[[User, Touched], Iterable[Any]]

GRAINS = (day, window, source_day, month, incident_month)
EVERYTHING = Touched(
    days=frozenset(DAYS),
    months=frozenset(map(month_label, DAYS)),
    sources=frozenset(("bhagavad_gita", "dhammapada", "unknown")),
)
many = st.lists(facts, max_size=6)
OWNER = Owner("1:0", "k", "ada")


def of_facts(of_fact: OfFact, some: Iterable[AnyFact], sign: int = 1) -> Delta:
    delta: Delta = {}
    for fact in some:
        add_all(delta, of_fact(fact), sign)
    return normalized_delta(delta)


def of_user(contributions: OfUser, some: Iterable[AnyFact], touched: Touched = EVERYTHING) -> Delta:
    delta: Delta = {}
    add_all(delta, contributions(counted(some), touched))
    return normalized_delta(delta)


@settings(max_examples=50)
@given(kept=many, gone=many)
def test_a_fact_retracted_leaves_nothing(kept: list[AnyFact], gone: list[AnyFact]) -> None:
    for of_fact in PACK.of_fact:
        delta: Delta = {}
        for fact in [*kept, *gone]:
            add_all(delta, of_fact(fact))
        for fact in gone:
            add_all(delta, of_fact(fact), -1)

        assert of_facts(of_fact, kept) == normalized_delta(delta)


@settings(max_examples=50)
@given(left=many, right=many)
def test_two_buckets_merged_are_one_and_nothing_is_negative(
    left: list[AnyFact], right: list[AnyFact]
) -> None:
    for of_fact in PACK.of_fact:
        merged: Delta = {}
        for part in (of_facts(of_fact, left), of_facts(of_fact, right)):
            add_all(merged, ((k, c, row) for k, cells in part.items() for c, row in cells.items()))

        assert of_facts(of_fact, [*right, *left]) == normalized_delta(merged)
        assert not any(is_negative(measures) for measures in merged.values())


@settings(max_examples=50)
@given(kept=many, gone=many)
def test_what_is_not_touched_of_a_history_contributes_the_same(
    kept: list[AnyFact], gone: list[AnyFact]
) -> None:
    """So that a difference over what was touched is the whole difference."""
    before, after = counted(kept) if kept else None, counted([*kept, *gone])
    there_and_back = (
        Plan(OWNER, transitions=[(None, fact) for fact in gone], before=before, after=after),
        Plan(OWNER, transitions=[(fact, None) for fact in gone], before=after, after=before),
    )
    for made in there_and_back:
        touched = touched_by(made)
        for contributions in USERS.of_user:
            by_part: Delta = {}
            by_whole: Delta = {}
            for user, sign in ((made.before, -1), (made.after, 1)):
                if user is not None:
                    add_all(by_part, contributions(user, touched), sign)
                    add_all(by_whole, contributions(user, EVERYTHING), sign)

            assert normalized_delta(by_whole) == normalized_delta(by_part)


def test_every_grain_is_registered() -> None:
    for grain in GRAINS:
        assert grain.of_fact in PACK.of_fact
        assert not hasattr(grain, "of_user") or grain.of_user in USERS.of_user


def test_an_interaction_adds_to_its_day() -> None:
    talk = interaction(citations=(citation(), citation(relevance=None), citation("dhammapada")))

    assert of_facts(day.of_fact, [talk])["day:20260310"] == {
        "interactions": [
            *(1, 0, 1, 1_250, 1, 3, 1_840_000, 2, 5_000_000, 1, 1, 1),
            *(990_000, 1, 960_000, 1, 910_000, 1, 400, 1, 5, 1, 840_000, 1),
        ],
        "personality/krishna": [1, 5_000_000, 1, 1_250, 1, 910_000, 1],
        "model/gemini-2.5-flash": [1, 0, 1_210_200, 234, 456, 100, 1, 910_000, 1],
        "topic/duty": [1, 5_000_000, 1],
        "response/240": [1],
        "text/bhagavad_gita": [2, 0, 5_000_000, 1],
        "text/dhammapada": [1, 0, 5_000_000, 1],
    }


def test_what_an_interaction_does_not_say_adds_nothing_to_its_day() -> None:
    nothing = dict.fromkeys(NULLABLE)
    talk = interaction(
        **nothing, failed=True, complete=False, priced=False, cost_nano_usd=0, citations=()
    )

    assert of_facts(day.of_fact, [talk])["day:20260310"] == {
        "interactions": [1, 1],
        "personality/krishna": [1],
        "model/gemini-2.5-flash": [1, 1],
        "topic/duty": [1],
    }


NULLABLE = (
    *("response_ms", "complexity", "input_tokens", "output_tokens", "rating", "accurate"),
    *("response_relevance", "citation_accuracy", "user_satisfaction", "safety_score"),
    *("retrieval_ms", "chunks", "rag_relevance"),
)


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        ({"accurate": False}, [1, 0, 1, 1_250, 1, 1, 920_000, 1, 5_000_000, 1, 0, 1]),
        ({"accurate": None}, [1, 0, 1, 1_250, 1, 1, 920_000, 1, 5_000_000, 1, 0, 0]),
    ],
)
def test_only_assessed_answers_count_for_accuracy(fields: dict[str, Any], row: list[int]) -> None:
    found = of_facts(day.of_fact, [interaction(**fields)])["day:20260310"]["interactions"]

    assert row == found[:12]


@pytest.mark.parametrize("missing", ["input_tokens", "output_tokens"])
def test_tokens_count_only_with_both_counts(missing: str) -> None:
    found = of_facts(day.of_fact, [interaction(**{missing: None}, priced=False, cost_nano_usd=0)])

    assert found["day:20260310"]["model/gemini-2.5-flash"] == [1, 1, 0, 0, 0, 0, 0, 910_000, 1]


def test_sessions_and_incidents_add_to_their_day() -> None:
    some = [session(), session(status="other", duration_ms=None), session(status="expired")]
    incidents = [
        incident(),
        incident(
            user_report=False,
            auto_detected=False,
            human_review=False,
            violation=False,
            detection_correct=False,
        ),
        incident(detection_correct=None),
    ]

    assert of_facts(day.of_fact, some)["day:20260310"] == {"sessions": [3, 1_006_000, 2, 1, 2]}
    assert of_facts(day.of_fact, incidents)["day:20260310"] == {"incidents": [3, 2, 2, 2, 2, 1, 2]}


def test_a_history_adds_users_first_days_and_retention_to_days() -> None:
    first = interaction(at_seconds=(MARCH_10 - 10) * 86_400)
    week = [interaction(at_seconds=(MARCH_10 + later) * 86_400) for later in (0, 7, 15)]
    both = interaction(citations=(citation(), citation(), citation("dhammapada")))
    found = of_user(
        day.of_user,
        [first, *week, both],
        Touched(
            frozenset(MARCH_10 + later for later in (-10, 0, 7, 15)),
            frozenset(),
            frozenset(("bhagavad_gita", "dhammapada")),
        ),
    )

    assert found == {
        "day:20260228": {"users": [1, 1, 0, 1, 1], "text/bhagavad_gita": [0, 1]},
        "day:20260310": {
            "users": [1, 0, 0, 2, 1],
            "text/bhagavad_gita": [0, 1],
            "text/dhammapada": [0, 1],
        },
        "day:20260317": {"users": [1, 0, 1, 1], "text/bhagavad_gita": [0, 1]},
        "day:20260325": {"users": [1, 0, 0, 1], "text/bhagavad_gita": [0, 1]},
    }


def test_an_incident_alone_makes_a_user_new_and_not_active() -> None:
    assert of_user(day.of_user, [incident()]) == {"day:20260310": {"users": [0, 1]}}


def test_an_interaction_adds_to_its_window() -> None:
    talk = interaction(at_seconds=MARCH_10 * 86_400 + 43_200 + 299)

    assert of_facts(window.of_fact, [talk]) == {
        "window:202603101200": {
            "interactions": [1, 0, 1_250, 1, 5_000_000, 1, 1, 1, 960_000, 1, 990_000, 1],
            "second/299": [1],
            "response/240": [1],
        }
    }
    assert of_facts(window.of_fact, [session(), incident()]) == {}
    failed = interaction(failed=True, accurate=False, response_ms=None)
    cells = of_facts(window.of_fact, [failed])["window:202603101200"]
    assert cells == {
        "interactions": [1, 1, 0, 0, 5_000_000, 1, 0, 1, 960_000, 1, 990_000, 1],
        "second/0": [1],
    }


def test_a_user_counts_once_a_minute() -> None:
    at = MARCH_10 * 86_400 + 43_200
    talks = [interaction(at_seconds=at + second) for second in (0, 59, 60, 299, 300)]

    assert of_user(window.of_user, [*talks, session()]) == {
        "window:202603101200": {"minute/0": [1], "minute/1": [1], "minute/4": [1]},
        "window:202603101205": {"minute/0": [1]},
    }


def test_an_interaction_adds_to_each_source_that_it_cites() -> None:
    talk = interaction(
        citations=(
            citation("dhammapada", chapter="1", verse="5", relevance=None, complete=False),
            citation(),
            citation(relevance=80_000),
            citation(verse="48"),
        )
    )

    assert of_facts(source_day.of_fact, [talk]) == {
        "source-day:20260310:bhagavad_gita": {
            "source": [3, 1_920_000, 3, 3, 1, 2, 5_000_000, 1, 960_000, 1, 910_000, 1],
            "verse/2/47": [2, 1_000_000, 2, 880_000, 1],
            "verse/2/48": [1, 920_000, 1, 880_000, 1],
            "about/2/47/duty": [1],
            "about/2/48/duty": [1],
            "topic/duty": [1, 1_920_000, 3, 880_000, 1],
        },
        "source-day:20260310:dhammapada": {
            "source": [1, 0, 0, 0, 1, 1, 5_000_000, 1, 960_000, 1, 910_000, 1],
            "verse/1/5": [1, 0, 0, 880_000, 1],
            "about/1/5/duty": [1],
            "topic/duty": [1, 0, 0, 880_000, 1],
        },
    }
    assert of_facts(source_day.of_fact, [session(), interaction(citations=())]) == {}


def test_a_content_id_counts_once_however_it_is_split() -> None:
    talk = interaction(
        citations=(citation("a", chapter="b_c", verse="d"), citation("a_b", chapter="c", verse="d"))
    )
    found = of_facts(source_day.of_fact, [talk])

    assert "about/b_c/d/duty" in found["source-day:20260310:a"]
    assert "about/c/d/duty" not in found["source-day:20260310:a_b"]
    assert found["source-day:20260310:a_b"]["verse/c/d"] == [1, 920_000, 1]


def test_citations_add_to_their_month() -> None:
    talk = interaction(citations=(citation(), citation(), citation("dhammapada")))

    assert of_facts(month.of_fact, [talk, session(), incident()]) == {
        "month:202603": {"source/bhagavad_gita": [2], "source/dhammapada": [1]}
    }


def test_a_history_adds_to_its_months() -> None:
    some: list[AnyFact] = [interaction(), interaction(at_seconds=MARCH_10 * 86_400), session()]
    returning = interaction(at_seconds=(MARCH_10 + 1) * 86_400 + 64_800, topic="a/b")

    assert of_user(month.of_user, [*some, returning]) == {
        "month:202603": {
            "source/bhagavad_gita": [0, 1, 1],
            "tier/new": [1, 1, 429_500, 1, 503_000, 1, 760_000, 1, 5_000_000, 1],
            "tier-personality/new/krishna": [3],
            "tier-topic/new/duty": [2],
            "tier-topic/new/a%2Fb": [1],
            "tier-part/new/afternoon": [1],
            "tier-part/new/night": [1],
            "tier-part/new/evening": [1],
        },
        "month:202604": {"tier/churned": [1]},
    }


def test_citing_on_one_day_only_is_no_return() -> None:
    found = of_user(month.of_user, [interaction(), interaction()])

    assert found["month:202603"]["source/bhagavad_gita"] == [0, 1]


def test_an_incident_adds_to_each_source_once_and_to_each_citation() -> None:
    cited = (("bhagavad_gita", "2", "47"), ("bhagavad_gita", "2", "47"), ("dhammapada", "1", "5"))
    own = {
        "incidents": [1, 0, 1, 1, 2, 3, 1, 6_643_873, 1, 1],
        "severity/medium": [1],
        "kind/spam": [1],
        "category/insult": [2],
        "category/threat": [1],
    }

    assert of_facts(incident_month.of_fact, [incident(cited=cited)]) == {
        "incident-month:202603:bhagavad_gita": {**own, "chapter/2": [2], "verse/2.47": [2]},
        "incident-month:202603:dhammapada": {**own, "chapter/1": [1], "verse/1.5": [1]},
    }
    assert of_facts(incident_month.of_fact, [incident()]) == {
        "incident-month:202603:unattributed": own
    }
    assert of_facts(incident_month.of_fact, [session(), interaction()]) == {}


def test_an_incident_that_says_little_adds_little() -> None:
    quiet = incident(
        warnings=0,
        blocks=0,
        suspensions=0,
        review_pending=False,
        resolution_ms=None,
        resolved=False,
        categories=(),
    )
    rows = {
        None: [1],
        True: [1, 1, 1],
        False: [1, 0, 1],
    }
    for decided, row in rows.items():
        fact = msgspec.structs.replace(quiet, false_positive=decided)
        found = of_facts(incident_month.of_fact, [fact])
        assert row == found["incident-month:202603:unattributed"]["incidents"]
