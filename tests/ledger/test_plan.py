"""A plan says what is new, and writes all that it depends on under the ETags that were read."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.ledger.entries import Entry, Outcome, Verdict
from cosmos_views.ledger.owners import hot_id
from cosmos_views.ledger.plan import MOVES_MAX, Owner, Plan, Unread, counted_fact, plan
from materializers.users.history import HotUser, UserMonth, month_id
from pack import PACK
from processors.facts import AnyFact
from tests.ledger.histories_by_hand import counted, shown
from tests.ledger.ledger_by_hand import ADA, KEY, NOBODY, Ledger, verdict
from tests.ledger.some_facts import (
    MARCH_10,
    citation,
    incident,
    incidents,
    interaction,
    interactions,
    session,
    sessions,
)

DAY_SECONDS = 86_400
GITA = ("bhagavad_gita", "2", "47")


def of_one_source(
    document: str, some: st.SearchStrategy[Any], source: str
) -> st.SearchStrategy[list[Verdict]]:
    """What one batch decides: each document once, counted or gone."""
    names = st.sampled_from((f"{document}1", f"{document}2", "a"))
    decided = st.builds(verdict, names, some | st.none(), source=st.just(source))
    return st.lists(decided, min_size=1, max_size=3, unique_by=lambda one: one.entry_id)


batches = st.lists(
    of_one_source("talk", interactions, "user_interactions")
    | of_one_source("visit", sessions, "user_sessions")
    | of_one_source("report", incidents, "abuse_incidents"),
    max_size=6,
)


def on(day: int) -> int:
    return day * DAY_SECONDS + 43_200


def ids(made: Plan) -> list[str]:
    return [write.document_id for write in made.writes]


def test_what_is_seen_first_is_counted_and_written() -> None:
    one = verdict("a", interaction(), ts=7)
    made = Ledger().plan(one)

    assert made.transitions == [(None, interaction())]
    assert made.counted == [interaction()]
    assert made.retracted == []
    assert made.as_of == 7
    assert ids(made) == [one.entry_id, hot_id(KEY)]
    assert [write.etag for write in made.writes] == [None, None]
    assert made.before is None
    assert made.after is not None
    assert made.after.hot.user == "ada"
    assert made.after.hot.latest == "202603"
    assert made.writes[0].body == Entry(
        id=one.entry_id,
        pk="1:0",
        document="a",
        outcome=Outcome.COUNTED,
        etag='"a-7"',
        ts=7,
        lsn=7,
        user=KEY,
        fact=interaction(),
        ttl=None,
    )


def test_an_entry_keeps_the_time_to_live_of_its_verdict() -> None:
    one = msgspec.structs.replace(verdict("a", interaction()), ttl=5)
    body = Ledger().plan(one).writes[0].body

    assert isinstance(body, Entry)
    assert body.ttl == 5


def test_a_correction_retracts_what_was_counted() -> None:
    ledger = Ledger()
    ledger.decide(verdict("a", interaction()))
    made = ledger.decide(verdict("a", interaction(rating=1_000_000), ts=2))

    assert [interaction()] == made.retracted
    assert [interaction(rating=1_000_000)] == made.counted
    assert made.before is not None
    assert made.after is not None
    assert made.before.month("202603").sums.rating == 5_000_000
    assert made.after.month("202603").sums.rating == 1_000_000


@pytest.mark.parametrize("outcome", [Outcome.DELETED, Outcome.IGNORED, Outcome.DEAD])
def test_whatever_is_not_counted_retracts_and_is_remembered(outcome: Outcome) -> None:
    ledger = Ledger()
    ledger.decide(verdict("a", interaction()))
    gone = verdict("a", None, ts=2, outcome=outcome)
    made = ledger.decide(gone)

    assert made.transitions == [(interaction(), None)]
    assert ledger.documents[gone.entry_id]["outcome"] == outcome
    assert ledger.fact(gone) is None
    assert ledger.hot.active == {}


def test_a_version_that_says_the_same_writes_its_entry_alone() -> None:
    ledger = Ledger()
    ledger.decide(verdict("a", interaction()))
    again = verdict("a", interaction(), ts=2)
    made = ledger.decide(again)

    assert [again.entry_id] == ids(made)
    assert made.transitions == [(interaction(), interaction())]
    assert made.counted == made.retracted == []
    assert made.after is None
    assert ledger.documents[again.entry_id]["ts"] == 2


def test_a_deletion_heard_of_first_is_remembered() -> None:
    gone = verdict("a", None)
    made = Ledger().plan(gone)

    assert [gone.entry_id] == ids(made)
    assert made.transitions == [(None, None)]
    assert made.after is None


def test_an_anonymous_document_has_no_user() -> None:
    one = verdict("a", interaction(), partition_key=None)
    made = Ledger().plan(one, owner=NOBODY)

    assert [one.entry_id] == ids(made)
    assert made.counted == [interaction()]
    assert made.after is None
    body = made.writes[0].body
    assert isinstance(body, Entry)
    assert body.user is None


def test_an_anonymous_incident_is_joined_to_nothing() -> None:
    ledger = Ledger()
    ledger.decide(verdict("a", interaction(), partition_key=None), owner=NOBODY)
    made = ledger.decide(verdict("i", incident(), partition_key=None), owner=NOBODY)

    assert made.counted == [incident()]


@given(batches)
def test_planned_again_after_it_landed_a_plan_changes_nothing(
    rounds: list[list[Verdict]],
) -> None:
    ledger = Ledger()
    for some in rounds:
        ledger.decide(*some)
        again = ledger.plan(*some)

        assert again.counted == []
        assert again.retracted == []
        assert {one.entry_id for one in some} == set(ids(again))


@given(batches)
def test_every_document_of_the_user_that_a_plan_read_is_in_its_commit(
    rounds: list[list[Verdict]],
) -> None:
    ledger = Ledger()
    for some in rounds:
        made = ledger.plan(*some)
        if made.counted or made.retracted:
            depends_on = {
                one for one in ledger.read if one.startswith("u:") and one in ledger.documents
            }
            assert depends_on | {hot_id(KEY)} <= set(ids(made))
        assert len(ids(made)) == len(set(ids(made)))
        ledger.apply(made)


@given(batches)
def test_the_users_documents_follow_from_the_facts_that_entries_hold(
    rounds: list[list[Verdict]],
) -> None:
    ledger = Ledger()
    for some in rounds:
        ledger.decide(*some)
    kept = [
        fact
        for document in ledger.documents.values()
        if document["id"].startswith("e:")
        and (fact := counted_fact(PACK.facts, document["id"].split(":")[1], document)) is not None
    ]
    found = shown_of(ledger)
    expected = shown(counted(kept))

    assert expected == found


def shown_of(ledger: Ledger) -> dict[str, object]:
    if hot_id(KEY) not in ledger.documents:
        return {"active": {}, "seen": {}, "firsts": {}, "months": {}}
    hot = ledger.hot
    months = {hot.latest: hot.block}
    for document in ledger.documents.values():
        if document["id"].startswith(f"u:{KEY}:"):
            month = msgspec.convert(document, UserMonth, str_keys=True)
            months[month.id.rpartition(":")[2]] = month.block
    built = {month: msgspec.to_builtins(block) for month, block in months.items()}
    return {
        "active": hot.active,
        "seen": hot.seen,
        "firsts": hot.firsts,
        "months": {month: block for month, block in built.items() if block},
    }


@given(interactions, st.lists(incidents, min_size=1, max_size=2), st.booleans())
def test_a_join_is_the_same_in_whichever_order_the_two_come(
    talk: AnyFact, named: list[AnyFact], together: bool
) -> None:
    late, early = Ledger(), Ledger()
    talks = verdict("a", talk)
    reports = [verdict(f"i{place}", fact) for place, fact in enumerate(named)]
    if together:
        late.decide(*reports, talks)
    else:
        late.decide(*reports)
        late.decide(talks)
    early.decide(talks)
    early.decide(*reports)

    assert [early.fact(one) for one in reports] == [late.fact(one) for one in reports]


def test_an_incident_moves_with_its_interaction() -> None:
    ledger = Ledger()
    report = verdict("i", incident())
    ledger.decide(report)
    ledger.decide(verdict("a", interaction(citations=(citation(),))))
    etag = ledger.documents[report.entry_id]["etag"]
    moved = ledger.decide(verdict("a", interaction(citations=(citation("dhammapada"),)), ts=2))

    assert incident(cited=(GITA,)) in moved.retracted
    assert incident(cited=(("dhammapada", "2", "47"),)) in moved.counted
    assert etag == ledger.documents[report.entry_id]["etag"]

    gone = ledger.decide(verdict("a", None, ts=3))

    assert incident() in gone.counted


def test_an_incident_stays_where_the_citations_of_its_interaction_do() -> None:
    ledger = Ledger()
    ledger.decide(verdict("a", interaction()), verdict("i", incident()))
    made = ledger.decide(verdict("a", interaction(rating=None), ts=2))

    assert [interaction()] == made.retracted


def test_an_incident_that_is_gone_moves_no_more() -> None:
    ledger = Ledger()
    ledger.decide(verdict("i", incident()))
    ledger.decide(verdict("i", None, source="abuse_incidents", ts=2))
    made = ledger.decide(verdict("a", interaction()))

    assert made.counted == [interaction()]
    assert ledger.hot.joins == {}


def test_another_users_interaction_is_never_joined() -> None:
    ledger = Ledger()
    bob = Owner("1:0", "b", "bob")
    ledger.decide(verdict("a", interaction(), partition_key=None), owner=bob)
    made = ledger.decide(verdict("i", incident()))

    assert made.counted == [incident()]


def test_an_interaction_under_no_partition_key_value_is_joined() -> None:
    ledger = Ledger()
    ledger.decide(verdict("interaction_a", interaction(), partition_key=None))
    made = ledger.decide(verdict("i", incident()))

    assert made.counted == [incident(cited=(GITA,))]


def test_more_moves_than_a_commit_takes_are_made_before_the_verdict_is_decided() -> None:
    ledger = Ledger()
    reports = [verdict(f"i{number}", incident()) for number in range(MOVES_MAX + 5)]
    for report in reports:
        ledger.decide(report)
    talk = verdict("a", interaction())

    first = ledger.decide(talk)
    assert first.partial
    assert len(first.counted) == MOVES_MAX
    assert list(first.settled([talk])) == []
    assert talk.entry_id not in ids(first)

    second = ledger.decide(talk)
    assert not second.partial
    assert len(second.counted) == 1 + 5
    assert list(second.settled(["verdict"])) == [("verdict", (None, interaction()))]


def test_exactly_as_many_moves_as_a_commit_takes_are_made_at_once() -> None:
    ledger = Ledger()
    for number in range(MOVES_MAX):
        ledger.decide(verdict(f"i{number}", incident()))

    assert not ledger.plan(verdict("a", interaction())).partial


def test_an_earlier_month_is_asked_for_before_it_is_changed() -> None:
    ledger = Ledger()
    ledger.decide(verdict("a", interaction()))
    ledger.decide(verdict("b", interaction(at_seconds=on(MARCH_10 + 22))))
    late = verdict("c", session())
    known = {hot_id(KEY): ledger.documents[hot_id(KEY)]}
    with pytest.raises(Unread, match="1 documents") as unread:
        plan(PACK.owners, PACK.facts, ADA, [late], known, {late.entry_id, hot_id(KEY)})

    assert unread.value.ids == {month_id(KEY, "202603")}
    made = ledger.decide(late)
    assert month_id(KEY, "202603") in ids(made)
    assert ledger.hot.latest == "202604"


def test_changes_of_a_new_user_count_in_any_order_of_months() -> None:
    made = Ledger().plan(
        verdict("a", interaction(at_seconds=on(MARCH_10 - 10))),
        verdict("b", interaction(at_seconds=on(MARCH_10 + 22))),
        verdict("c", interaction()),
    )

    hot = next(write.body for write in made.writes if write.document_id == hot_id(KEY))
    assert isinstance(hot, HotUser)
    assert hot.latest == "202604"
    assert [month_id(KEY, "202602"), month_id(KEY, "202603")] == ids(made)[4:]


def test_when_the_first_day_moves_its_months_are_read() -> None:
    ledger = Ledger()
    ledger.decide(
        verdict("a", interaction(at_seconds=on(MARCH_10 - 10))),
        verdict("b", interaction()),
        verdict("c", interaction(at_seconds=on(MARCH_10 + 22))),
    )
    ledger.plan(verdict("a", None, ts=2))

    assert {month_id(KEY, "202602"), month_id(KEY, "202603")} <= ledger.read

    ledger.plan(verdict("c", None, ts=2))

    assert month_id(KEY, "202602") not in ledger.read


def test_only_a_counted_entry_has_a_fact() -> None:
    entry = {"outcome": "counted", "fact": msgspec.to_builtins(session())}

    assert counted_fact(PACK.facts, "user_sessions", entry) == session()
    assert counted_fact(PACK.facts, "user_sessions", {"outcome": "dead", "fact": None}) is None
    assert counted_fact(PACK.facts, "user_sessions", None) is None


def test_the_greatest_write_time_of_the_verdicts_is_the_plans() -> None:
    late, early = verdict("a", None, ts=9), verdict("b", None, ts=3)

    assert Ledger().plan(late, early).as_of == 9


def test_the_user_is_known_from_the_hot_document_when_no_version_names_it() -> None:
    ledger = Ledger()
    ledger.decide(verdict("a", interaction()), verdict("i", incident()))
    made = ledger.decide(verdict("a", None, ts=2), owner=Owner("1:0", KEY, None))

    assert incident() in made.counted
