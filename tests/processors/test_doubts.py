"""Given a delivery that system properties cannot place, when its source is read, then the reading
decides that is newer than everything known; one that lags is read once more."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from cosmos_views.intake.documents import read_document
from cosmos_views.intake.doubts import Doubt, settle
from cosmos_views.ledger.versions import Version
from processors.sessions import SOURCE

Document = dict[str, Any]


def at(ts: int) -> Document:
    return {"id": "s", "user_id": "ada", "_etag": str(ts), "_ts": ts}


class Readings:
    """A source that answers each reading with the next of these times."""

    def __init__(self, times: Sequence[int]) -> None:
        self._times: Iterator[int] = iter(times)
        self.count = 0

    def read(self, container: str, document_id: str, key: Sequence[Any]) -> bytes | None:
        self.count += 1
        return json.dumps(at(next(self._times))).encode()

    def by_rid(
        self, container: str, seconds: Mapping[str, int], since: int | None = None
    ) -> dict[str, bytes]:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("delivered", "readings", "settled"),
    [
        (10, [30], 30),
        (30, [40], 40),
        (30, [20, 30], 30),
        (30, [30, 31], 31),
        (10, [10, 20], 20),
    ],
    ids=[
        "newer than both",
        "newer than a newer delivery",
        "older than the delivery",
        "of the delivery's second",
        "older than what is decided",
    ],
)
def test_a_first_reading_is_trusted_only_when_it_is_newer_than_decided_and_delivered(
    delivered: int, readings: list[int], settled: int
) -> None:
    change = read_document(SOURCE, json.dumps(at(delivered)).encode())
    source = Readings(readings)

    [found] = settle(SOURCE, [Doubt(change, Version("15", 15, None))], source, lambda _: None)

    assert found is not None
    assert (found.version.ts, source.count) == (settled, len(readings))
