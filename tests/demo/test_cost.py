"""`cost` measures what the README quotes."""

import json

import pytest

import demo.cost
import demo.metered
from demo.__main__ import main


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo.cost, "BATCHES_OF_SIZE", {1: 4, 50: 2})
    monkeypatch.setattr(demo.cost, "FRESHNESS_SECONDS", (60,))
    monkeypatch.setattr(demo.cost, "FRESHNESS_CHANGES", 30)
    monkeypatch.setattr(demo.cost, "POISON_EVERY", 25)
    monkeypatch.setattr(demo.metered, "WARM_INTERACTIONS_MAX", 54)
    monkeypatch.setattr(demo.metered, "WARM_DAYS", 1)


def test_larger_batches_cost_less_per_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--json"]) == 0
    measured_costs = json.loads(capsys.readouterr().out)
    one, fifty = measured_costs["batches"]
    assert (one["batch"], one["changes"], fifty["batch"]) == (1, 4, 50)
    for stage in ("stage_1", "stage_2"):
        for measured in ("request_units_per_change", "operations_per_change"):
            assert 0 < fifty[stage][measured] < one[stage][measured]
    assert fifty["dead_letters"] > 0
    assert fifty["poison"]["request_units_per_change"] > 0
    (fresh,) = measured_costs["freshness"]
    assert fresh["total"] == pytest.approx(
        fresh["stage_1"] + fresh["stage_2"] + fresh["feeds"], abs=0.03
    )


def test_the_table_has_a_row_per_batch_size(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo.cost, "BATCHES_OF_SIZE", {1: 1, 5: 1})
    monkeypatch.setattr(demo.cost, "FRESHNESS_CHANGES", 2)
    assert main(["cost"]) == 0
    out = capsys.readouterr().out
    assert "Modelled request units" in out
    rows = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert {"1", "5", "every"} <= set(rows)
