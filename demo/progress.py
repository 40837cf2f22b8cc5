"""Progress of a run: a live panel on a terminal, plain lines anywhere else."""

import time
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from cosmos_views.cli.output import cell, counts, table
from demo.ground import Ground
from demo.worker_log import Totals, WorkerLog
from pack import PACK

FUNCTION_OF_SOURCE = {
    "user_interactions": "interactions",
    "user_sessions": "sessions",
    "abuse_incidents": "incidents",
}
LINE_SECONDS = 1.0
RATE_SECONDS = 3.0


@dataclass(frozen=True)
class Moment:
    """What is known at one moment."""

    seconds: float
    written: int
    totals: Totals
    delivered: dict[str, int]
    """Changes the host has handed over, by source."""
    lag: dict[str, int | None]
    """Changes not yet handed over, as last seen; None before the first look."""
    failures: int
    per_second: float
    published: int
    """View documents written."""
    request_charge: float
    """Of everything the endpoint answered."""


class Progress:
    """Looks at a ground, and shows what it sees."""

    def __init__(self, ground: Ground, log: WorkerLog, console: Console) -> None:
        self._ground = ground
        self._log = log
        self._console = console
        self._started = time.monotonic()
        self._last_line = 0.0
        self._history: list[tuple[float, int]] = []
        self._live = (
            Live(console=console, refresh_per_second=8, transient=True)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> "Progress":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def moment(self, written: int) -> Moment:
        """How things stand now."""
        now = time.monotonic() - self._started
        functions = self._ground.host.counts()
        delivered = {source: functions[name].changes for source, name in FUNCTION_OF_SOURCE.items()}
        self._history.append((now, sum(delivered.values())))
        while len(self._history) > 2 and now - self._history[1][0] > RATE_SECONDS:
            self._history.pop(0)
        (then, before), (_, after) = self._history[0], self._history[-1]
        totals = self._ground.endpoint.stats.totals()
        return Moment(
            seconds=now,
            written=written,
            totals=self._log.totals,
            delivered=delivered,
            lag={
                source: _lag(functions[name].leases) for source, name in FUNCTION_OF_SOURCE.items()
            },
            failures=sum(one.failures for one in functions.values()),
            per_second=(after - before) / (now - then) if now > then else 0.0,
            published=sum(
                one.count
                for one in totals
                if one.container in PACK.views and one.operation in ("create", "replace")
            ),
            request_charge=sum(one.request_charge for one in totals),
        )

    def show(self, moment: Moment, below: RenderableType | None = None) -> None:
        """Refresh the panel; or print a line, once a second."""
        if self._live is not None:
            self._live.update(Group(_panel(moment), *([below] if below is not None else [])))
        elif moment.seconds - self._last_line >= LINE_SECONDS:
            self._line(moment)

    def end(self, moment: Moment) -> None:
        """Print how it ended, where nothing else would say so."""
        if self._live is None:
            self._line(moment)

    def _line(self, moment: Moment) -> None:
        self._last_line = moment.seconds
        self._console.print(
            f"{moment.seconds:6.1f} s  written {moment.written}  "
            f"delivered {sum(moment.delivered.values())} ({moment.per_second:.0f}/s)  "
            f"lag {_shown(_sum(moment.lag))}  dead letters {moment.totals.dead.total()}  "
            f"published {moment.published}  RU {moment.request_charge:.0f}"
        )


def _panel(moment: Moment) -> RenderableType:
    rows = [
        (source, moment.delivered[source], _shown(moment.lag[source]))
        for source in FUNCTION_OF_SOURCE
    ]
    totals = moment.totals
    return Group(
        Text(
            f"{moment.seconds:.1f} s   {moment.written} documents written   "
            f"{moment.per_second:.0f} changes/s"
        ),
        table(("source", "changes delivered", "lag"), rows),
        Text(
            f"counted {cell(totals.outcomes['counted'])}   "
            f"dead letters {cell(totals.dead.total())}"
            + (f" ({counts(dict(totals.dead))})" if totals.dead else "")
            + f"   retries {cell(moment.failures)}"
        ),
        Text(
            f"views written {cell(moment.published)}   "
            f"request charge {moment.request_charge:.0f} RU (modelled)"
        ),
    )


def _lag(leases: Any) -> int | None:
    seen = [lease.lag for lease in leases.values()]
    return None if not seen or None in seen else sum(seen)


def _sum(lags: dict[str, int | None]) -> int | None:
    known = [lag for lag in lags.values() if lag is not None]
    return sum(known) if len(known) == len(lags) else None


def _shown(lag: int | None) -> str:
    return "?" if lag is None else cell(lag)
