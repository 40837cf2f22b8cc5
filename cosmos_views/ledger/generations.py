"""Generations: which state is in force, which one is being built beside it, and who may use which.

A rebuild counts everything anew into the next generation while the one in force keeps serving, then
switches (docs/rebuild.md):

    preparing ──► counting ──► closing ──► settling ──switch──► publishing ──► removing ──► none
        └────────────┴────────────┴────────────┴──► aborting ──► none

All of it is in the one document `generation`, so a worker sees each step whole or not at all. The
number of a generation is never given twice, not even after an abort: what a late worker may still
write into a generation that was given up can never be taken for another one's state.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec

from cosmos_views.ledger.instants import DAY_SECONDS

GENERATION_ID = "generation"
HORIZON_MARGIN_DAYS = 2
"""An event may lie a day after its document's last write, and documents go on expiring while the
next generation is counted."""
GENERATION_SECONDS = 30
"""Stage 1 reads the generation document again after so many seconds."""


class Phase(StrEnum):
    """How far a rebuild has come. Each phase may be repeated from its start at any time."""

    PREPARING = "preparing"
    """The next generation is laid out; no trigger counts into it yet."""
    COUNTING = "counting"
    """Sources are counted into it from the beginning of their feeds."""
    CLOSING = "closing"
    """Heads of the generation in force are being closed: nobody folds or publishes it any more."""
    SETTLING = "settling"
    """They are closed; publishers that began before that come to their end."""
    PUBLISHING = "publishing"
    """The next generation is in force; every key of it is published again."""
    REMOVING = "removing"
    """State of the generation before is deleted."""
    ABORTING = "aborting"
    """State of the next generation is deleted; the one in force stays."""


OPEN = frozenset({Phase.COUNTING, Phase.CLOSING, Phase.SETTLING})
"""Triggers of the definition it is built for may count into it."""
BEFORE_SWITCH = frozenset({Phase.PREPARING, *OPEN})
"""A rebuild can be aborted."""


class Counted(NamedTuple):
    """Where stage 1 counts: a generation, and how many buckets it has."""

    generation: int
    buckets: int


class Building(msgspec.Struct, omit_defaults=True):
    """A rebuild under way."""

    generation: int
    """The number of the one that is built."""
    buckets: int
    definition_version: str
    replaces: int
    """The number of the one that was in force when it began."""
    replaces_buckets: int
    phase: Phase = Phase.PREPARING
    since: int = 0
    """When the phase began, in seconds since 1970."""
    horizon_seconds: int | None = None
    began: int = 0
    """When the rebuild began, in seconds since 1970."""
    place: str = ""
    """How far the phase has come, where it is worth keeping."""


class Generation(msgspec.Struct, omit_defaults=True):
    """The state document `generation`, alone in its partition."""

    id: str
    pk: str
    generation: int
    buckets: int
    definition_version: str
    horizon_seconds: int | None = None
    """Periods that began before this instant keep their documents, which an earlier generation
    has written; None where everything was counted."""
    began: int = 0
    """When the first change may have been counted into it, in seconds since 1970; 0 where that is
    not known."""
    in_force: int = 0
    """Since when it is, in seconds since 1970: every key was published then or later; 0 where that
    is not known."""
    used: int = 0
    """The highest number given to a generation so far, where it is higher than `generation`."""
    building: Building | None = None

    @property
    def successor(self) -> int:
        """The number that the next generation has, or will have. A head that is closed for it is
        closed; one closed for a lower number was closed by a rebuild that was aborted."""
        building = self.building
        if building is not None and building.phase in BEFORE_SWITCH:
            return building.generation
        return max(self.used, self.generation) + 1

    def counted(self, definition: str) -> Counted | None:
        """Where a worker of this definition counts; None where it fits nothing."""
        if self.definition_version == definition:
            return Counted(self.generation, self.buckets)
        building = self.building
        if (
            building is not None
            and building.phase in OPEN
            and building.definition_version == definition
        ):
            return Counted(building.generation, building.buckets)
        return None


def begun(
    now: Generation,
    definition: str,
    buckets: int,
    horizon_seconds: int | None,
    now_seconds: int,
) -> Generation:
    """A rebuild begins."""
    number = now.successor
    building = Building(
        generation=number,
        buckets=buckets,
        definition_version=definition,
        replaces=now.generation,
        replaces_buckets=now.buckets,
        since=now_seconds,
        horizon_seconds=horizon_seconds,
        began=now_seconds,
    )
    return msgspec.structs.replace(now, used=number, building=building)


def advanced(now: Generation, phase: Phase, now_seconds: int) -> Generation:
    """The rebuild enters a phase; entering `publishing` is the switch."""
    building = now.building
    assert building is not None
    moved = msgspec.structs.replace(building, phase=phase, since=now_seconds, place="")
    if phase is not Phase.PUBLISHING:
        return msgspec.structs.replace(now, building=moved)
    return msgspec.structs.replace(
        now,
        generation=building.generation,
        buckets=building.buckets,
        definition_version=building.definition_version,
        horizon_seconds=building.horizon_seconds,
        began=building.began,
        in_force=now_seconds,
        building=moved,
    )


def placed(now: Generation, place: str) -> Generation:
    """The rebuild has come to a place within its phase."""
    assert now.building is not None
    return msgspec.structs.replace(now, building=msgspec.structs.replace(now.building, place=place))


def ended(now: Generation) -> Generation:
    """No rebuild is under way any more."""
    return msgspec.structs.replace(now, building=None)


def horizon(now_seconds: int, ttls_seconds: Iterable[int]) -> int | None:
    """Every document of a period that begins at or after this instant can still be read.

    From the TTLs of the sources, -1 where documents never expire; a whole day. None where none do.
    """
    expiring = [ttl for ttl in ttls_seconds if ttl > 0]
    if not expiring:
        return None
    oldest_day = (now_seconds - min(expiring)) // DAY_SECONDS
    return (oldest_day + HORIZON_MARGIN_DAYS) * DAY_SECONDS


def keeps(horizon_seconds: int | None, starts_at_seconds: int | None) -> bool:
    """Whether a period keeps the document that an earlier generation has written; a key without a
    period never does."""
    if horizon_seconds is None or starts_at_seconds is None:
        return False
    return starts_at_seconds < horizon_seconds
