"""Metering: what a piece of work asked of Cosmos DB.

Every call made while a meter is open in this thread is added to it; function invocations run in
threads of their own, so meters never mix.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

_CHARGE = "x-ms-request-charge"


@dataclass
class Meter:
    """Operations and request units, by `{container}.{operation}`."""

    operations: Counter[str] = field(default_factory=Counter)
    request_units: dict[str, float] = field(default_factory=dict)

    @property
    def request_charge(self) -> float:
        """Request units in all."""
        return sum(self.request_units.values())


_METER: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metered() -> Iterator[Meter]:
    """Open a meter for this thread."""
    meter = Meter()
    token = _METER.set(meter)
    try:
        yield meter
    finally:
        _METER.reset(token)


def note(container: str, operation: str, headers: Mapping[str, str]) -> None:
    """Add one answer, failed ones too, to the open meter, if there is one."""
    meter = _METER.get()
    if meter is not None:
        name = f"{container}.{operation}"
        meter.operations[name] += 1
        charge = float(headers.get(_CHARGE, 0.0))
        meter.request_units[name] = meter.request_units.get(name, 0.0) + charge
