"""A store that is rebuilt: the command, and what must hold of state and views afterwards."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from cosmos_views.cli.main import main
from cosmos_views.ledger.generations import Generation
from cosmos_views.pack import Pack
from cosmos_views.store.generation import GenerationStore
from tests.worker.ground import UNBOUNDED, Ground

REBUILD = ("rebuild", "--settle-seconds", "0", *UNBOUNDED)


@dataclass
class Ran:
    """How the command ended."""

    code: int
    result: dict[str, Any]
    errors: str


def rebuild(ground: Ground, capsys: pytest.CaptureFixture[str], *options: str) -> Ran:
    capsys.readouterr()
    code = main([*REBUILD, "--json", *connection(ground), *options])
    printed = capsys.readouterr()
    now = in_force(ground)
    ground.generation, ground.buckets = now.generation, now.buckets
    return Ran(code, json.loads(printed.out) if printed.out else {}, printed.err)


def connection(ground: Ground) -> list[str]:
    return ["--connection", ground.endpoint.connection_string, "--database", ground.database]


def in_force(ground: Ground) -> Generation:
    found = GenerationStore(ground.container("state")).read()
    assert found is not None
    return found


def another_definition(monkeypatch: pytest.MonkeyPatch, code: int = 99) -> None:
    """From now on this process is a newer worker."""
    monkeypatch.setattr(Pack, "definition", property(lambda _: f"{code}-another"))


def assert_only_this_generation_is_left(ground: Ground, generation: int) -> None:
    """Everything in the state container belongs to it."""
    buckets = in_force(ground).buckets
    kept = {f"{generation}:{bucket}" for bucket in range(buckets)}
    assert {one["pk"] for one in ground.documents("state")} - kept <= {"generation", "cursors"}
    readers = {one["reader"] for one in ground.documents("state") if one["pk"] == "cursors"}
    assert readers <= {f"audit-{generation}"}
    assert in_force(ground).building is None
    assert in_force(ground).generation == generation
    heads = [one for one in ground.documents("state") if one["id"] == "h"]
    assert not any(head.get("building") or head.get("closed_for") for head in heads)
