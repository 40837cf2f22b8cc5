"""A view document that the account refuses for ever, by the real SDK: all others are published."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cosmos_views.cli.main import main
from cosmos_views.publish.parked import shown_name
from pack import PACK
from tests.worker.ground import INTERACTIONS, Ground, deliver
from tests.worker.stories import interaction, on


def test_ids_that_are_refused_are_parked_and_shown_by_their_hash(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document_id = PACK.views["daily_metrics"].document_id
    monkeypatch.setitem(
        PACK.views, "daily_metrics", _named(lambda key: f"{document_id(key)}{ENDS.get(key, '')}")
    )
    worker = ground.worker()
    bodies = [interaction(f"a{day}", timestamp=on(day)) for day in range(1, 10)]
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, *bodies))

    worker.publish()
    assert len(ENDS) == len(ground.state("f:"))
    days = {one["id"].removeprefix("daily_metrics_") for one in ground.documents("daily_metrics")}
    assert {f"2026030{day}" for day in range(1, 10)} - ENDS.keys() <= days
    assert not [one for one in ground.state("h")[0].get("pending", {}) if one.endswith("20260302")]

    account = ("--connection", ground.endpoint.connection_string, "--database", ground.database)
    capsys.readouterr()
    assert main(["status", "--json", *account]) == 0
    (bucket,) = json.loads(capsys.readouterr().out)["state"]
    assert bucket["parked_keys"] == len(ENDS)
    assert shown_name("daily_metrics:20260302") in bucket["parked"]


ENDS = {"20260302": "\t", "20260303": "\n", "20260307": "x" * 1_100}
"""Day → what makes its id one that the SDK or the service refuses."""


def _named(document_id: Any) -> Any:
    return replace(PACK.views["daily_metrics"], document_id=document_id)
