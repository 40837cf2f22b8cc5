"""The timer: after a deployment by itself, each letter once, and no more than it can take."""

import json
import logging
import tomllib
from typing import Any

import pytest

from cosmos_views.intake.worker_version import PACKAGE_VERSION, worker_version
from cosmos_views.upkeep import redrive
from pack import PACK
from tests.redrive.conftest import CORRELATION, dies_of_a_defect, standing, yesterday
from tests.worker.ground import (
    INTERACTIONS,
    REPOSITORY,
    Document,
    Ground,
    assert_views_are_true,
    deliver,
)
from tests.worker.stories import interaction


def lines(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    found = [
        json.loads(record.getMessage()) for record in caplog.records if record.name == "worker"
    ]
    return [line for line in found if line["event"] == event]


def test_after_an_upgrade_the_timer_counts_what_the_older_worker_could_not(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    bodies = [interaction(f"{number}", user_id=f"user-{number}") for number in range(4)]
    ground.write(INTERACTIONS, *[one | {"schema_version": 1} for one in bodies])
    with yesterday(knows_version=-1), ground.host() as host:
        host.run_until_idle()
    assert {"pending"} == set(standing(ground).values())
    caplog.clear()

    with ground.host() as host, caplog.at_level(logging.INFO, "worker"):
        host.run_until_idle()
        host.fire("redrive")
        host.fire("publish")

    assert {"redriven"} == set(standing(ground).values())
    (line,) = lines(caplog, "dead letters redriven")
    assert (
        line["letters_looked_at"],
        line["redriven"],
        line["dead_letters_pending"],
    ) == (4, 4, {})
    assert_views_are_true(ground)


def test_each_worker_tries_each_letter_once(ground: Ground) -> None:
    shown = ground.write(INTERACTIONS, interaction("a", response_time_ms=-1))
    with yesterday(fails=True):
        deliver(ground.worker(), INTERACTIONS, shown)
    worker = ground.worker()

    first, second = (worker.redriver.run(CORRELATION) for _ in range(2))

    assert (first.looked_at, first.outcomes) == (1, {"still failing": 1})
    assert (second.looked_at, second.outcomes) == (1, {})
    assert [letter["attempts"] for letter in ground.letters()] == [2]


@pytest.mark.parametrize("delivered", [True, False])
def test_a_document_corrected_meanwhile_needs_no_deployment(
    ground: Ground, delivered: bool
) -> None:
    worker = ground.worker()
    bad = interaction("a", response_time_ms=-1)
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, bad))
    ground.later()
    corrected = ground.write(INTERACTIONS, interaction("a"))
    if delivered:
        deliver(worker, INTERACTIONS, corrected)

    run = worker.redriver.run(CORRELATION)

    assert run.outcomes == {"superseded": 1}
    assert_views_are_true(ground, worker)


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"response_time_ms": "fast"}, "superseded"), ({"response_time_ms": -1}, "pending")],
)
def test_a_document_deleted_meanwhile_ends_a_letter_that_can_never_count(
    ground: Ground, fields: Document, status: str
) -> None:
    worker = ground.worker()
    (shown,) = ground.write(INTERACTIONS, interaction("a") | fields)
    deliver(worker, INTERACTIONS, [shown])
    ground.container(INTERACTIONS).delete_item("a", "ada")

    worker.redriver.run(CORRELATION)

    assert {"a": status} == standing(ground)


def test_a_run_is_bounded_and_the_next_goes_on_behind_it(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive, "LETTERS_PER_SOURCE_MAX", 2)
    worker = ground.worker()
    bodies = [interaction(f"{number}", response_time_ms=-1) for number in range(5)]
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, *bodies))

    looked_at = [ground.worker().redriver.run(CORRELATION).looked_at for _ in range(4)]

    assert looked_at == [2, 2, 1, 2], "each run is another process"


def test_one_letter_that_breaks_redrive_does_not_stop_the_others(ground: Ground) -> None:
    dies_of_a_defect(ground, interaction("a"), interaction("b"), interaction("c"))
    worker = ground.worker()
    redriver = worker.redriver
    broken: list[str] = []
    redriver.on_failure = lambda letter, _: broken.append(letter.document_id)
    once = redriver.redrive

    def breaks(letter: Any, correlation: Any) -> Any:
        if letter.document_id == "b":
            raise ZeroDivisionError
        return once(letter, correlation)

    redriver.redrive = breaks  # type: ignore[method-assign]

    run = redriver.run(CORRELATION)

    assert (broken, run.broken, run.outcomes) == (["b"], 1, {"redriven": 2})


def test_the_worker_version_names_package_and_definition_and_moves_with_the_code() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    package, rest = worker_version(PACK).split("+")
    definition, code = rest.split(".")

    assert project["project"]["version"] == package == PACKAGE_VERSION
    assert PACK.definition == definition
    assert len(code) == 8
