"""Date-like strings are rewritten as the real host rewrites them, and nothing else is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.functions.dates import rewrite_date, rewrite_dates


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
    ],
)
def test_a_date_comes_out_as_the_same_instant_written_differently(
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
        "0001-01-01T00:00:00+02:00",
        "",
    ],
)
def test_what_the_real_parser_does_not_take_for_a_date_stays(text: str) -> None:
    assert text == rewrite_date(text)


def test_only_whole_string_values_change_never_names_or_parts_of_longer_strings() -> None:
    date = "2026-11-21T07:00:00.100Z"
    document = {date: [date, {"text": f'he said "{date}"', "path": f'\\"{date}', "n": 1.0}]}

    rewritten = json.loads(rewrite_dates(json.dumps(document, separators=(",", ":"))))

    short = "2026-11-21T07:00:00.1Z"
    expected = {date: [short, {"text": f'he said "{date}"', "path": f'\\"{date}', "n": 1.0}]}
    assert expected == rewritten


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON)
def test_json_without_dates_is_not_touched(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    assert text == rewrite_dates(text)
