"""Running totals of what clients asked for: the evidence that benchmarks and tests read.

Guarantee: every answered request is counted once, under its database, container and operation.
"""

import msgspec


class Total(msgspec.Struct, kw_only=True):
    """Requests of one operation on one container since the last reset."""

    database: str
    container: str
    operation: str
    count: int = 0
    request_charge: float = 0.0
    statuses: dict[str, int] = {}  # msgspec copies the empty default
    dropped: int = 0


class Stats:
    """Totals by (database, container, operation)."""

    def __init__(self) -> None:
        self._totals: dict[tuple[str, str, str], Total] = {}

    def count(
        self, database: str, container: str, operation: str, status: int | None, charge: float
    ) -> None:
        """`status` None: the connection was dropped, so the client saw no status."""
        key = (database, container, operation)
        total = self._totals.get(key)
        if total is None:
            total = Total(database=database, container=container, operation=operation)
            self._totals[key] = total
        total.count += 1
        total.request_charge += charge
        if status is None:
            total.dropped += 1
        else:
            name = str(status)
            total.statuses[name] = total.statuses.get(name, 0) + 1

    def reset(self) -> None:
        self._totals.clear()

    def report(self) -> list[Total]:
        return [self._totals[key] for key in sorted(self._totals)]
