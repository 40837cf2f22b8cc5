"""Stage 1 alone: decode to plan and journal, every view, users with earlier days in the ledger.

State is in memory, and what reading and encoding it takes is left out: that is `end_to_end`.
"""

from time import thread_time

from benchmarks import memory, traffic
from benchmarks.decode import decoder, seconds_of
from benchmarks.figures import Figure, Peer, Scale, at_least, shown
from benchmarks.sampling import STATE, Sampler

BATCHES = (100, 1_000)
CHANGES_A_SECOND, SHARE_OF_LIMIT = 80_000, 0.2
"""To reach at batches of 1 000."""


def measure(scale: Scale) -> list[Figure]:
    """Changes per second, and as a share of the typed decode of the same bytes in this run."""
    every = traffic.measured(scale.interactions_a_day, scale.changes)
    warm = warmed(traffic.earlier(scale.interactions_a_day, every))
    found = []
    for size in BATCHES:
        found += _of(traffic.interactions_of(every), size, warm, scale, "interactions")
    found += _of(every, BATCHES[-1], warm, scale, "all three sources")[:1]
    return found


def warmed(changes: list[traffic.Sourced]) -> memory.MemoryState:
    """State that has counted these changes."""
    state = memory.MemoryState()
    memory.apply(state, traffic.batches(changes, BATCHES[-1]), memory.sources())
    return state


def pure_seconds(batches: list[traffic.Batch], warm: memory.MemoryState) -> float:
    """CPU seconds of some batches on a copy of that state, reading and committing left out."""
    state, sources = warm.copy(), memory.sources()
    started = thread_time()
    memory.apply(state, batches, sources)
    return thread_time() - started - state.outside_seconds


def decode_seconds(batches: list[traffic.Batch]) -> float:
    """CPU seconds of nothing but the typed decode of the same batches."""
    return sum(
        seconds_of([text for of, text in batches if of == name], decoder(source).decode)
        for name, source in memory.sources().items()
    )


def _of(
    changes: list[traffic.Sourced], size: int, warm: memory.MemoryState, scale: Scale, what: str
) -> list[Figure]:
    batches = traffic.batches(changes, size)
    limit = seconds = float("inf")
    sampler = Sampler()
    for _ in range(scale.rounds):  # in turns, so that both meet the machine as busy
        limit = min(limit, decode_seconds(batches))
        with sampler:
            seconds = min(seconds, pure_seconds(batches, warm))
    sampler.samples.pop(STATE, None)
    to_reach = size == BATCHES[-1] and what == "interactions"
    name = f"stage 1, {what}, batches of {shown(size)}"
    rate = len(changes) / seconds
    return [
        Figure(
            name,
            rate,
            "changes/s",
            Peer("typed decode alone", len(changes) / limit),
            at_least(CHANGES_A_SECOND) if to_reach else None,
            sampler.shares(),
        ),
        Figure(
            f"{name}: share of the limit",
            limit / seconds,
            "of typed decode",
            reach=at_least(SHARE_OF_LIMIT) if to_reach else None,
        ),
    ]
