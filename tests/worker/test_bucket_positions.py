"""Positions in the change feed of one bucket: they name the bucket, on however many partitions."""

from azure.cosmos import ContainerProxy

from cosmos_views.store.bucket_feed import BucketFeed
from cosmos_views.store.state_feed import StateFeed
from emulators.cosmos import Endpoint
from tests.worker.conftest import GroundMaker

PKS = ("1:0", "1:1", "1:2")


def test_a_bucket_is_followed_and_no_other(
    endpoint: Endpoint, split_endpoint: Endpoint, grounds: GroundMaker
) -> None:
    for at in (endpoint, split_endpoint):
        state = grounds(at, buckets=len(PKS)).container("state")
        feeds = {pk: BucketFeed(state, pk) for pk in PKS}
        assert {pk: _ids(feed) for pk, feed in feeds.items()} == {pk: [] for pk in PKS}
        looks = StateFeed(state)
        positions = {pk: looks.position(pk) for pk in PKS}
        for number in range(2):
            _write(state, f"{number}", PKS[1])
            assert [looks.moved(pk, positions[pk]) for pk in PKS] == [False, True, False]
            positions[PKS[1]] = looks.position(PKS[1])
            assert [_ids(feeds[pk]) for pk in PKS] == [[], [f"{number}"], []]


def _write(state: ContainerProxy, document_id: str, pk: str) -> None:
    state.create_item({"id": document_id, "pk": pk})


def _ids(feed: BucketFeed) -> list[str]:
    return [document["id"] for page in feed.pages() for document in page]
