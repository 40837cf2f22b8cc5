"""A journal document carries what plans are worth: all of the difference, and nothing else."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_views.ledger.entries import Outcome
from cosmos_views.ledger.plan import Owner
from cosmos_views.publish.journal import delta_of, journal_of
from cosmos_views.publish.measures import Delta, add, normalized_delta
from materializers.users.touched import Touched, touched_by
from pack import PACK, USERS
from processors.facts import AnyFact
from tests.ledger.ledger_by_hand import ADA, KEY, NOBODY, Ledger, verdict
from tests.ledger.some_facts import (
    MARCH_10,
    citation,
    facts,
    incident,
    interaction,
    session,
)
from tests.materializers.test_contributions import of_facts, of_user

changes = st.lists(st.tuples(st.sampled_from("abc"), st.none() | facts), min_size=1, max_size=8)


def plus(left: Delta, right: Delta) -> Delta:
    return normalized_delta(
        {key: add(left.get(key, {}), right.get(key, {})) for key in {**left, **right}}
    )


@settings(max_examples=60)
@given(changes)
def test_deltas_add_up_to_what_the_last_versions_are_worth(
    some: list[tuple[str, AnyFact | None]],
) -> None:
    ledger, total, last = Ledger(), Delta(), dict[str, AnyFact]()
    source = "user_interactions"
    for number, (document, fact) in enumerate(some):
        if fact is not None and type(fact).__name__ != "InteractionFact":
            continue
        total = plus(
            total,
            delta_of(PACK, [ledger.decide(verdict(document, fact, source=source, ts=number))]),
        )
        last.pop(document, None)
        if fact is not None:
            last[document] = fact
    expected: Delta = {}
    for of_fact in PACK.of_fact:
        expected = plus(expected, of_facts(of_fact, last.values()))
    for contributions in USERS.of_user:
        expected = plus(expected, of_user(contributions, last.values()))

    assert expected == total


def test_a_change_and_its_deletion_are_worth_nothing() -> None:
    ledger = Ledger()
    first = delta_of(PACK, [ledger.decide(verdict("a", interaction()))])
    second = delta_of(PACK, [ledger.decide(verdict("a", None, ts=2))])

    assert first
    assert plus(first, second) == {}


def test_an_anonymous_document_contributes_without_a_user() -> None:
    delta = delta_of(
        PACK, [Ledger().plan(verdict("a", session(), partition_key=None), owner=NOBODY)]
    )

    assert delta == {"day:20260310": {"sessions": [1, 503_000, 1, 1, 1]}}


def test_several_plans_are_one_delta() -> None:
    ada = Ledger().plan(verdict("a", session()))
    bob = Ledger().plan(verdict("b", session()), owner=Owner("1:0", "b", "bob"))

    assert delta_of(PACK, [ada, bob])["day:20260310"]["users"] == [2, 2]
    journal = journal_of(PACK, "1:0", [bob, ada], 5, KEY)
    assert journal is not None
    assert journal.touched == ["user:202603:ada", "user:202603:bob"]


def test_a_journal_document_is_named_by_its_time() -> None:
    journal = journal_of(
        PACK, "1:0", [Ledger().plan(verdict("a", session(), ts=9))], 1_234, "nonce"
    )

    assert journal is not None
    assert journal.id == "j:0000000001234:nonce"
    assert journal.pk == "1:0"
    assert journal.as_of == 9
    assert journal.touched == ["user:202603:ada"]
    assert journal.delta["day:20260310"]["sessions"] == [1, 503_000, 1, 1, 1]


def test_the_greatest_write_time_of_all_plans_is_the_journals() -> None:
    plans = [
        Ledger().plan(verdict("a", session(), ts=9)),
        Ledger().plan(verdict("b", session(), ts=4)),
    ]
    journal = journal_of(PACK, "1:0", plans, 0, "n")

    assert journal is not None
    assert journal.as_of == 9


def test_without_a_difference_there_is_no_journal_document() -> None:
    ledger = Ledger()
    ledger.decide(verdict("a", session()))

    assert journal_of(PACK, "1:0", [ledger.plan(verdict("a", session(), ts=2))], 0, "n") is None
    assert (
        journal_of(PACK, "1:0", [ledger.plan(verdict("z", None, outcome=Outcome.DEAD))], 0, "n")
        is None
    )


def test_a_difference_that_only_the_user_shows_is_touched() -> None:
    ledger = Ledger()
    ledger.decide(verdict("a", session(depth=1)))
    made = ledger.plan(verdict("a", session(depth=2), ts=2))
    journal = journal_of(PACK, "1:0", [made], 0, "n")

    assert journal is not None
    assert journal.touched == ["user:202603:ada"]


MINUTE = interaction().minute_of_day


def test_days_months_and_sources_of_the_facts_are_touched() -> None:
    ledger = Ledger()
    ledger.decide(verdict("a", interaction()))
    later = interaction(
        at_seconds=(MARCH_10 + 22) * 86_400, citations=(citation("dhammapada"), citation("a"))
    )
    made = ledger.plan(verdict("a", later, ts=2))

    assert touched_by(made) == Touched(
        days=frozenset((MARCH_10, MARCH_10 + 22)),
        months=frozenset(("202603", "202604")),
        sources=frozenset(("bhagavad_gita", "dhammapada", "a")),
        moved_days={MARCH_10, MARCH_10 + 22},
        minutes={MARCH_10 * 1_440 + MINUTE, (MARCH_10 + 22) * 1_440},
        hours={MINUTE // 60, 0},
        topics={interaction().topic},
        personalities={interaction().personality},
        moved_months={"202603", "202604"},
        turned_months={"202603", "202604"},
    )


def test_what_is_as_before_is_not_touched() -> None:
    ledger = Ledger()
    ledger.decide(verdict("a", interaction()))
    made = touched_by(ledger.plan(verdict("b", interaction())))

    assert made.months == {"202603"}
    assert (made.moved_months, made.turned_months, made.first_day) == (set(), set(), False)
    assert (made.moved_days, made.minutes, made.sources) == (set(), set(), frozenset())


def test_months_of_a_first_day_that_moves_are_touched() -> None:
    ledger = Ledger()
    ledger.decide(verdict("a", interaction()))
    earlier = interaction(at_seconds=(MARCH_10 - 60) * 86_400)
    made = ledger.plan(verdict("b", earlier))

    assert touched_by(made).months == {"202601", "202603"}

    ledger.apply(made)
    stays = ledger.plan(verdict("c", session()))

    assert touched_by(stays).months == {"202603"}


def test_an_incident_touches_no_source() -> None:
    made = Ledger().plan(verdict("i", incident(cited=(("bhagavad_gita", "2", "47"),))))

    assert touched_by(made).sources == frozenset()


def test_a_journal_survives_its_storage() -> None:
    journal = journal_of(PACK, "1:0", [Ledger().plan(verdict("a", interaction()))], 5, KEY)

    assert journal is not None
    stored = msgspec.json.decode(msgspec.json.encode(journal))
    assert journal == msgspec.convert(stored, type(journal))
    assert ADA.key == KEY
