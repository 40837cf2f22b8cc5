"""The worker's own log lines, summed: what its batches and publishing runs reported.

The local host runs the worker in this process, so its structured lines pass by here. They are the
same ones that production writes.
"""

import json
import logging
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Totals:
    """Sums over the lines so far."""

    delivered: Counter[str] = field(default_factory=Counter)
    """Changes, by source."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """By name, as `_OUTCOMES` has them."""
    ignored: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    batches_failed: int = 0
    stage_1_request_units: float = 0.0
    stage_2_request_units: float = 0.0
    documents_written: int = 0


_OUTCOMES = {
    "counted": "changes_counted",
    "deleted": "changes_deleted",
    "duplicates": "duplicates",
    "superseded": "superseded",
    "gone": "gone",
    "corrections": "corrections",
    "unchanged": "unchanged",
    "unpriced": "unpriced",
    "conflicts": "conflicts",
}


class WorkerLog(logging.Handler):
    """Sums the lines of the logger `worker`; safe from any thread."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._totals = Totals()
        self._lock_totals = threading.Lock()

    def __enter__(self) -> "WorkerLog":
        logging.getLogger("worker").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("worker").removeHandler(self)

    @property
    def totals(self) -> Totals:
        """The sums so far."""
        return self._totals

    def emit(self, record: logging.LogRecord) -> None:
        """Add one line; what is no structured line of the worker is left alone."""
        try:
            line = json.loads(record.getMessage())
        except ValueError:
            return
        with self._lock_totals:
            self._totals = _added(self._totals, line)


def _added(totals: Totals, line: dict[str, Any]) -> Totals:
    charge = float(line.get("request_charge", 0.0))
    match line.get("event"):
        case "batch applied":
            return replace(
                totals,
                delivered=totals.delivered + Counter({line["source"]: line["changes_delivered"]}),
                outcomes=totals.outcomes
                + Counter({name: line.get(key, 0) for name, key in _OUTCOMES.items()}),
                ignored=totals.ignored + Counter(line["changes_ignored"]),
                dead=totals.dead + Counter(line["dead_letters"]),
                batches=totals.batches + 1,
                stage_1_request_units=totals.stage_1_request_units + charge,
            )
        case "batch failed, will be delivered again":
            return replace(
                totals,
                batches_failed=totals.batches_failed + 1,
                stage_1_request_units=totals.stage_1_request_units + charge,
            )
        case "published" | "nothing to publish":
            return replace(
                totals,
                documents_written=totals.documents_written + line.get("documents_written", 0),
                stage_2_request_units=totals.stage_2_request_units + charge,
            )
    return totals
