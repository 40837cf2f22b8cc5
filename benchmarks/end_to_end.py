"""Stage 1 through the real SDK: the same batches, state read from and committed to an endpoint.

The endpoint runs in a process of its own. What counts is CPU time of the worker's process, because
that is what a worker core is busy with; wall time also has the endpoint in it.
"""

from time import perf_counter, thread_time

from benchmarks import traffic
from benchmarks.figures import Figure, Peer, Scale, at_least, shown
from benchmarks.sampling import SDK, Sampler
from demo.metered import provisioned
from emulators.cosmos import Endpoint

BATCHES = (100, 1_000)
CHANGES_A_SECOND = 6_000
"""To reach, per worker core, at batches of 1 000."""


def measure(scale: Scale) -> list[Figure]:
    """Changes per second of one worker core, and by the clock."""
    found = []
    with Endpoint.subprocess(seed=traffic.SEED) as endpoint:
        for size in BATCHES:
            found += _of(endpoint, size, scale)
    return found


def _of(endpoint: Endpoint, size: int, scale: Scale) -> list[Figure]:
    _, worker = provisioned(endpoint, 1, f"batches-of-{size}")
    every = traffic.measured(scale.interactions_a_day, scale.endpoint_changes)
    for source, text in traffic.batches(traffic.earlier(scale.interactions_a_day, every), 1_000):
        worker.processors[source].process(text, {})
    changes = traffic.interactions_of(every)
    sampler = Sampler()
    cpu = wall = 0.0
    for source, text in traffic.batches(changes, size):
        with sampler:
            started, started_cpu = perf_counter(), thread_time()
            worker.processors[source].process(text, {})
            cpu += thread_time() - started_cpu
            wall += perf_counter() - started
    where = sampler.shares()
    rate = len(changes) / cpu
    # The SDK alone, were everything else free.
    limit = Peer("the SDK's share of it alone", rate / where.get(SDK, 1.0))
    return [
        Figure(
            f"stage 1 through the SDK, batches of {shown(size)}: per worker core",
            rate,
            "changes/s",
            limit,
            at_least(CHANGES_A_SECOND) if size == BATCHES[-1] else None,
            where,
        ),
        Figure(
            f"stage 1 through the SDK, batches of {shown(size)}: by the clock",
            len(changes) / wall,
            "changes/s",
        ),
    ]
