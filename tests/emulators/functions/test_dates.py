"""Date-like strings are rewritten as the real host rewrites them, and nothing else is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.functions.dates import rewrite_date, rewrite_dates


@pytest.mark.parametrize(
    ("stored", "delivered"),
    [
        ("2019-01-01T00:00:01.0000000Z", "2019-01-01T00:00:01Z"),
        ("2019-01-01T00:00:01.1000000Z", "2019-01-01T00:00:01.1Z"),
        ("2019-01-01T00:00:01.1000001Z", "2019-01-01T00:00:01.1000001Z"),
        ("2026-11-21T09:30:00.500+02:00", "2026-11-21T07:30:00.5+00:00"),
        ("2026-11-21T23:30:00-0130", "2026-11-22T01:00:00+00:00"),
        ("2026-11-21T07:00:00+00:00", "2026-11-21T07:00:00+00:00"),
        ("2026-11-21T07:00:00.120", "2026-11-21T07:00:00.12"),
        ("2026-11-21T24:00:00Z", "2026-11-22T00:00:00Z"),
        ("2026-11-21T24:00:00.000", "2026-11-22T00:00:00"),
        ("2026-11-21T07:00:00z", "2026-11-21T07:00:00Z"),
        ("2026-11-21T07:00:00+02", "2026-11-21T05:00:00+00:00"),
        ("2026-11-21T07:00:00-99:99", "2026-11-25T11:39:00+00:00"),
        ("/Date(1764072000000)/", "2025-11-25T12:00:00Z"),
        ("/Date(1764072000120)/", "2025-11-25T12:00:00.12Z"),
        ("/Date(1764072000000+0530)/", "2025-11-25T12:00:00+00:00"),
        ("/Date(1764072000000-05)/", "2025-11-25T12:00:00+00:00"),
        ("/Date(-1)/", "1969-12-31T23:59:59.999Z"),
    ],
)
def test_a_date_comes_out_as_the_same_instant_written_differently(
    stored: str, delivered: str
) -> None:
    assert delivered == rewrite_date(stored)


@pytest.mark.parametrize(
    ("stored", "delivered"),
    [
        # Nine digits and no zone: the parser takes the last two for minutes of a zone it has not.
        ("2026-11-21T07:00:00.123456789", "2026-11-21T07:00:00.1234567"),
        ("2026-11-21T07:00:0012", "2026-11-21T07:00:00"),
        ("2026-11-21T07:00:00:12", "2026-11-21T07:00:00"),
        ("2026-11-21T07:00:00:", "2026-11-21T07:00:00"),
        ("2026-11-21T07:00:00+02:", "2026-11-21T05:00:00+00:00"),
        ("0001-01-01T00:00:00.5+02:00", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59-00:01", "9999-12-31T23:59:59.9999999+00:00"),
    ],
)
def test_what_the_real_parser_takes_for_a_date_without_being_one_is_rewritten_too(
    stored: str, delivered: str
) -> None:
    assert delivered == rewrite_date(stored)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21",
        "2026-11-21 07:00:00Z",
        "2026-11-21T07:00Z",
        "2026-13-21T07:00:00.10Z",
        "2026-11-21T07:00:00.Z",
        "2026-11-21T07:00:00.12345670Z",
        "2026-11-21T24:00:01.10Z",
        "at 2026-11-21T07:00:00.100Z",
        "2026-11-21T07:00:00.12345678",
        "2026-11-21T07:00:00.123456789Z",
        "2026-11-21T07:00:00.1234567890",
        "2026-11-21T24:00:00.0000001",
        "2026-11-21T25:00:00Z",
        "2026-11-21T07:00:60Z",
        "2026-11-21t07:00:00Z",
        "2026-11-21T07:00:00+2",
        "2026-11-21T07:00:00 Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T24:00:00",
        "/Date()/",
        "/Date(1.5)/",
        "/Date(1764072000000+5)/",
        "/Date(9999999999999999999)/",
        "/date(1764072000000)/",
        "Date(1764072000000)",
        "",
    ],
)
def test_what_the_real_parser_does_not_take_for_a_date_stays(text: str) -> None:
    assert text == rewrite_date(text)


def test_only_whole_string_values_change_never_names_or_parts_of_longer_strings() -> None:
    date, short = "2026-11-21T07:00:00.100Z", "2026-11-21T07:00:00.1Z"
    within = {"text": f'he said "{date}"', "path": f'\\"{date}', "n": 1.0}
    document = {date: [date, "/Date(0)/", within]}

    rewritten = json.loads(rewrite_dates(json.dumps(document, separators=(",", ":"))))

    assert {date: [short, "1970-01-01T00:00:00Z", within]} == rewritten


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON)
def test_json_without_dates_is_not_touched(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    assert text == rewrite_dates(text)
