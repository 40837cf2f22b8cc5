"""Users who cite thousands of sources, or whose incidents wait for thousands of interactions.

Given such a user, when everything is counted, then nothing is a dead letter, no state document is
large, the views equal the oracle, and all of it can be taken back. `WIDE=20000` makes them wider.
"""

import os
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from cosmos_views.ledger.owners import hot_id, owner_key
from cosmos_views.ledger.shards import KEPT_BYTES_MAX, SHARD_BYTES_MAX
from materializers.users.history import month_id
from pack import PACK
from tests.generators import Version
from tests.oracle import Prices, SourceDocument, compute_views, latest_versions
from tests.property.world import World
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    Document,
    Ground,
    assert_views_are_true,
    deliver,
)
from tests.worker.stories import incident, interaction, on

ADA = owner_key("ada")
WIDE = int(os.environ.get("WIDE", "3000"))
WRITTEN_AT = 1_775_000_000
KEPT = ("daily_metrics", "user_analytics", "engagement_summary", "incidents_by_content")
_PRICES = Prices()


@pytest.fixture(autouse=True)
def views_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """The views that users' histories and joins are read for; those of each source would be many
    thousand documents."""
    for view in set(PACK.views) - set(KEPT):
        monkeypatch.delitem(PACK.views, view)


def long_source(number: int) -> str:
    """As long as a label may be, and like no other."""
    return f"{number:06d}".rjust(128, "s")


def citing(number: int, sources: Iterable[int], **fields: Any) -> Document:
    return interaction(
        f"a{number}",
        timestamp=fields.pop("timestamp", on(number % 28 + 1)),
        foundational_texts_used=[{"source": long_source(one)} for one in sources],
        **fields,
    )


def wide(interactions: int, sources_each: int) -> list[Document]:
    """Interactions of one user and month, each with sources of its own."""
    return [
        citing(number, range(number * sources_each, (number + 1) * sources_each))
        for number in range(interactions)
    ]


class Story:
    """Both stages over memory, one batch of changes after the other."""

    def __init__(self) -> None:
        self.world = World(1)

    def happens(self, source: str, bodies: list[Document], batch: int = 80) -> list[Document]:
        for body in bodies:
            self.world.write(Version(source, body, WRITTEN_AT))
        shown = self.world.versions[source][-len(bodies) :]
        self.deliver(source, shown, batch)
        return shown

    def deliver(self, source: str, shown: list[Document], batch: int = 80) -> None:
        for start in range(0, len(shown), batch):
            self.world.deliver(source, shown[start : start + batch])

    def documents_of_ada(self) -> dict[str, Document]:
        return {one["id"]: one for one in self.world.state.documents(hot_id(ADA))}

    def shards(self, document_id: str) -> list[Document]:
        return [
            one
            for name, one in self.documents_of_ada().items()
            if name.startswith(f"{document_id}~")
        ]

    def assert_true(self) -> None:
        """Nothing was refused, no document is large, and the views are as the oracle has them."""
        assert self.world.poison.letters == {}
        for one in self.documents_of_ada().values():
            size = len(msgspec.json.encode(one))
            assert size < (1.2 * SHARD_BYTES_MAX if "~" in one["id"] else 3 * KEPT_BYTES_MAX)
        self.world.settle()
        expected = compute_views(
            [
                one
                for source, versions in self.world.versions.items()
                for one in latest_versions(SourceDocument(source, body) for body in versions)
            ],
            now_seconds=self.world.now_seconds,
            views=tuple(PACK.views),
            prices=_PRICES,
        )
        assert expected == self.world.published()


def test_thousands_of_long_sources_in_one_month() -> None:
    story = Story()
    shown = story.happens(INTERACTIONS, wide(WIDE // 100, 100))

    story.assert_true()
    latest = max(story.world.views.documents("user_analytics"), key=lambda one: str(one["id"]))
    assert len(latest["content_metrics"]["foundational_texts_accessed"]) == WIDE

    before = story.world.state.writes
    story.deliver(INTERACTIONS, shown)
    assert before == story.world.state.writes

    story.happens(INTERACTIONS, [{**body, "is_deleted": True} for body in wide(WIDE // 100, 100)])
    story.assert_true()
    assert not any(story.world.published().values())
    assert merged(story.documents_of_ada().values()) == {}


def test_thousands_of_incidents_wait_for_interactions() -> None:
    story = Story()
    named = [
        incident(f"i{number}", interaction_id=f"a{number}", created_at=on(number % 28 + 1))
        for number in range(WIDE)
    ]
    story.happens(INCIDENTS, named)
    story.assert_true()

    # Some arrive, and take their incidents along; then the incidents go.
    story.happens(INTERACTIONS, wide(200, 2))
    story.assert_true()
    assert len(story.world.published()["incidents_by_content"]) == 401
    story.happens(INCIDENTS, [{**body, "is_deleted": True} for body in named])
    story.assert_true()
    assert {"c", "f"} == {name for name, _ in merged(story.documents_of_ada().values())}


def test_a_long_interaction_that_many_incidents_name() -> None:
    """What they cite stands in the entry of each."""
    story = Story()
    story.happens(INCIDENTS, [incident(f"i{number}") for number in range(70)])
    story.happens(INTERACTIONS, [citing(0, range(60), id="a")])
    story.assert_true()
    story.happens(INTERACTIONS, [citing(0, range(30, 90), id="a")])
    story.assert_true()


def test_shards_stay_with_their_month_when_it_is_no_longer_the_latest() -> None:
    story = Story()
    story.happens(INTERACTIONS, wide(10, 100))
    march = month_id(ADA, "202603")
    assert story.documents_of_ada()[hot_id(ADA)]["block"]["x"] == len(story.shards(march)) > 0
    held = {one["id"]: one["_etag"] for one in story.shards(march)}

    april = [citing(900, range(600, 700), timestamp="2026-04-01T10:00:00Z")]
    story.happens(INTERACTIONS, april)
    assert held == {one["id"]: one["_etag"] for one in story.shards(march)}
    assert "x" not in story.documents_of_ada()[hot_id(ADA)]["block"]
    story.assert_true()

    # A late correction in March, and the first citations of April's sources move there.
    story.happens(INTERACTIONS, [citing(3, range(650, 750))])
    story.assert_true()


def test_a_change_writes_only_the_shards_it_touches() -> None:
    story = Story()
    story.happens(INTERACTIONS, wide(60, 100))
    before = story.documents_of_ada()
    story.happens(INTERACTIONS, [citing(7, range(700, 799))])

    changed = {
        name
        for name, one in story.documents_of_ada().items()
        if one["_etag"] != before[name]["_etag"]
    }
    assert hot_id(ADA) in changed
    assert len(before) > 80
    assert len(changed) <= 3


def test_ordinary_users_have_the_documents_they_always_had() -> None:
    story = Story()
    story.happens(INTERACTIONS, [interaction("a", timestamp=on(day)) for day in (1, 2)])
    story.happens(INCIDENTS, [incident(interaction_id="later")])
    hot = story.documents_of_ada()[hot_id(ADA)]
    del hot["_etag"]

    assert [hot_id(ADA)] == list(story.documents_of_ada())
    assert {
        "id": hot_id(ADA),
        "pk": "1:0",
        "user": "ada",
        "latest": "202603",
        "block": {
            "d": {"2": {"i": 1, "m": {"720": 1}, "c": {"bhagavad_gita": 1}}, "10": {"a": 1}},
            "h": {"12": 1},
            "t": {"unknown": 1},
            "p": {"unknown": 1},
        },
        "active": {"202603": 1 << 1},
        "seen": {"202603": 1 << 1 | 1 << 9},
        "firsts": {"bhagavad_gita": 20_514},
        "joins": hot["joins"],
        "changed": {"202603": WRITTEN_AT},
    } == hot
    names = ["id", "pk", "user", "latest", "block", "active", "seen", "firsts", "joins", "changed"]
    assert names == list(hot)


def test_a_wide_user_through_the_endpoint(ground: Ground) -> None:
    worker = ground.worker()
    written = ground.write(INTERACTIONS, *wide(20, 300))
    waiting = [incident(f"i{number}", interaction_id=f"w{number}") for number in range(500)]
    incidents = ground.write(INCIDENTS, *waiting)

    for start in range(0, 20, 10):
        deliver(worker, INTERACTIONS, written[start : start + 10])
    for start in range(0, 500, 250):
        deliver(worker, INCIDENTS, incidents[start : start + 250])

    assert ground.letters() == []
    assert_views_are_true(ground, worker)
    before = ground.etags()
    assert deliver(worker, INTERACTIONS, written).duplicates == 20
    assert before == ground.etags()


def merged(documents: Iterable[Document]) -> Counter[tuple[str, str]]:
    """What all documents of a user still hold in wide maps, a day's sources under `c`."""
    held: Counter[tuple[str, str]] = Counter()
    for one in documents:
        for name, labels in one.get("maps", {}).items():
            held.update(("c" if name.isdigit() else name, label) for label in labels)
        held.update(("f", label) for label in one.get("firsts", {}))
        held.update(("j", label) for label in one.get("joins", {}))
        for day in one.get("block", {}).get("d", {}).values():
            held.update(("c", label) for label in day.get("c", {}))
    return held
