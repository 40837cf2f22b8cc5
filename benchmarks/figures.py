"""What a benchmark answers with: figures, each beside its peer and the figure to reach."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reach:
    """The figure to reach."""

    bound: float
    at_least: bool

    def reached_by(self, value: float) -> bool:
        """Whether a value is on the right side of the bound."""
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True)
class Peer:
    """What a figure is held against: a limit that nothing can pass, or another way to do it."""

    what: str
    value: float


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    what: str
    value: float
    unit: str
    peer: Peer | None = None
    reach: Reach | None = None
    where: dict[str, float] = field(default_factory=dict)
    """Share of it, by what it goes into."""

    @property
    def ratio(self) -> float | None:
        """The figure divided by its peer's."""
        return None if self.peer is None or not self.peer.value else self.value / self.peer.value

    @property
    def reached(self) -> bool | None:
        """None where there is nothing to reach."""
        return None if self.reach is None else self.reach.reached_by(self.value)


def at_least(bound: float) -> Reach:
    """More is better."""
    return Reach(bound, at_least=True)


def at_most(bound: float) -> Reach:
    """Less is better."""
    return Reach(bound, at_least=False)


@dataclass(frozen=True)
class Stream:
    """A stream over the day: how it is laid out, and what a change of it may cost."""

    buckets: int
    request_units_max: float
    """To reach."""
    seconds: int
    """Of the day that are measured."""


@dataclass(frozen=True)
class Scale:
    """How much is measured. `QUICK` is for seeing that every benchmark runs, its figures mean
    nothing."""

    rounds: int
    """Of what can be repeated, the fastest of so many counts."""
    interactions_a_day: int
    changes: int
    """Measured without an endpoint."""
    endpoint_changes: int
    """Measured through one."""
    metered_changes_a_day: int
    batches_of_size: dict[int, int]
    """Batch size → how many batches are metered."""
    naive_changes: int
    streams: dict[int, "Stream"]
    """By changes a day."""
    state_changes: int
    citations_a_month: int
    growth_documents: int
    """The first of three sizes, each ten times the one before."""
    growth_documents_metered: int
    growth_changes_metered: int


FULL = Scale(
    rounds=5,
    interactions_a_day=150_000,
    changes=6_000,
    endpoint_changes=6_000,
    metered_changes_a_day=10_000,
    batches_of_size={1: 30, 10: 20, 100: 6, 1_000: 3},
    naive_changes=200,
    streams={
        10_000: Stream(1, 45.0, 7_200),
        100_000: Stream(4, 35.0, 5_400),
        1_000_000: Stream(32, 27.0, 1_800),
    },
    state_changes=20_000,
    citations_a_month=120_000,
    growth_documents=2_000,
    growth_documents_metered=400,
    growth_changes_metered=500,
)
QUICK = Scale(
    rounds=1,
    interactions_a_day=400,
    changes=200,
    endpoint_changes=100,
    metered_changes_a_day=80,
    batches_of_size={1: 2, 10: 1, 20: 1},
    naive_changes=10,
    streams={80: Stream(1, 45.0, 7_200)},
    state_changes=200,
    citations_a_month=2_000,
    growth_documents=10,
    growth_documents_metered=1,
    growth_changes_metered=20,
)


def shares(parts: dict[str, float]) -> dict[str, float]:
    """What each part is of their sum."""
    total = sum(parts.values()) or 1.0
    return {name: value / total for name, value in parts.items()}


def shown(value: float) -> str:
    """Three digits that mean something, thousands apart."""
    if abs(value) >= 1_000:
        digits = len(f"{value:.0f}")
        return f"{round(value, 3 - digits):,.0f}".replace(",", " ")
    return f"{value:.3g}"
