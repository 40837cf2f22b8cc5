"""How two readings of a lease tell idle, behind and frozen apart."""

from dataclasses import replace

import pytest

from cosmos_views.ledger.feeds import FeedRange, Lease, Page, Split
from cosmos_views.upkeep.lag import Gauge, LeaseReading, LeaseState

LEASE = Lease("x_rid..-FF", "-FF", FeedRange("", "FF"), "host", '"57"', 95)
BEHIND = LeaseReading("user_interactions", LEASE, 100, 3, 90)
IDLE = replace(BEHIND, changes_behind=0, next_written_at=None)
MOVED = replace(BEHIND, lease=replace(LEASE, position='"58"'))


@pytest.mark.parametrize(
    ("earlier", "now", "expected"),
    [
        (None, IDLE, LeaseState.IDLE),
        (BEHIND.mark, IDLE, LeaseState.IDLE),
        (None, BEHIND, LeaseState.BEHIND),
        (BEHIND.mark, MOVED, LeaseState.BEHIND),
        (BEHIND.mark, BEHIND, LeaseState.FROZEN),
        (MOVED.mark, BEHIND, LeaseState.BEHIND),
    ],
)
def test_a_lease_is_frozen_only_when_changes_wait_and_its_position_stood(
    earlier: str | None, now: LeaseReading, expected: LeaseState
) -> None:
    assert expected is now.state(earlier)


def test_the_time_behind_is_the_age_of_the_next_unread_change() -> None:
    assert (BEHIND.seconds_behind, IDLE.seconds_behind) == (10, 0)
    assert replace(BEHIND, at=80).seconds_behind == 0, "clocks differ"


@pytest.mark.parametrize(
    ("lease", "expected"),
    [
        (None, "no lease"),
        (replace(LEASE, owner=None), "nobody owns"),
        (replace(LEASE, renewed_at=10), "not renewed the lease for 90 s"),
        (LEASE, "renews the lease"),
    ],
)
def test_the_reader_of_a_lease_is_named(lease: Lease | None, expected: str) -> None:
    assert expected in replace(BEHIND, lease=lease).reader


class Feed:
    """Three physical ranges once it has split; each with two changes of LSN 4 and 9."""

    def __init__(self) -> None:
        self.split = False
        self.asked: list[tuple[str, str]] = []

    def ranges(self, container: str) -> tuple[str, list[FeedRange]]:
        if not self.split:
            return "rid", [FeedRange("", "FF")]
        return "rid", [FeedRange("", "40"), FeedRange("40", "80"), FeedRange("80", "FF")]

    def page(
        self, container: str, rid: str, feed_range: FeedRange, position: str | None, count: int
    ) -> Page:
        if not self.split:
            self.split = True
            raise Split
        self.asked.append(feed_range)
        return Page([{"_lsn": 4, "_ts": 80}], '"4"', session_lsn=9)


class Leases:
    def by_container(self, rids: object) -> dict[str, list[Lease]]:
        return {"rid": [replace(LEASE, feed_range=FeedRange("", "80"))]}


def test_a_lease_over_ranges_that_have_split_is_the_sum_of_its_parts() -> None:
    feed = Feed()
    gauge = Gauge(["user_interactions"], Leases(), feed, lambda: 100)

    ((reading, state),) = gauge.read()

    assert feed.asked == [("", "40"), ("40", "80")]
    assert (reading.changes_behind, reading.seconds_behind, state) == (12, 20, LeaseState.BEHIND)
