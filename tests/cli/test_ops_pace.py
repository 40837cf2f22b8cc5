"""A command takes no more request units per second than it was allowed, on average."""

import pytest

from cosmos_views.cli import reconcile
from cosmos_views.store.metering import Meter


def test_a_command_pauses_for_what_it_is_ahead_of_its_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000.0
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        pauses.append(seconds)
        now += seconds

    monkeypatch.setattr("cosmos_views.cli.reconcile.time.monotonic", lambda: now)
    monkeypatch.setattr("cosmos_views.cli.reconcile.time.sleep", sleep)
    meter = Meter()
    pace = reconcile.pace_of(meter, 400)
    for request_units in (1_000.0, 0.0, 200.0):
        meter.request_units["state.query"] = meter.request_charge + request_units
        pace()
    now += 10  # it was slow by itself
    meter.request_units["state.query"] = meter.request_charge + 800
    pace()

    assert pauses == [2.5, 0.5]
