"""What a change costs at Cosmos DB: request units as the local endpoint models them, operations.

First in batches, each followed by a publishing run, so that the smallest pay for freshness that
nobody asked for; then as it is operated: a stream over the day, each view at its own pace, polling
included. Beside both, the naive worker, whose cost per change no batch makes smaller.
"""

from dataclasses import replace
from itertools import islice
from time import thread_time
from typing import cast

import msgspec

from benchmarks import memory, naive, traffic
from benchmarks.figures import Figure, Peer, Scale, Stream, at_most, shares, shown
from cosmos_views.settings import CosmosConnection
from cosmos_views.store import account
from demo.cost import DAY_SECONDS, by_batch, stream
from demo.metered import Bench, Spent
from emulators.cosmos import Endpoint
from processors.facts import AnyFact

TUNED, DEFAULT = "naive, tuned indexing", "naive, default indexing"


def measure(scale: Scale) -> list[Figure]:
    """Request units and operations per change."""
    found = []
    with Endpoint.subprocess(seed=traffic.SEED) as endpoint:
        bench = Bench(
            endpoint,
            1,
            traffic.SEED,
            0,
            scale.metered_changes_a_day,
            days=len(scale.batches_of_size),
        )
        try:
            bench.warm()
            measured: dict[int, Spent] = {}
            for size, number in scale.batches_of_size.items():
                if measured:
                    bench.next_day()
                measured[size] = by_batch(bench, size, number)
            peers = {tuned: _naive(scale, endpoint, bench, tuned=tuned) for tuned in (True, False)}
        finally:
            bench.close()
    tuned = Peer(TUNED, peers[True][0].value)
    for size, spent in measured.items():
        both = (spent.stage_1, spent.stage_2)
        found += [
            Figure(
                f"batches of {shown(size)}, published after each",
                spent.per_change(sum(meter.request_charge for meter in both)),
                "RU/change",
                tuned,
                where=shares(
                    {
                        "stage 1": spent.stage_1.request_charge,
                        "stage 2": spent.stage_2.request_charge,
                    }
                ),
            ),
            Figure(
                f"batches of {shown(size)}, published after each: operations",
                spent.per_change(sum(meter.operations.total() for meter in both)),
                "operations/change",
                replace(tuned, value=peers[True][1].value),
            ),
        ]
    found += [_streamed(volume, one, tuned) for volume, one in scale.streams.items()]
    return [*found, *peers[True], *peers[False]]


def _streamed(volume: int, one: Stream, peer: Peer) -> Figure:
    with Endpoint.subprocess(seed=traffic.SEED) as endpoint:
        bench = Bench(endpoint, one.buckets, traffic.SEED, 0, volume, days=1)
        try:
            bench.warm()
            cost = stream(bench, None, volume * one.seconds // DAY_SECONDS)
        finally:
            bench.close()
    return Figure(
        f"{shown(volume)} changes a day, buckets: {one.buckets}, each view at its pace",
        cost.total,
        "RU/change",
        peer,
        at_most(one.request_units_max),
        shares({**cost.by_operation, "feeds": cost.feeds}),
    )


def _naive(scale: Scale, endpoint: Endpoint, bench: Bench, *, tuned: bool) -> list[Figure]:
    """The day's first changes, onto a copy of the views as they are after that day."""
    what = TUNED if tuned else DEFAULT
    client = account.connect(CosmosConnection(endpoint.url, endpoint.key))
    database = naive.views_copied(client, bench.database, f"naive-{tuned}", tuned=tuned)
    worker = naive.NaiveWorker(database)
    sources = memory.sources()
    changes = 0
    started = thread_time()
    for source, documents in islice(bench.batches(1), scale.naive_changes):
        text = msgspec.json.encode(documents[0])
        document = msgspec.json.decode(text, type=sources[source].document)
        if not document.is_deleted:
            worker.apply(
                document.user_id or None, cast("AnyFact", sources[source].to_fact(document))
            )
            changes += 1
    seconds = thread_time() - started
    found = [
        Figure(what, worker.request_units / changes, "RU/change"),
        Figure(f"{what}: operations", worker.operations / changes, "operations/change"),
    ]
    if tuned:
        found.append(Figure(f"{what}: per worker core", changes / seconds, "changes/s"))
    return found
