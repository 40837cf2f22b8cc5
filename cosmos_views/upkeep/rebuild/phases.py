"""A rebuild from phase to phase: it goes on with the one under way, or begins one."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from cosmos_views.ledger.generations import BEFORE_SWITCH, Generation, Phase, begun, horizon
from cosmos_views.pack import Pack
from cosmos_views.store import catalogue
from cosmos_views.store.failures import Refused
from cosmos_views.store.generation import HeldGeneration
from cosmos_views.upkeep.rebuild.comparing import Comparison, compare
from cosmos_views.upkeep.rebuild.rebuilding import Rebuilding


@dataclass(frozen=True)
class Wanted:
    """What a rebuild is asked for."""

    abort: bool = False
    """Give up the one under way."""
    compare: bool = False
    """Stop before the switch, and say what would change."""
    buckets: int | None = None
    """None: as many as there are, or as the one under way has."""


def check(pack: Pack, now: Generation, wanted: Wanted) -> None:
    """Raises Refused where what is wanted cannot be done now."""
    if wanted.abort:
        _require_abortable(now)
    else:
        _require_mine(pack, now, wanted)


def work(
    rebuilding: Rebuilding,
    held: HeldGeneration,
    wanted: Wanted,
    on_phase: Callable[[str], None] = lambda _: None,
) -> Comparison | None:
    """Phase after phase; None, or the comparison that it stops for. Raises Overtaken, Refused,
    Transient; done again, it goes on."""
    pack = rebuilding.worker.pack
    check(pack, held.generation, wanted)
    if wanted.abort:
        on_phase("aborting")
        rebuilding.abort(held)
        return None
    if held.generation.building is None:
        held = rebuilding.generations.replace(held, begin(pack, held.generation, wanted))
    while (building := held.generation.building) is not None:
        on_phase(f"{building.phase} (generation {building.generation})")
        match building.phase:
            case Phase.PREPARING:
                held = rebuilding.prepare(held)
            case Phase.COUNTING:
                held = rebuilding.carry(held)
                rebuilding.count(held)
                if wanted.compare:
                    return compare(rebuilding, building)
                held = rebuilding.counted(held)
            case Phase.CLOSING:
                held = rebuilding.close(held)
            case Phase.SETTLING:
                held = rebuilding.settle(held)
            case Phase.PUBLISHING:
                held = rebuilding.publish(held)
            case Phase.REMOVING:
                held = rebuilding.remove(held)
            case Phase.ABORTING:
                held = rebuilding.abort(held)
    return None


def begin(pack: Pack, now: Generation, wanted: Wanted) -> Generation:
    """The generation document with a rebuild that begins."""
    now_seconds = int(time.time())
    ttls = (one.default_ttl for one in catalogue.of(pack).with_role(catalogue.Role.SOURCE))
    return begun(
        now,
        pack.definition,
        wanted.buckets or now.buckets,
        horizon(now_seconds, ttls),
        now_seconds,
    )


def _require_mine(pack: Pack, now: Generation, wanted: Wanted) -> None:
    """The rebuild under way, if any, is the one that is asked for."""
    building = now.building
    if building is None:
        return
    mine = pack.definition
    if building.phase is not Phase.ABORTING and building.definition_version != mine:
        raise Refused(
            f"a rebuild for definition {building.definition_version} is {building.phase}, but this "
            f"worker has {mine}: finish it with the worker that began it, or run "
            "`python -m cosmos_views rebuild --abort`"
        )
    if wanted.buckets is not None and wanted.buckets != building.buckets:
        raise Refused(
            f"the rebuild under way has {building.buckets} buckets: leave --buckets out, or run "
            "`python -m cosmos_views rebuild --abort` first"
        )
    if wanted.compare and building.phase not in (Phase.PREPARING, Phase.COUNTING):
        raise Refused(
            f"the rebuild is {building.phase}: there is nothing left to compare before it switches"
        )


def _require_abortable(now: Generation) -> None:
    building = now.building
    if building is None:
        raise Refused("no rebuild is under way")
    if building.phase not in {*BEFORE_SWITCH, Phase.ABORTING}:
        raise Refused(
            f"generation {building.generation} is in force already: let the rebuild finish"
        )
