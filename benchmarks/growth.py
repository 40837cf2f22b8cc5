"""Growth: the same changes again, after ten and a hundred times the documents and users.

CPU of stage 1 over state in memory, request units through the endpoint. What is counted before is
of other users, in the same month, so that it lies in the same partials and views.
"""

from benchmarks import memory, traffic
from benchmarks.figures import Figure, Peer, Scale, at_most, shown
from benchmarks.stage_1 import pure_seconds, warmed
from cosmos_views.store.metering import metered
from cosmos_views.worker import Worker
from demo.metered import provisioned
from emulators.cosmos import Endpoint

RU, MICROSECONDS = "RU/change", 1e6
STEPS = (1, 10, 100)
OTHERS_SEED = 2
BATCH, GROWING_BATCH = 100, 1_000
GROWTH_MAX = 1.2
"""To reach, of the figure after the last step divided by the one after the first."""


def measure(scale: Scale) -> list[Figure]:
    """Per change, after each step."""
    documents = scale.growth_documents_metered
    with Endpoint.subprocess(seed=traffic.SEED) as endpoint:
        metered_steps = [_request_units(scale, endpoint, documents * step) for step in STEPS]
    return [
        *_grown("stage 1, CPU", _cpu(scale), scale.growth_documents, "µs/change"),
        *_grown("stage 1", [units[1] for units in metered_steps], documents, RU),
        *_grown("stage 2", [units[2] for units in metered_steps], documents, RU),
    ]


def _grown(what: str, values: list[float], documents: int, unit: str) -> list[Figure]:
    """A figure after each step, all but the first beside the first."""
    small, last = values[0], STEPS[-1]
    first = Peer(f"after {shown(documents)}", small)
    return [
        Figure(
            f"{what}, after {shown(documents * step)} documents",
            value,
            unit,
            None if step == 1 else first,
            at_most(GROWTH_MAX * small) if step == last else None,
        )
        for step, value in zip(STEPS, values, strict=True)
    ]


def _others(scale: Scale, documents: int) -> list[traffic.Sourced]:
    day = traffic.day(-1, scale.interactions_a_day, OTHERS_SEED)
    return [change for _, change in day[:documents]]


def _cpu(scale: Scale) -> list[float]:
    """Microseconds per change, of batches of GROWING_BATCH."""
    every = traffic.measured(scale.interactions_a_day, scale.changes)
    earlier = traffic.earlier(scale.interactions_a_day, every)
    batches = traffic.batches(every, GROWING_BATCH)
    states = [warmed([*earlier, *_others(scale, scale.growth_documents * step)]) for step in STEPS]
    fastest = [float("inf")] * len(STEPS)
    for _ in range(scale.rounds):  # in turns, so that all meet the machine as busy
        seconds = [pure_seconds(batches, state) for state in states]
        fastest = list(map(min, fastest, seconds))
    return [seconds / len(every) * MICROSECONDS for seconds in fastest]


def _request_units(scale: Scale, endpoint: Endpoint, documents: int) -> dict[int, float]:
    """By stage, per change, of batches of BATCH and everything published after them."""
    every = traffic.measured(scale.interactions_a_day, scale.growth_changes_metered)
    earlier = traffic.earlier(scale.interactions_a_day, every)
    _, worker = provisioned(endpoint, 1, f"after-{documents}")
    worker.publisher.now_ms = lambda: memory.NOW_MS
    worker.publisher.pace_seconds = 0
    for source, text in traffic.batches([*earlier, *_others(scale, documents)], GROWING_BATCH):
        worker.processors[source].process(text, {})
    _publish_all(worker)
    with metered() as stage_1:
        for source, text in traffic.batches(every, BATCH):
            worker.processors[source].process(text, {})
    with metered() as stage_2:
        _publish_all(worker)
    return {
        1: stage_1.request_charge / len(every),
        2: stage_2.request_charge / len(every),
    }


def _publish_all(worker: Worker) -> None:
    while not worker.publisher.run().idle:
        pass
