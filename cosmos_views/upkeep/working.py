"""What a rebuild and an erasure use of a worker."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from cosmos_views.intake.batch import Processor
from cosmos_views.pack import Pack
from cosmos_views.publish.publisher import Publisher
from cosmos_views.store.poison import PoisonStore
from cosmos_views.upkeep.trailing import TrailingReader


class Working(Protocol):
    """A worker on the account that is worked on."""

    @property
    def pack(self) -> Pack:
        """What it was told."""

    @property
    def processors(self) -> Mapping[str, Processor]:
        """Stage 1, by source."""

    @property
    def publisher(self) -> Publisher:
        """Stage 2."""

    @property
    def poison(self) -> PoisonStore:
        """The dead letters."""

    @property
    def audits(self) -> Sequence[TrailingReader]:
        """The audit of each source."""
