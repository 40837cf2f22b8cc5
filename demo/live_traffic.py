"""Live traffic: days of `demo.synthetic`, played fast, at the time they are written."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cosmos_views.cli.connection import Account
from cosmos_views.cli.lines import Line, as_line
from cosmos_views.cli.writing import Writer
from demo.synthetic import traffic
from pack import PACK

INTERACTIONS_PER_DAY = 900
SECONDS_PER_DAY = 90
"""One day of traffic takes so long, so ten interactions come every second on average."""
STEP_SECONDS = 0.5

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)

Document = dict[str, Any]


class LiveTraffic(threading.Thread):
    """Writes until it is stopped."""

    def __init__(self, target: Account, seed: int) -> None:
        super().__init__(name="live-traffic", daemon=True)
        self._target = target
        self._seed = seed
        self._ends = threading.Event()
        self.written = 0

    def run(self) -> None:
        """Day after day; the users stay the same."""
        writer = Writer(self._target.database, 2)
        try:
            for number in range(10_000):
                day = _FIRST_DAY + timedelta(days=number)
                for lines in self._paced(day):
                    self.written += sum(1 for _ in writer.write(lines))
                if self._ends.is_set():
                    return
        finally:
            writer.close()

    def stop(self) -> None:
        """Write no more; returns when the last write is done."""
        self._ends.set()
        self.join()

    def _paced(self, day: datetime) -> Iterator[list[Line]]:
        """What is due at each step, its times moved to now."""
        begun = datetime.now(UTC)
        due: list[Line] = []
        for source, document in traffic(self._seed, day.date(), INTERACTIONS_PER_DAY):
            at = _moved(_written_at(document), day, begun)
            while at > datetime.now(UTC):
                if due:
                    yield due
                    due = []
                if self._ends.wait(STEP_SECONDS):
                    return
            due.append(as_line("live traffic", moved_to(document, day, begun), PACK.source(source)))
        if due:
            yield due


def moved_to(value: Any, day: datetime, begun: datetime) -> Any:
    """The document with its times played fast from `begun` on.

    Every time of a day moves by the same rule, so what came later still does.
    """
    if isinstance(value, dict):
        return {name: moved_to(inner, day, begun) for name, inner in value.items()}
    if isinstance(value, list):
        return [moved_to(inner, day, begun) for inner in value]
    at = _time(value) if isinstance(value, str) else None
    if at is None:
        return value
    there = _moved(at, day, begun)
    return there.strftime("%Y-%m-%dT%H:%M:%S.") + f"{there.microsecond // 1000:03}Z"


def _moved(at: datetime, day: datetime, begun: datetime) -> datetime:
    return begun + (at - day) * SECONDS_PER_DAY / 86_400


def _written_at(document: Document) -> datetime:
    """About when the document's writer wrote it."""
    for name in ("updated_at", "timestamp", "created_at"):
        at = _time(document.get(name, ""))
        if at is not None:
            return at
    raise AssertionError("traffic has times")


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
