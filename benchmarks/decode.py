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
from benchmarks.figures import Figure, Peer, Scale, at_least
from processors.documents import read_batch

BATCH = 1_000


def measure(scale: Scale) -> list[Figure]:
    """Documents per second, of interactions in batches of 1 000."""
    changes = traffic.interactions_of(traffic.measured(scale.interactions_a_day, scale.changes))
    texts = [text for _, text in traffic.batches(changes, BATCH)]
    source = memory.sources()["user_interactions"]
    typed = typed_seconds(texts, source.document_type, scale.rounds)

    def per_second(seconds: float) -> float:
        return len(changes) / seconds

    limit = Peer("typed decode alone", per_second(typed))
    others: list[tuple[str, Callable[[str], Any]]] = [
        ("the worker's own reading of a batch", lambda text: read_batch(source, text)),
        ("orjson, to dictionaries", orjson.loads),
        ("standard library, to dictionaries", json.loads),
    ]
    orjson_seconds = fastest(texts, orjson.loads, scale.rounds)
    return [
        Figure(
            "typed decode",
            limit.value,
            "documents/s",
            Peer("orjson, to dictionaries", per_second(orjson_seconds)),
            at_least(per_second(orjson_seconds)),
        ),
        *(
            Figure(what, per_second(fastest(texts, read, scale.rounds)), "documents/s", limit)
            for what, read in others
        ),
        Figure("mean size of a document", sum(map(len, texts)) / len(changes), "bytes"),
    ]


def typed_seconds(texts: list[str], document_type: type, rounds: int) -> float:
    """CPU seconds of the typed decode of some batches."""
    decoder = msgspec.json.Decoder(list[document_type])  # type: ignore[valid-type]  # held by a value
    return fastest(texts, decoder.decode, rounds)


def fastest(texts: list[str], read: Callable[[str], Any], rounds: int) -> float:
    """CPU seconds of the fastest round. CPU, because others may use the machine as well."""
    seconds = []
    for _ in range(rounds):
        started = thread_time()
        for text in texts:
            read(text)
        seconds.append(thread_time() - started)
    return min(seconds)
