"""Stage 1 alone: decode to plan and journal, every view, users with earlier days in the ledger.

State is in memory, and what reading and encoding it takes is left out: that is `end_to_end`.
"""

from time import thread_time

from benchmarks import memory, traffic
from benchmarks.decode import typed_seconds
from benchmarks.figures import Figure, Peer, Scale, at_least
from benchmarks.sampling import Sampler

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


def pure_seconds(
    batches: list[traffic.Batch], warm: memory.MemoryState, rounds: int
) -> tuple[float, dict[str, float]]:
    """(CPU seconds of the fastest round, where they go), reading and committing left out."""
    sources = memory.sources()
    seconds = []
    sampler = Sampler()
    for _ in range(rounds):
        state = warm.copy()
        with sampler:
            started = thread_time()
            memory.apply(state, batches, sources)
            seconds.append(thread_time() - started - state.outside_seconds)
    sampler.samples.pop("state in memory", None)
    return min(seconds), sampler.shares()


def _of(
    changes: list[traffic.Sourced], size: int, warm: memory.MemoryState, scale: Scale, what: str
) -> list[Figure]:
    batches = traffic.batches(changes, size)
    sources = memory.sources()
    limit = sum(
        typed_seconds(
            [text for of, text in batches if of == name], source.document_type, scale.rounds
        )
        for name, source in sources.items()
    )
    seconds, where = pure_seconds(batches, warm, scale.rounds)
    to_reach = size == BATCHES[-1] and what == "interactions"
    peer = Peer("typed decode alone", len(changes) / limit)
    rate = len(changes) / seconds
    return [
        Figure(
            f"stage 1, {what}, batches of {size}",
            rate,
            "changes/s",
            peer,
            at_least(CHANGES_A_SECOND) if to_reach else None,
            where,
        ),
        Figure(
            f"stage 1, {what}, batches of {size}: share of the limit",
            rate / peer.value,
            "of typed decode",
            reach=at_least(SHARE_OF_LIMIT) if to_reach else None,
        ),
    ]
