"""How one endpoint is set up: the same choices for the command line and for Python."""

from dataclasses import dataclass
from pathlib import Path

from emulators.cosmos.auth import DEFAULT_KEY

CONSISTENCY_LEVELS = ("Strong", "BoundedStaleness", "Session", "ConsistentPrefix", "Eventual")

PARTITIONS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Settings:
    """`port` 0 takes a free one; `file` None keeps everything in memory."""

    host: str = "127.0.0.1"
    port: int = 0
    file: Path | None = None
    partitions: int = 1
    seed: int = 0
    key: str = DEFAULT_KEY
    consistency: str = "Session"
    multi_region_writes: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.partitions <= PARTITIONS_MAX:
            raise ValueError(f"partitions must lie between 1 and {PARTITIONS_MAX}.")
        if self.consistency not in CONSISTENCY_LEVELS:
            raise ValueError(f"consistency must be one of {', '.join(CONSISTENCY_LEVELS)}.")
