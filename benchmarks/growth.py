"""Growth: the same changes again, after ten and a hundred times the documents and users.

CPU of stage 1 over state in memory, request units through the endpoint. What is counted before is
of other users, in the same month, so that it lies in the same partials and views.
"""

from collections.abc import Callable
from functools import partial

from benchmarks import memory, traffic
from benchmarks.figures import Figure, Peer, Scale, at_most
from benchmarks.stage_1 import pure_seconds, warmed
from local.cosmos import Endpoint
from ops.bench import provisioned
from store.metering import metered
from wiring import Worker

STEPS = (1, 10, 100)
OTHERS_SEED = 2
BATCH, GROWING_BATCH = 100, 1_000
METERED_CHANGES = 500
GROWTH_MAX = 1.2
"""To reach, of the figure after the last step divided by the one after the first."""


def measure(scale: Scale) -> list[Figure]:
    """Per change, after each step."""
    return [
        *_grown(partial(_cpu, scale), scale.growth_documents, "µs/change"),
        *_grown(partial(_request_units, scale), scale.growth_documents_metered, "RU/change"),
    ]


def _grown(of: Callable[[int], dict[str, float]], documents: int, unit: str) -> list[Figure]:
    found = []
    first: dict[str, float] = {}
    for step in STEPS:
        for what, value in of(step).items():
            small = first.setdefault(what, value)
            found.append(
                Figure(f"{what}, after {documents * step} documents", value, unit)
                if step == 1
                else Figure(
                    f"{what}, after {documents * step} documents",
                    value,
                    unit,
                    Peer(f"after {documents}", small),
                    at_most(GROWTH_MAX * small) if step == STEPS[-1] else None,
                )
            )
    return found


def _others(scale: Scale, documents: int) -> list[traffic.Sourced]:
    day = traffic.day(-1, scale.interactions_a_day, OTHERS_SEED)
    return [change for _, change in day[:documents]]


def _cpu(scale: Scale, step: int) -> dict[str, float]:
    every = traffic.measured(scale.interactions_a_day, scale.changes)
    earlier = traffic.earlier(scale.interactions_a_day, every)
    warm = warmed([*earlier, *_others(scale, scale.growth_documents * step)])
    seconds, _ = pure_seconds(traffic.batches(every, GROWING_BATCH), warm, scale.rounds)
    return {"stage 1, CPU": seconds / len(every) * 1e6}


def _request_units(scale: Scale, step: int) -> dict[str, float]:
    every = traffic.measured(scale.interactions_a_day, min(METERED_CHANGES, scale.changes))
    earlier = traffic.earlier(scale.interactions_a_day, every)
    others = _others(scale, scale.growth_documents_metered * step)
    with Endpoint.subprocess(seed=traffic.SEED) as endpoint:
        _, worker = provisioned(endpoint, 1)
        worker.publisher.now_ms = lambda: memory.NOW_MS
        worker.publisher.pace_seconds = 0
        for source, text in traffic.batches([*earlier, *others], GROWING_BATCH):
            worker.processors[source].process(text, {})
        _publish_all(worker)
        with metered() as stage_1:
            for source, text in traffic.batches(every, BATCH):
                worker.processors[source].process(text, {})
        with metered() as stage_2:
            _publish_all(worker)
    return {
        "stage 1, request units": stage_1.request_charge / len(every),
        "stage 2, request units": stage_2.request_charge / len(every),
    }


def _publish_all(worker: Worker) -> None:
    while not worker.publisher.run().idle:
        pass
