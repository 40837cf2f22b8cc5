"""Notes: documents that somebody leaves in the worker's own containers, and that are nobody's."""

from random import Random
from typing import Any

import msgspec

from cosmos_views.ledger.buckets import bucket_pk
from cosmos_views.store.erased import ERASED_PK
from cosmos_views.upkeep.cursors import CURSORS_PK
from pack import PACK
from tests.simulation.cosmos import Operation
from tests.simulation.world import World

Document = dict[str, Any]
TEXT = "words that nobody may see"


def is_note(document: Document) -> bool:
    """Whether somebody left it."""
    return document.get("note") == TEXT


def leave(world: World, random: Random) -> int:
    """Put some anywhere; how many."""
    generation = world.generation()
    places: list[tuple[str, Document]] = [
        *(
            ("state", {"id": name, "pk": pk})
            for pk in (bucket_pk(generation.generation, 0), CURSORS_PK, ERASED_PK)
            for name in ("note", "j:0000000000000:note", "f:daily_metrics:note")
        ),
        *(
            ("poison_messages", {"id": f"note {status}", "source": source, "status": status})
            for source in PACK.facts
            for status in ("", "pending")
        ),
        *(
            (view.name, {"id": f"{view.name}_note", view.partition_key: "today"})
            for view in PACK.views.values()
        ),
    ]
    chosen = random.sample(places, random.randint(1, len(places)))
    for name, body in chosen:
        container, note = world.containers[name], msgspec.to_builtins({**body, "note": TEXT})
        container.write(container.key_of(note), [Operation("upsert", note["id"], note)])
    return len(chosen)
