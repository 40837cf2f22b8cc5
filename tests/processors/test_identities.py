"""Which texts may be the host's, and which reading of the source is trusted."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.intake.documents import read_batch
from cosmos_views.intake.doubts import DOUBT_PAUSE_SECONDS
from cosmos_views.intake.identities import RECENT_SECONDS, as_stored, may_be_rewritten
from emulators.functions.dates import rewrite_date
from processors.sessions import SOURCE

Document = dict[str, Any]
STORED, WRITTEN = "2026-03-02T12:00:00.600Z", "2026-03-02T12:00:00.6Z"
NOW_SECONDS = 1_000

_DIGITS = "0123456789"
_CLOCKS = st.builds(
    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format,
    *(st.integers(1, 9_999), st.integers(1, 12), st.integers(1, 28)),
    *(st.integers(0, 24), st.integers(0, 59), st.integers(0, 59)),
)
_FRACTIONS = st.just("") | st.text(_DIGITS, min_size=1, max_size=9).map(".{}".format)
_ZONES = st.sampled_from(["", "Z", "z", ":"]) | st.from_regex(
    r"[+-][0-9]{2}(:?[0-9]{2})?", fullmatch=True
)
_STAMPS = st.builds("{}{}{}".format, _CLOCKS, _FRACTIONS, _ZONES) | st.integers(
    -(10**13), 10**14
).map("/Date({})/".format)


@given(_STAMPS)
def test_whatever_the_host_writes_is_told_by_its_form(text: str) -> None:
    written = rewrite_date(text)

    assert may_be_rewritten(written) or written == text
    assert rewrite_date(written) == written


@pytest.mark.parametrize("zone", ["", "Z", "+05:30", "-08:00"])
@pytest.mark.parametrize("fraction", ["", ".1", ".0000001"])
def test_also_what_a_host_in_another_zone_writes(fraction: str, zone: str) -> None:
    assert may_be_rewritten(f"2026-03-02T12:00:00{fraction}{zone}")


@pytest.mark.parametrize(
    "text",
    [
        *("", "ada", "2026-03-02", "bd6a8685-7c1f-4f0a-9d4e-3c1f4f0a9d4e", STORED),
        *("2026-03-02 12:00:00Z", "2026-03-02T12:00:00.Z", "2026-03-02T12:00:00+0000"),
        *(f"{WRITTEN} ", f"at {WRITTEN}", "/Date(0)/"),
    ],
)
def test_what_the_host_never_writes_is_taken_as_it_comes(text: str) -> None:
    assert not may_be_rewritten(text)


class Readings:
    """A source that answers each query with the next of these documents."""

    def __init__(self, *answers: Sequence[Document]) -> None:
        self._answers = iter(answers)
        self.asked: list[tuple[Mapping[str, int], int | None]] = []
        self.pauses: list[float] = []

    def read(self, container: str, document_id: str, key: Sequence[Any]) -> bytes | None:
        raise NotImplementedError

    def by_rid(
        self, container: str, seconds: Mapping[str, int], since: int | None = None
    ) -> dict[str, bytes]:
        self.asked.append((seconds, since))
        return {one["_rid"]: json.dumps(one).encode() for one in next(self._answers)}


def at(ts: int, document_id: str = STORED, **fields: Any) -> Document:
    return {"id": document_id, "_rid": "r", "_etag": f"{ts}", "_ts": ts, **fields}


def taken(readings: Readings, *delivered: Document) -> list[tuple[str, str | None, int | None]]:
    """Ids, ETags and LSNs of what is judged."""
    changes, gone = as_stored(
        SOURCE,
        read_batch(SOURCE, json.dumps(delivered)),
        readings,
        NOW_SECONDS,
        readings.pauses.append,
    )
    assert len(changes) + gone == len(delivered)
    return [(one.document_id, one.version.etag, one.version.lsn) for one in changes]


def test_the_same_version_is_taken_at_once_and_keeps_its_lsn() -> None:
    readings = Readings([at(5)])

    found = taken(readings, at(4, "plain", _rid="p", _lsn=8), at(5, WRITTEN, _lsn=9))

    assert found == [("plain", "4", 8), (STORED, "5", 9)]
    assert (readings.asked, readings.pauses) == ([({"r": 5}, None)], [])


@pytest.mark.parametrize("first", [[], [at(4)]], ids=["nothing", "an older version"])
def test_a_reading_that_lags_is_followed_by_another_after_a_pause(first: list[Document]) -> None:
    readings = Readings(first, [at(5)])

    assert taken(readings, at(5, WRITTEN, _lsn=9)) == [(STORED, "5", 9)]
    assert [since for _, since in readings.asked] == [None, NOW_SECONDS - RECENT_SECONDS]
    assert readings.pauses == [DOUBT_PAUSE_SECONDS]


def test_a_version_written_since_is_taken_instead() -> None:
    assert taken(Readings([], [at(7)]), at(5, WRITTEN, _lsn=9)) == [(STORED, "7", None)]


def test_versions_of_one_document_are_asked_for_by_the_latest() -> None:
    readings = Readings([at(7)])

    assert taken(readings, at(7, WRITTEN), at(5, WRITTEN)) == [(STORED, "7", None)] * 2
    assert readings.asked == [({"r": 7}, None)]


def test_what_two_readings_do_not_find_is_gone() -> None:
    assert taken(Readings([at(4)], []), at(5, WRITTEN), at(6, "plain")) == [("plain", "6", None)]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": 7, "user_id": WRITTEN},
        {"status": 7, "partition_key": WRITTEN},
        {"status": 7, "of no decoder": {"deep": [WRITTEN]}},
        {"status": 7, "type": WRITTEN},
    ],
)
def test_a_malformed_document_is_read_again_for_any_of_its_texts(fields: Document) -> None:
    assert taken(Readings([at(5)]), at(5, "a", **fields)) == [(STORED, "5", None)]


@pytest.mark.parametrize("status", ["completed", 7], ids=["readable", "malformed"])
def test_times_are_read_as_they_come(status: Any) -> None:
    times = {"start_time": WRITTEN, "end_time": WRITTEN, "created_at": WRITTEN}

    assert taken(Readings(), at(5, "a", status=status, **times)) == [("a", "5", None)]
