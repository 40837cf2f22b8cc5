"""Names of copies: any identity is one safe part of a name, and no two documents share one."""

import re
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.upkeep.archive.copies import (
    Place,
    as_json,
    change_of,
    copy_of,
    path_of,
    place_of,
    segment,
)
from pack import PACK
from tests.worker.ground import INTERACTIONS, SESSIONS
from tests.worker.stories import interaction, session

SAFE = re.compile(r"[A-Za-z0-9%_~-]+")
ANY = st.text(st.characters(), max_size=400)


def path(source: str, document: dict[str, Any]) -> str:
    written = {"_etag": '"e"', "_ts": 1_773_144_000, "_lsn": 1, **document}
    return copy_of(PACK.source(source), change_of(PACK.source(source), written), written).path


@given(ANY)
def test_any_text_is_one_safe_segment(text: str) -> None:
    assert SAFE.fullmatch(segment(text))
    assert len(segment(text)) <= 300


@given(ANY, ANY)
def test_different_texts_are_different_segments(one: str, other: str) -> None:
    assert (segment(one) == segment(other)) == (one == other)


@given(st.dates(), ANY, ANY)
def test_a_name_says_what_it_was_made_of(day: date, user: str, document: str) -> None:
    place = Place(INTERACTIONS, day, segment(user), segment(document))

    assert place_of(path_of(place)) == place
    assert len(path_of(place)) < 1_024


IDENTITIES = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b", "~", "a~b"])},
    optional={
        "user_id": st.sampled_from(
            ["a", "~anonymous", "a~absent", "", None, 42, ["a"], "x" * 1000]
        ),
        "userId": st.sampled_from(["a", "b", "", None]),
    },
)


@given(IDENTITIES, IDENTITIES)
def test_no_two_documents_share_a_name(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = all(one.get(name, msgspec.UNSET) == other.get(name, msgspec.UNSET)
               for name in ("id", "user_id"))  # fmt: skip
    if not same:
        assert path(INTERACTIONS, one) != path(INTERACTIONS, other)


def test_the_date_is_the_events_as_the_views_count_it() -> None:
    written = datetime.fromtimestamp(1_773_144_000, UTC).date()

    def day(source: str, document: dict[str, Any]) -> date:
        return place_of(path(source, document)).day

    assert day(INTERACTIONS, interaction(timestamp="2026-03-01T23:59:59-05:00")) == date(2026, 3, 2)
    assert day(SESSIONS, session(start_time="2025-12-31T10:00:00Z")) == date(2025, 12, 31)
    assert day(INTERACTIONS, interaction(timestamp=...)) == written
    assert day(INTERACTIONS, interaction(timestamp="never")) == written
    assert day(INTERACTIONS, interaction(response_time_ms={})) == written


def test_the_same_version_is_the_same_bytes_whoever_reads_it() -> None:
    one = interaction("a", _etag='"e"', _ts=5, _lsn=7, _rid="r1", _self="s1", _attachments="a")
    other = interaction("a", _etag='"e"', _ts=5, _lsn=9, _rid="r2", _self="s2", _attachments="a")
    source = PACK.source(INTERACTIONS)

    first, second = (copy_of(source, change_of(source, each), each) for each in (one, other))

    assert first.compressed == second.compressed
    assert first.sha256 == second.sha256


def test_json_that_utf8_cannot_hold_is_escaped() -> None:
    assert as_json({"text": "नमस्ते", "big": 2**80}) == (
        '{"text":"नमस्ते","big":1208925819614629174706176}'.encode()
    )
    assert as_json({"text": "\ud83d"}) == b'{"text":"\\ud83d"}'
