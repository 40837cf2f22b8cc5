"""Times are read as views.md says, and days, months and windows are named by UTC."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.ledger.instants import (
    day_label,
    day_of_label,
    instant_us,
    iso,
    month_label,
    month_start,
    next_month,
    previous_month,
    window_label,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON_US = 1_773_144_000_000_000
"""2026-03-10T12:00:00Z."""

zones = st.integers(min_value=-1_439, max_value=1_439).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
moments = st.datetimes(
    min_value=datetime(1970, 1, 3),  # noqa: DTZ001  # the strategy adds the zone
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=zones,
)
days = st.integers(min_value=0, max_value=2_932_000)


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


@given(moments)
def test_iso_text_with_any_offset_names_its_instant(moment: datetime) -> None:
    assert microseconds(moment) == instant_us(moment.isoformat(timespec="microseconds"))


@given(moments)
def test_naive_text_is_utc(moment: datetime) -> None:
    naive = moment.astimezone(UTC).replace(tzinfo=None)

    assert microseconds(moment) == instant_us(naive.isoformat(sep=" ", timespec="microseconds"))


@given(st.integers(min_value=10**11, max_value=253_402_300_799_999))
def test_large_numbers_are_milliseconds(milliseconds: int) -> None:
    assert milliseconds * 1_000 == instant_us(milliseconds)


@given(st.integers(min_value=0, max_value=10**11 - 1))
def test_smaller_numbers_are_seconds(seconds: int) -> None:
    assert seconds * 1_000_000 == instant_us(seconds)


@pytest.mark.parametrize(
    ("written", "us"),
    [
        ("2026-03-10T12:00:00Z", NOON_US),
        ("2026-03-10 12:00:00", NOON_US),
        ("2026-03-10T12:00:00.1Z", NOON_US + 100_000),
        ("2026-03-10T12:00:00.123456999Z", NOON_US + 123_456),
        ("2026-03-10T12:00:00.000001Z", NOON_US + 1),
        ("2026-03-10T13:30:00+01:30", NOON_US),
        ("2026-03-10T04:00:00-08:00", NOON_US),
        ("2026-03-10T11:59:30-00:00", NOON_US - 30_000_000),
        ("1970-01-01T00:00:00Z", 0),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("2026-03-10T23:59:59Z", NOON_US + 43_199_000_000),
        ("2026-03-10t12:00:00Z", NOON_US),
        ("2026-03-10T12:00:00z", NOON_US),
        ("2026-03-10T12:00:00+0000", NOON_US),
        ("2026-03-10T17:30:00+0530", NOON_US),
        ("2026-03-10T17:00:00+05", NOON_US),
        ("2026-03-09T24:00:00Z", NOON_US - 43_200_000_000),
        ("2026-03-09 24:00:00.000", NOON_US - 43_200_000_000),
        ("2026-03-10T24:00:00+12", NOON_US),
        ("1969-12-31T24:00:00Z", 0),
        ("/Date(1773144000000)/", NOON_US),
        ("/Date(1773144000000+0530)/", NOON_US),
        ("/Date(7)/", 7_000),
        (1_773_144_000, NOON_US),
        (1_773_144_000.25, NOON_US + 250_000),
        (1_773_144_000_000, NOON_US),
        (1_773_144_000_000.5, NOON_US + 500),
        (0.1234569, 123_456),
        (0, 0),
        (99_999_999_999, 99_999_999_999_000_000),
        (100_000_000_000, 100_000_000_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ],
)
def test_accepted_spellings(written: str | float, us: int) -> None:
    assert us == instant_us(written)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-10",
        "2026-03-10T24:00:01Z",
        "2026-03-10T24:00:00.001Z",
        "2026-03-10T24:01:00Z",
        "9999-12-31T24:00:00Z",
        "2026-03-10T12:60:00Z",
        "2026-03-10T12:00:60Z",
        "2026-03-10T12:00Z",
        "2026-03-10T12:00:00.Z",
        "2026-03-10T12:00:00.1234567891Z",
        "2026-03-10  12:00:00",
        "2026-03-10T12:00:00 Z",
        "2026-03-10T12:00:00+2400",
        "2026-03-10T12:00:00+24",
        "2026-03-10T12:00:00+1",
        "/Date(-1)/",
        "/Date(1773144000000.5)/",
        "/Date(1773144000000)",
        "/Date(9999999999999999)/",
        "2026-03-10T12:00:00+24:00",
        "2026-03-10T12:00:00+01:60",
        " 2026-03-10T12:00:00Z",
        "2026-03-10T12:00:00Z\n",
        "٢٠٢٦-03-10T12:00:00Z",
        "2025-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:30:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "1773144000",
        "soon",
        -1,
        -0.0000001,
        -(10**11),
        10**18,
        1e300,
    ],
)
def test_unreadable_times_are_refused(written: str | float) -> None:
    with pytest.raises(ValueError, match=r"."):
        instant_us(written)


def test_the_refusal_of_a_text_that_is_no_time_gives_an_example() -> None:
    with pytest.raises(ValueError, match=r"^a time like 2025-08-05T14:39:15\.127Z$"):
        instant_us("soon")
    with pytest.raises(ValueError, match=r"^a time from 1970 to 9999$"):
        instant_us(-5)
    for impossible in ("2025-02-29T00:00:00Z", "0000-01-01T00:00:00Z", "2026-13-01T00:00:00Z"):
        with pytest.raises(ValueError, match=r"^a [a-z ]+$"):
            instant_us(impossible)


@given(days)
def test_day_and_month_labels_are_the_calendar_of_utc(day: int) -> None:
    on = date(1970, 1, 1) + timedelta(days=day)

    assert on.strftime("%Y%m%d").zfill(8) == day_label(day)
    assert on.strftime("%Y%m").zfill(6) == month_label(day)
    assert day == day_of_label(day_label(day))
    assert (on.replace(day=1) - date(1970, 1, 1)).days == month_start(month_label(day))


@given(days)
def test_months_follow_each_other(day: int) -> None:
    month = month_label(day)

    assert month == previous_month(next_month(month))
    assert month < next_month(month)
    assert month_start(next_month(month)) - month_start(month) in (28, 29, 30, 31)


def test_neighbours_of_the_year_end() -> None:
    assert next_month("202412") == "202501"
    assert previous_month("202501") == "202412"
    assert previous_month("202403") == "202402"
    assert next_month("202401") == "202402"


@given(st.integers(min_value=0, max_value=100_000_000))
def test_a_window_is_named_by_its_start(window: int) -> None:
    start = EPOCH + timedelta(minutes=5 * window)

    assert start.strftime("%Y%m%d%H%M") == window_label(window)


def test_iso_shows_utc_with_a_z() -> None:
    assert iso(NOON_US) == "2026-03-10T12:00:00Z"
    assert iso(NOON_US + 1) == "2026-03-10T12:00:00.000001Z"
