"""Timer schedules: next runs of NCRONTAB expressions and time spans."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.functions.cron import Cron, parse_schedule
from emulators.functions.errors import HostError


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "moment", "expected"),
    [
        ("*/2 * * * * *", "2026-11-21T07:00:00", "2026-11-21T07:00:02"),
        ("*/2 * * * * *", "2026-11-21T07:00:01.5", "2026-11-21T07:00:02"),
        ("0 */5 * * * *", "2026-11-21T07:55:00", "2026-11-21T08:00:00"),
        ("0 0 * * * *", "2026-12-31T23:00:00", "2027-01-01T00:00:00"),
        ("0 30 9 * * Mon-Fri", "2026-11-20T09:30:00", "2026-11-23T09:30:00"),
        ("0 30 9 * Jan Mon", "2026-11-20T09:30:00", "2027-01-04T09:30:00"),
        ("0 0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("10/20 * * * * *", "2026-11-21T07:00:10", "2026-11-21T07:00:30"),
        ("5,1 0 0 1 1 *", "2026-01-01T00:00:01", "2026-01-01T00:00:05"),
        ("*/15 * * * *", "2026-11-21T07:00:00", "2026-11-21T07:15:00"),
    ],
)
def test_a_schedule_next_runs_at_the_first_matching_second(
    schedule: str, moment: str, expected: str
) -> None:
    assert utc(expected) == parse_schedule(schedule).next_after(utc(moment))


def test_the_day_of_the_month_and_the_day_of_the_week_both_have_to_match() -> None:
    friday_the_13th = parse_schedule("0 0 0 13 * 5").next_after(utc("2026-11-21T00:00:00"))

    assert utc("2027-08-13T00:00:00") == friday_the_13th


def test_a_schedule_that_never_matches_has_no_next_run() -> None:
    assert parse_schedule("0 0 0 31 2 *").next_after(utc("2026-11-21T00:00:00")) is None


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ("00:00:02", timedelta(seconds=2)),
        ("1.02:00:00", timedelta(days=1, hours=2)),
        ("25:00:00", timedelta(days=25)),
    ],
)
def test_a_time_span_runs_in_equal_steps(span: str, expected: timedelta) -> None:
    moment = utc("2026-11-21T07:00:00")

    assert moment + expected == parse_schedule(span).next_after(moment)


@pytest.mark.parametrize(
    "schedule",
    ["", "* * *", "60 * * * * *", "0 0 0 * * 7", "5-1 * * * * *", "*/0 * * * * *", "0:0:0"],
)
def test_a_schedule_that_cannot_be_read_is_refused(schedule: str) -> None:
    with pytest.raises(HostError, match=r"schedule"):
        parse_schedule(schedule)


_FIELD = st.sampled_from(["*", "*/7", "3", "1-5", "2,4"])


@given(
    fields=st.tuples(_FIELD, _FIELD, _FIELD, _FIELD, _FIELD, _FIELD),
    moment=st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001  # made UTC below
)
def test_the_next_run_is_after_the_moment_and_matches_every_field(
    fields: tuple[str, ...], moment: datetime
) -> None:
    schedule = parse_schedule(" ".join(fields))
    assert isinstance(schedule, Cron)
    now = moment.replace(tzinfo=UTC)

    due = schedule.next_after(now)

    assert due is not None
    assert now < due
    assert due.microsecond == 0
    assert (due.second in schedule.seconds, due.minute in schedule.minutes) == (True, True)
    assert (due.hour in schedule.hours, due.day in schedule.days) == (True, True)
    assert (due.month in schedule.months, due.isoweekday() % 7 in schedule.weekdays) == (True, True)
    assert schedule.next_after(due - timedelta(seconds=1)) == due
