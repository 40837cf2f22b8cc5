"""The ground's parts: faults by name or file, live traffic, the summed log."""

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cosmos_views.settings import ConfigurationError
from demo.bad_days import PRESETS, faults
from demo.live_traffic import moved_to
from demo.worker_log import WorkerLog
from emulators.cosmos import FaultRule


@pytest.mark.parametrize("name", ["a bad day", "A-bad-day", " throttled "])
def test_presets_go_by_name(name: str) -> None:
    assert faults(name) == PRESETS[name.strip().lower().replace("-", " ")]


def test_a_fault_file_is_a_list_of_rules(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('[{"operation": "batch", "container": "state", "status": 503, "times": 1}]')
    assert faults(str(path)) == (
        FaultRule(operation="batch", container="state", status=503, times=1),
    )


@pytest.mark.parametrize("text", ["[", "{}", '[{"operation": "dance"}]', '[{"status": 200}]'])
def test_a_wrong_fault_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"faults\.json is no list of fault rules"):
        faults(str(path))


def test_live_traffic_moves_every_time_of_a_day_by_one_rule() -> None:
    day, begun = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 5, 5, 8, tzinfo=UTC)
    document = {
        "id": "s",
        "start_time": "2026-01-01T00:00:00.000Z",
        "inner": [{"end_time": "2026-01-02T00:00:00.000Z"}],
        "duration_seconds": 86_400,
    }
    assert moved_to(document, day, begun) == {
        "id": "s",
        "start_time": "2026-05-05T08:00:00.000Z",
        "inner": [{"end_time": "2026-05-05T08:01:30.000Z"}],
        "duration_seconds": 86_400,
    }
    assert begun + timedelta(seconds=90) == datetime(2026, 5, 5, 8, 1, 30, tzinfo=UTC)


def test_the_log_is_summed_line_by_line() -> None:
    log = logging.getLogger("worker")
    log.setLevel(logging.INFO)
    line = {
        "event": "batch applied",
        "source": "user_sessions",
        "changes_delivered": 3,
        "changes_counted": 2,
        "changes_ignored": {},
        "dead_letters": {"invalid": 1},
        "request_charge": 1.5,
    }
    with WorkerLog() as summed:
        log.info(json.dumps(line))
        log.info(json.dumps(line))
        log.info(json.dumps({"event": "published", "documents_written": 4, "request_charge": 2}))
        log.info("not a line of the worker")
    log.info(json.dumps(line))
    totals = summed.totals
    assert totals.delivered == {"user_sessions": 6}
    assert (totals.outcomes["counted"], totals.dead, totals.batches) == (4, {"invalid": 2}, 2)
    assert (totals.stage_1_request_units, totals.stage_2_request_units) == (3.0, 2.0)
    assert totals.documents_written == 4
