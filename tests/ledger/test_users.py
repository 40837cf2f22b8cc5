"""A user's history takes facts in and out, and follows from what is in it alone."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.ledger.owners import hot_id, owner_key
from materializers.users.documents import load_user
from materializers.users.history import (
    Carried,
    Day,
    HotUser,
    Month,
    MonthsMissing,
    MonthTotals,
    User,
    UserMonth,
    month_id,
)
from processors.facts import AnyFact, InteractionFact
from tests.ledger.histories_by_hand import (
    counted,
    counts_of_day,
    first_citations,
    masks,
    new_user,
    shown,
)
from tests.ledger.some_facts import DAYS, MARCH_10, citation, facts, incident, interaction, session

DAY_SECONDS = 86_400
many = st.lists(facts, max_size=8)


def on(day: int) -> int:
    return day * DAY_SECONDS + 43_200


@given(many, facts)
def test_counting_and_uncounting_is_nothing(some: list[AnyFact], more: AnyFact) -> None:
    user = counted(some)
    before = shown(user)
    user.count(more, 1)
    user.count(more, -1)

    assert before == shown(user)


@given(many.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_of_counting_does_not_matter(orders: tuple[list[AnyFact], list[AnyFact]]) -> None:
    expected, found = new_user("202604"), new_user("202604")
    for user, order in ((expected, orders[0]), (found, orders[1])):
        for fact in order:
            user.count(fact, 1)

    assert shown(expected) == shown(found)


@given(many, many)
def test_what_was_uncounted_leaves_no_trace(kept: list[AnyFact], gone: list[AnyFact]) -> None:
    user = counted([*kept, *gone])
    for fact in gone:
        user.count(fact, -1)

    assert shown(counted(kept)) == shown(user)


@given(many, many)
def test_days_first_days_and_masks_follow_from_the_facts(
    kept: list[AnyFact], gone: list[AnyFact]
) -> None:
    user = counted([*kept, *gone])
    for fact in gone:
        user.count(fact, -1)

    assert masks(kept, active=True) == user.hot.active
    assert masks(kept, active=False) == user.hot.seen
    assert first_citations(kept) == user.hot.firsts
    assert min((fact.day for fact in kept), default=None) == user.first_day
    for day in DAYS:
        found = user.day(day)
        assert counts_of_day(kept, day) == (None if found is None else msgspec.to_builtins(found))
        assert user.active(day) == bool(found is not None and (found.interactions + found.sessions))


@given(many)
def test_a_month_sums_up_its_facts(some: list[AnyFact]) -> None:
    user = counted(some)
    for month, block in user.months.items():
        talks = [f for f in some if isinstance(f, InteractionFact) and month_of(f) == month]
        ratings = [fact.rating for fact in talks if fact.rating is not None]

        assert len(talks) == block.interactions
        assert (sum(ratings), len(ratings)) == (block.sums.rating, block.sums.ratings)
        assert sum(fact.cost_nano_usd for fact in talks) == block.sums.cost_nano_usd
        for counts in (block.hours, block.topics, block.personalities):
            assert len(talks) == sum(counts.values())


def month_of(fact: AnyFact) -> str:
    return {DAYS[4]: "202604", DAYS[5]: "202602"}.get(fact.day, "202603")


def sums_of(*some: AnyFact) -> dict[str, int]:
    """The totals that are not zero."""
    return {name: value for name, value in block_of(*some).sums._asdict().items() if value}


def block_of(*some: AnyFact) -> Month:
    return counted(some).month("202603")


def test_an_interaction_adds_to_its_month() -> None:
    expected = {
        "rating": 5_000_000,
        "ratings": 1,
        "complexity": 500_000,
        "complexities": 1,
        "complete": 1,
        "cost_nano_usd": 1_210_200,
        "input_tokens": 234,
        "output_tokens": 456,
    }

    assert expected == sums_of(interaction())


def test_one_token_count_alone_counts_no_tokens() -> None:
    assert "output_tokens" not in sums_of(interaction(input_tokens=None))
    assert "input_tokens" not in sums_of(interaction(output_tokens=None))


def test_what_an_interaction_does_not_say_is_no_value_of_zero() -> None:
    nothing = interaction(rating=None, complexity=None, complete=False, cost_nano_usd=0)

    assert sums_of(nothing) == {"input_tokens": 234, "output_tokens": 456}
    assert sums_of(interaction(rating=1_000_000, complexity=0))["complexities"] == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {},
            {"duration_ms": 503_000, "durations": 1, "depth": 760_000, "depths": 1}
            | {"completed": 1, "ended": 1, "medium_sessions": 1},
        ),
        (
            {"duration_ms": 299_999, "status": "abandoned", "depth": None},
            {"duration_ms": 299_999, "durations": 1, "ended": 1, "short_sessions": 1},
        ),
        (
            {"duration_ms": 300_000, "status": "expired", "depth": 0},
            {"duration_ms": 300_000, "durations": 1, "depths": 1, "ended": 1, "medium_sessions": 1},
        ),
        (
            {"duration_ms": 900_000, "status": "other", "depth": None},
            {"duration_ms": 900_000, "durations": 1, "medium_sessions": 1},
        ),
        (
            {"duration_ms": 900_001, "status": "other", "depth": None},
            {"duration_ms": 900_001, "durations": 1, "long_sessions": 1},
        ),
        (
            {"duration_ms": 0, "status": "other", "depth": None},
            {"durations": 1, "short_sessions": 1},
        ),
        ({"duration_ms": None, "status": "other", "depth": None}, {}),
    ],
)
def test_a_session_adds_to_its_month(fields: dict[str, Any], expected: dict[str, int]) -> None:
    assert expected == sums_of(session(**fields))


def test_an_incident_makes_a_day_seen_and_not_active() -> None:
    user = counted([incident()])

    assert user.hot.active == {}
    assert user.first_day == MARCH_10
    assert not user.active(MARCH_10)
    assert block_of(incident()).sums == MonthTotals()
    assert block_of(incident()).active_days == []


def test_active_days_are_in_order() -> None:
    block = block_of(
        session(at_seconds=on(MARCH_10 + 3)),
        interaction(),
        incident(at_seconds=on(MARCH_10 + 1)),
        interaction(at_seconds=on(MARCH_10 - 9)),
    )

    assert block.active_days == [1, 10, 13]
    assert (block.interactions, block.sessions) == (2, 1)


def test_hours_and_minutes_are_utc() -> None:
    block = block_of(interaction(at_seconds=MARCH_10 * DAY_SECONDS + 23 * 3_600 + 59 * 60 + 59))

    assert block.hours == {23: 1}
    assert block.days[10].minutes == {1_439: 1}


def test_when_the_first_citation_goes_the_next_day_that_cites_becomes_first() -> None:
    first = interaction(citations=(citation(), citation()))
    user = counted(
        [
            first,
            incident(),
            interaction(at_seconds=on(MARCH_10 + 22)),
            interaction(at_seconds=on(MARCH_10 + 1), citations=(citation("dhammapada"),)),
        ]
    )
    user.count(first, -1)

    assert user.hot.firsts == {"bhagavad_gita": MARCH_10 + 22, "dhammapada": MARCH_10 + 1}


def test_a_new_month_begins_and_the_one_before_becomes_its_own_document() -> None:
    user = new_user("202602")
    user.count(interaction(), 1)

    assert user.hot.latest == "202603"
    assert user.hot.block is user.months["202603"]
    assert user.touched == {"202602", "202603"}
    assert user.months["202602"] == Month()


def test_the_latest_month_never_goes_back() -> None:
    user = new_user("202604")
    user.count(interaction(), 1)

    assert user.hot.latest == "202604"
    assert user.touched == {"202603"}


def test_a_month_that_was_not_read_is_asked_for() -> None:
    user = User.new("k", "1:0", "ada", "202604")
    with pytest.raises(MonthsMissing, match="202603") as missing:
        user.count(interaction(), 1)

    assert missing.value.months == {"202603"}


def test_joins_are_listed_by_the_interaction_named() -> None:
    user = new_user()
    user.list_join("i1", None, "a")
    user.list_join("i2", None, "a")
    user.list_join("i1", "a", "b")

    assert list(user.hot.joins.values()) == [["i2"], ["i1"]]

    user.list_join("i1", "b", None)
    user.list_join("i2", "a", None)
    user.list_join("i3", "never listed", "never listed")
    user.list_join("i3", "never listed", None)

    assert user.hot.joins == {}


@given(many, many)
def test_a_copy_counts_apart(kept: list[AnyFact], more: list[AnyFact]) -> None:
    user = counted(kept)
    as_it_was = shown(user)
    copy = user.copy()
    for fact in sorted(more, key=lambda fact: fact.day):
        copy.count(fact, 1)
    copy.list_join("i", None, "a")

    assert shown(user) == as_it_was
    assert user.hot.joins == {}
    for fact in more:
        copy.count(fact, -1)
    assert shown(copy) == as_it_was


@given(many)
def test_active_days_are_those_on_which_the_user_was_active(some: list[AnyFact]) -> None:
    user = counted(some)
    user.hot.carried = Carried(MARCH_10 - 30, active={"202602": 0b1011})
    first = MARCH_10 - 14
    found = user.active_days(first, 28)

    assert [user.active(first + place) for place in range(28)] == [
        bool(found >> place & 1) for place in range(28)
    ]
    assert found < 1 << 28


def test_a_history_is_read_back_from_its_documents() -> None:
    user = counted(
        [interaction(), session(at_seconds=on(MARCH_10 - 10)), incident(at_seconds=on(MARCH_10))]
    )
    user.list_join("i1", None, "a")
    month = UserMonth(month_id("k", "202602"), "1:0", user.months["202602"])
    documents = {
        hot_id("k"): msgspec.json.decode(msgspec.json.encode(user.hot)),
        month.id: msgspec.json.decode(msgspec.json.encode(month)),
    }

    found = load_user("k", documents, ["202602", "202601"])

    assert found is not None
    assert user.hot == found.hot
    assert user.months["202602"] == found.months["202602"]
    assert found.months["202601"] == Month()
    assert found.key == "k"


def test_a_user_without_a_hot_document_is_unknown() -> None:
    assert load_user("k", {}, ["202603"]) is None


def test_names_of_a_users_documents() -> None:
    assert owner_key("ada") == "f0cc61805eba05e4d18fe33a24fb0383"
    assert hot_id("k") == "u:k"
    assert month_id("k", "202603") == "u:k:202603"


def test_a_new_user_has_nothing() -> None:
    user = User.new("k", "1:0", "ada", "202603")

    assert user.hot == HotUser("u:k", "1:0", "ada", "202603", Month())
    assert user.first_day is None
    assert user.day(MARCH_10) is None


@pytest.mark.parametrize(
    ("day", "active", "seen"),
    [
        (Day(), False, False),
        (Day(interactions=1), True, True),
        (Day(sessions=1), True, True),
        (Day(incidents=1), False, True),
    ],
)
def test_a_day_is_active_by_interactions_and_sessions(day: Day, active: bool, seen: bool) -> None:
    assert (active, seen) == (day.active, day.seen)
