"""What must hold after every write, whoever made it and whatever happens next."""

from itertools import product
from typing import Any

import msgspec

from cosmos_views.publish.heads import HEAD_ID
from tests.interleaved.store import (
    NOTHING,
    Counts,
    Documents,
    Page,
    Partition,
    World,
    counts_under,
    plus,
)
from tests.interleaved.view import ALL, ILL, KEY, VIEW

NAMES = frozenset({f"{VIEW.name}:{KEY}", f"{VIEW.name}:{ALL}"})
"""Either of them in `pending` has the key published."""


class Untrue(AssertionError):
    """Something that must hold does not."""


def check_commit(before: Partition, after: Partition) -> None:
    """A bucket counts what was put into it, once; its head moves on, and puts nothing off."""
    partials = counts_under(after.documents, "p:")
    if plus(partials, counts_under(after.documents, "j:")) != after.written:
        raise Untrue(f"bucket {after.pk} does not count everything once: {after.written}")
    old, new = head_of(before.documents), head_of(after.documents)
    steps = new.get("sequence", 0) - old.get("sequence", 0)
    if steps not in (0, 1):
        raise Untrue(f"the head of {after.pk} moves by {steps}")
    if not steps and partials != counts_under(before.documents, "p:"):
        raise Untrue(f"partials of {after.pk} change without a fold")
    waiting = new.get("pending", {})
    for name, due in old.get("pending", {}).items():
        if waiting.get(name, due) > due:
            raise Untrue(f"{name} was due at {due} and is put off")


class PublishLaws:
    """All of them, for fold and publish."""

    def check_commit(self, before: Partition, after: Partition) -> None:
        check_commit(before, after)

    def check_page(self, before: Page, after: Page, world: World) -> Untrue | None:
        check_page(before, after, world)
        return shown_backwards(before, after, world)

    def check_world(self, world: World) -> None:
        check_waiting(world)

    def check_at_rest(self, world: World) -> None:
        check_at_rest(world)

    def check_at_end(self, world: World) -> None:
        """Every world was at rest once already."""


def check_page(before: Page, after: Page, world: World) -> None:
    """The document never goes back, is as new as its stamp says, and holds no half of a move."""
    if after.body is None:
        return
    new = msgspec.json.decode(after.body)
    if min(new.get("counts", NOTHING)) < 0:
        raise Untrue(f"half a move is published: {new['counts']}")
    if not held_by(after, world, new["stamp"]):
        raise Untrue(f"{shown(after)} is older than its stamp {new['stamp']}")
    if before.body is None:
        return
    old = msgspec.json.decode(before.body)
    if old["stamp"][0] > new["stamp"][0]:
        raise Untrue(f"a higher generation is overwritten: {old['stamp']} by {new['stamp']}")
    if old["stamp"][0] == new["stamp"][0] and any(
        theirs > ours for theirs, ours in zip(old["stamp"], new["stamp"], strict=True)
    ):
        raise Untrue(f"the document goes back from {old['stamp']} to {new['stamp']}")


def shown_backwards(before: Page, after: Page, world: World) -> Untrue | None:
    """What readers see goes back, under whatever stamp: only a reading that lags excuses it,
    because a stamp names what a document holds at least."""
    if before.body is None or after.body is None:
        return None
    old, new = (msgspec.json.decode(body)["stamp"] for body in (before.body, after.body))
    if old[0] != new[0] or any(
        all(was <= now for was, now in zip(one, other, strict=True))
        for one, other in product(held_by(before, world, old), held_by(after, world, new))
    ):
        return None
    return Untrue(f"what is shown goes back from {shown(before)} to {shown(after)}")


def held_by(page: Page, world: World, stamp: list[int]) -> list[tuple[int, ...]]:
    """The sequences, not below its stamp, of which the document may hold the sum."""
    partitions = [one for one in world.partitions if one.pk.startswith(f"{stamp[0]}:")]
    ranges = [
        range(sequence, len(one.folded))
        for one, sequence in zip(partitions, stamp[1:], strict=True)
    ]
    return [
        sequences
        for sequences in product(*ranges)
        if plus(*(one.folded[at] for one, at in zip(partitions, sequences, strict=True)))
        == shown(page)
    ]


def check_waiting(world: World) -> None:
    """A key whose document is not up to date is in `pending` of a bucket, or parked."""
    partitions = world.in_force()
    heads = [head_of(one.documents) for one in partitions]
    if world.generation > 1:
        return  # the rebuild that has switched is entering every key
    parked = any(document.id.startswith("f:") for one in partitions for document in one.documents)
    if shown(world.page) != plus(*(one.folded[-1] for one in partitions)) and not (
        parked or any(NAMES & head.get("pending", {}).keys() for head in heads)
    ):
        raise Untrue(f"the key is forgotten: {shown(world.page)} stands and nothing is pending")


def check_at_rest(world: World) -> None:
    """The document is the sum of everything that was written."""
    partitions = world.in_force()
    written = plus(*(one.written for one in partitions))
    if shown(world.page) != written and written[0] != ILL:
        raise Untrue(f"in the end {shown(world.page)} stands for {written}")
    for one in partitions:
        if any(document.id.startswith("j:") for document in one.documents):
            raise Untrue(f"the journal of {one.pk} is left")


def shown(page: Page) -> Counts:
    """What readers see; nothing for a tombstone or no document."""
    if page.body is None:
        return NOTHING
    return tuple(msgspec.json.decode(page.body).get("counts", NOTHING))


def head_of(documents: Documents) -> dict[str, Any]:
    """The head of a bucket; one without any fold is empty."""
    for one in documents:
        if one.id == HEAD_ID:
            head: dict[str, Any] = msgspec.json.decode(one.body)
            return head
    return {}
