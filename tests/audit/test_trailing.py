"""A trailing reader meets each document when it has reached an age, and none is left out."""

import pytest
from azure.cosmos import PartitionKey

from cosmos_views.ledger.commits import Transient
from cosmos_views.upkeep.trailing import PAGE_DOCUMENTS
from emulators.cosmos import Endpoint
from tests.audit.readers import DAY, HOUR, Met
from tests.worker.ground import INTERACTIONS, Ground
from tests.worker.stories import interaction


def write(ground: Ground, *names: str) -> None:
    for name in names:
        ground.container(INTERACTIONS).upsert_item(interaction(name, user_id=f"user-{name}"))


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def test_documents_are_met_when_they_have_the_age_and_once(ground: Ground) -> None:
    met = Met(ground)
    write(ground, "a", "b")
    ground.later(HOUR // 2)
    write(ground, "c")

    assert met.run().documents == 0
    ground.later(HOUR // 2 + 1)
    assert met.run().documents == 2
    assert met.run().documents == 0
    ground.later(HOUR // 2 + 1)
    met.run()

    assert met.times == {"a": 1, "b": 1, "c": 1}


def test_a_document_that_was_written_again_is_met_again_when_it_has_aged_anew(
    ground: Ground,
) -> None:
    met = Met(ground)
    write(ground, "a", "b")
    ground.later(HOUR + 1)
    met.run()
    write(ground, "a")

    met.run()
    assert met.times == {"a": 1, "b": 1}
    ground.later(HOUR + 1)
    met.run()

    assert met.times == {"a": 2, "b": 1}


def test_equal_seconds_at_the_edge_lose_and_repeat_nothing(ground: Ground) -> None:
    """With no delay at all, what is written later in the very second that was read is still met."""
    met = Met(ground, delay_seconds=0)
    container = ground.container(INTERACTIONS)
    seconds: dict[str, int] = {}
    for name in names("d", 60):
        seconds[name] = container.upsert_item(interaction(name, user_id=name))["_ts"]
        met.reader.now_ms = lambda at=seconds[name]: at * 1_000  # type: ignore[misc]  # bound now
        met.run()

    assert met.times == dict.fromkeys(seconds, 1)
    assert len(set(seconds.values())) < len(seconds), "some shared their second"


def test_a_page_of_which_only_a_part_has_aged_is_passed_as_far_as_it_has(ground: Ground) -> None:
    met = Met(ground)
    write(ground, "a", "b", "c")
    ground.later(HOUR // 2)
    write(ground, "d", "e")
    ground.later(HOUR // 2 + 1)

    assert met.run().documents == 3
    [cursor] = met.cursors()
    assert cursor.documents == 3
    ground.later(HOUR // 2 + 1)
    assert met.run().documents == 2

    assert set(met.times.values()) == {1}


def test_a_run_is_bounded_and_the_next_one_takes_up_the_rest(ground: Ground) -> None:
    met = Met(ground)
    many = names("d", 2 * PAGE_DOCUMENTS + 30)
    write(ground, *many)
    ground.later(HOUR + 1)

    assert [met.run(pages=1).caught_up for _ in range(4)] == [False, False, False, True]
    assert met.times == dict.fromkeys(many, 1)


@pytest.mark.parametrize("endpoint", [3], indirect=True, ids=["three-ranges"])
def test_more_ranges_than_pages_in_a_run_are_all_caught_up_with(ground: Ground) -> None:
    """To find nothing takes no page; else the first ranges would take all of them in every run."""
    met = Met(ground)
    write(ground, *names("d", 30))
    ground.later(HOUR + 1)

    assert [met.run(pages=2).caught_up for _ in range(3)][-1]
    assert met.times == dict.fromkeys(names("d", 30), 1)


def test_what_fails_keeps_the_cursor_where_it_is(ground: Ground) -> None:
    met = Met(ground)
    write(ground, *names("d", 5))
    ground.later(HOUR + 1)

    def fail() -> None:
        raise Transient("not now")

    met.before = fail
    with pytest.raises(Transient, match="not now"):
        met.run()
    met.before = lambda: None
    met.run()

    assert met.times == dict.fromkeys(names("d", 5), 1)


@pytest.mark.parametrize("endpoint", [1, 3], indirect=True, ids=["one-range", "three-ranges"])
@pytest.mark.parametrize("read_before", [0, 1, 2])
def test_a_split_between_runs_loses_nothing(
    endpoint: Endpoint, ground: Ground, read_before: int
) -> None:
    met = Met(ground)
    many = names("d", 250)
    write(ground, *many[:200])
    ground.later(HOUR + 1)
    for _ in range(read_before):
        met.run(pages=1)
    ranges = len(met.cursors()) or len(met.reader.feed.ranges(INTERACTIONS)[1])

    endpoint.split(ground.database, INTERACTIONS)
    write(ground, *many[200:])
    ground.later(HOUR + 1)
    assert met.run().caught_up
    endpoint.split(ground.database, INTERACTIONS)
    assert met.run().documents == 0

    assert met.times == dict.fromkeys(many, 1)
    assert len(met.cursors()) == ranges + 2


@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_split_while_it_reads_loses_nothing(ground: Ground, page: int) -> None:
    met = Met(ground)
    many = names("d", 250)
    write(ground, *many)
    ground.later(HOUR + 1)
    pages = 0

    def split() -> None:
        nonlocal pages
        pages += 1
        if pages == page:
            ground.endpoint.split(ground.database, INTERACTIONS)

    met.before = split
    reading = met.run()

    assert met.times == dict.fromkeys(many, 1)
    assert reading.caught_up
    assert reading.splits == 1
    assert len(met.cursors()) == 2


def test_two_workers_repeat_at_most_what_they_share(ground: Ground) -> None:
    one, other = Met(ground), Met(ground)
    many = names("d", 150)
    write(ground, *many)
    ground.later(HOUR + 1)

    def others_run() -> None:
        one.before = lambda: None
        assert other.run().caught_up

    one.before = others_run
    assert one.run().lost_races == 1
    one.run()
    other.run()

    assert other.times == dict.fromkeys(many, 1)
    assert one.times == dict.fromkeys(many[:PAGE_DOCUMENTS], 1)
    [cursor] = one.cursors()
    assert cursor.documents == 150


def test_a_container_that_was_replaced_is_read_from_its_beginning(ground: Ground) -> None:
    write(ground, *names("old", 5))
    ground.later(HOUR + 1)
    Met(ground).run()
    database = ground.client.get_database_client(ground.database)
    database.delete_container(INTERACTIONS)
    database.create_container(INTERACTIONS, PartitionKey("/user_id"))
    write(ground, *names("new", 3))
    ground.later(HOUR + 1)

    met = Met(ground)
    met.run()

    assert met.times == dict.fromkeys(names("new", 3), 1)


def test_what_expired_behind_a_reader_that_stood_still_is_reported_and_remembered(
    ground: Ground,
) -> None:
    met = Met(ground)
    write(ground, "a")
    ground.later(HOUR + 1)
    assert met.run().risks == []
    write(ground, "never-read")
    ground.later(375 * DAY)
    write(ground, "b")
    ground.later(HOUR + 1)

    [risk] = met.run().risks

    assert risk.days_expired == pytest.approx(10, abs=0.1)
    assert risk.days_at_risk == 0
    assert met.times == {"a": 1, "b": 1}
    [cursor] = met.cursors()
    [gap] = cursor.expired
    assert gap.end - gap.start == pytest.approx(10 * DAY, abs=DAY / 10)
    assert met.run().risks == [], "it is news once"


def test_documents_about_to_expire_unread_are_reported_until_they_are_read(ground: Ground) -> None:
    met = Met(ground)
    write(ground, *names("d", PAGE_DOCUMENTS))
    ground.later(3 * DAY)
    write(ground, *names("e", PAGE_DOCUMENTS))
    ground.later(360 * DAY)

    [risk] = met.run(pages=1).risks

    assert risk.days_at_risk == pytest.approx(5, abs=0.1)
    assert risk.days_expired == 0
    assert met.run().risks == []


def test_a_quiet_container_is_no_risk(ground: Ground) -> None:
    met = Met(ground)
    write(ground, "a")
    for _ in range(4):
        ground.later(300 * DAY)
        assert met.run().risks == []
