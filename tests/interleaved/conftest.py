"""Schedules decide what comes when, so nothing pauses."""

import pytest

from cosmos_views.upkeep import attempts


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "PAUSE_SECONDS", 0.0)
