"""The limit: how fast the same bytes are decoded and nothing else is done.

The typed decoder skips what no view needs; that is the limit of stage 1. `orjson` and the standard
library build dictionaries of everything.
"""

import json
from collections.abc import Callable
from time import thread_time
from typing import Any

import msgspec
import orjson

from benchmarks import memory, traffic
from benchmarks.figures import Figure, Peer, Scale
from cosmos_views.intake.documents import read_batch
from cosmos_views.source import Source

BATCH = 1_000
TYPED, ORJSON = "typed decode alone", "orjson, to dictionaries"


def measure(scale: Scale) -> list[Figure]:
    """Documents per second, of interactions in batches of 1 000."""
    changes = traffic.interactions_of(traffic.measured(scale.interactions_a_day, scale.changes))
    texts = [text for _, text in traffic.batches(changes, BATCH)]
    source = memory.sources()["user_interactions"]
    ways: dict[str, Callable[[str], Any]] = {
        TYPED: decoder(source).decode,
        "the worker's own reading of a batch": lambda text: read_batch(source, text),
        ORJSON: orjson.loads,
        "standard library, to dictionaries": json.loads,
    }
    fastest = dict.fromkeys(ways, float("inf"))
    for _ in range(scale.rounds):  # in turns, so that all meet the machine as busy
        for what, read in ways.items():
            fastest[what] = min(fastest[what], seconds_of(texts, read))
    rates = {what: len(changes) / seconds for what, seconds in fastest.items()}
    return [
        *(
            Figure(what, rate, "documents/s", Peer(other, rates[other]))
            for what, rate in rates.items()
            for other in (ORJSON if what == TYPED else TYPED,)
        ),
        Figure("mean size of a document", sum(map(len, texts)) / len(changes), "characters"),
    ]


def decoder(source: Source[Any]) -> msgspec.json.Decoder[Any]:
    """The typed decoder of a source's batches."""
    return msgspec.json.Decoder(list[source.document])  # type: ignore[name-defined]  # a type held by a value


def seconds_of(texts: list[str], read: Callable[[str], Any]) -> float:
    """CPU seconds, because others may use the machine as well."""
    started = thread_time()
    for text in texts:
        read(text)
    return thread_time() - started
