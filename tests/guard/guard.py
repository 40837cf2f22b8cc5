"""What a recorded history leaves behind, as one digest for each kind of document.

The world is the one of the property tests without any trouble, with a fixed clock, fixed nonces and
a fixed schedule: late and repeated deliveries, folds that end before publishing, drains in between.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from pack import PACK
from tests.generators import Version
from tests.oracle.batches import BATCHES, read_batch
from tests.property.runner import MONTH_SECONDS
from tests.property.world import SOURCES, World

HERE = Path(__file__).parent
HISTORIES = HERE / "histories"
DIGESTS = HERE / "digests.json"
BATCH_VERSIONS = 20


@dataclass(frozen=True)
class Story:
    """A history, and over how many buckets it is counted."""

    name: str
    history: str
    buckets: int


STORIES = (
    Story("mixed", "mixed.jsonl", 1),
    Story("mixed, four buckets", "mixed.jsonl", 4),
    Story("busy", "busy.jsonl", 1),
    Story("fixture batches", "", 2),
)


def left_behind(story: Story) -> dict[str, str]:
    """Kind of document → `{how many} {digest}` of all of them, state and views alike."""
    world = World(1, buckets=story.buckets, pace_seconds=None)
    versions = _fixtures() if not story.history else read_history(HISTORIES / story.history)
    for number, version in enumerate(versions, 1):
        world.write(version)
        if number % BATCH_VERSIONS == 0:
            _deliver(world, number // BATCH_VERSIONS)
    world.drain()
    world.now_seconds += MONTH_SECONDS
    world.settle()
    assert world.differences() == []
    kinds: dict[str, list[tuple[str, bytes]]] = {}
    for kind, name, body in _documents(world):
        kinds.setdefault(kind, []).append((name, body))
    every_commit = {"every commit": f"{world.state.writes} {world.state.history.hexdigest()[:32]}"}
    return every_commit | {kind: _digest(one) for kind, one in sorted(kinds.items())}


def _deliver(world: World, turn: int) -> None:
    """The last batch of each source, and now and then an older one again."""
    for source in SOURCES:
        written = world.versions[source]
        if recent := written[-2 * BATCH_VERSIONS :]:
            world.deliver(source, recent)
        if turn % 3 == 0 and (older := written[: 2 * BATCH_VERSIONS]):
            world.deliver(source, older)
    if turn % 2 == 0:
        world.fold()
    if turn % 5 == 0:
        world.publish()


def _documents(world: World) -> Iterator[tuple[str, str, bytes]]:
    """(kind, name, JSON) of everything that is stored, ETags aside."""
    for document in world.state.documents(""):
        kind = document["id"].split(":")[0]
        yield f"state {kind}", f"{document['pk']} {document['id']}", _json(document)
    for view in PACK.views:
        for document in world.views.documents(view):
            yield f"view {view}", document["id"], _json(document)


def _json(document: dict[str, object]) -> bytes:
    del document["_etag"]
    return msgspec.json.encode(document)


def _digest(documents: list[tuple[str, bytes]]) -> str:
    joined = b"\n".join(name.encode() + b" " + body for name, body in sorted(documents))
    return f"{len(documents)} {sha256(joined).hexdigest()[:32]}"


def read_history(path: Path) -> list[Version]:
    """A recorded history, one version a line."""
    return [msgspec.json.decode(line, type=Version) for line in path.read_bytes().splitlines()]


def write_history(path: Path, versions: list[Version]) -> None:
    """Record a history, so that no change of the generators changes it."""
    lines = [json.dumps(msgspec.to_builtins(one), separators=(",", ":")) for one in versions]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _fixtures() -> list[Version]:
    """The shipped batches, one after the other, an hour apart."""
    first = 1_790_000_000
    return [
        Version(one.source, {**one.body}, first + 3_600 * place)
        for place, path in enumerate(sorted(BATCHES.glob("*.jsonl")))
        for one in read_batch(path)
    ]
