"""A change that the platform checkpointed away is found by the audit and counted like any other."""

import json
from itertools import count

import pytest

from cosmos_views.cli.main import main
from cosmos_views.upkeep.audit import auditing
from tests.audit.readers import HOUR, Boundaries, Killed, allowance, audit, auditor
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    SESSIONS,
    SOURCES,
    Ground,
    assert_views_are_true,
    deliver,
    publish_until_done,
)
from tests.worker.stories import incident, interaction, session


def test_a_lost_change_is_found_after_an_hour_and_repaired(ground: Ground) -> None:
    worker = auditor(ground)
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a"), interaction("b")))
    ground.write(INTERACTIONS, interaction("lost"))
    ground.write(SESSIONS, session("lost"))
    ground.write(INCIDENTS, incident("lost"))

    assert audit(worker) == {}, "the triggers may still be on their way"
    ground.later(HOUR + 1)
    assert audit(worker) == {"checked": 5, "repaired": 3}

    assert_views_are_true(ground, worker)
    assert audit(worker) == {}


def test_a_lost_correction_deletion_and_dead_letter_are_repaired(ground: Ground) -> None:
    worker = auditor(ground)
    names = ("corrected", "deleted", "broken", "ignored", "untouched")
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, *map(interaction, names)))
    ground.later()
    ground.write(
        INTERACTIONS,
        interaction("corrected", response_time_ms=900),
        interaction("deleted", is_deleted=True),
        interaction("broken", response_time_ms="slow"),
        interaction("ignored", document_type="weather_report"),
    )
    ground.later(HOUR + 1)

    assert audit(worker) == {"checked": 5, "repaired": 4}

    assert len(ground.letters()) == 1
    assert_views_are_true(ground, worker)


def test_half_a_character_in_a_text_that_no_view_needs_spoils_no_page(ground: Ground) -> None:
    """The host replaces it before stage 1; the SDK, by which the audit reads, shows it as it is."""
    worker = auditor(ground)
    shown = ground.write(INTERACTIONS, interaction("cut"), interaction("whole"))
    shown[0]["user_query"] = "to be cut here: \ud83d"

    done = auditing(worker.processors[INTERACTIONS])(shown)

    assert done == {"checked": 2, "repaired": 2}
    assert_views_are_true(ground, worker)


def test_what_is_decided_is_written_nowhere(ground: Ground) -> None:
    worker = auditor(ground)
    bodies = [interaction(f"d{number}", user_id=f"u{number % 9}") for number in range(120)]
    broken = interaction("broken", response_time_ms="slow")
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, *bodies, broken))
    publish_until_done(ground, worker)
    ground.later(HOUR + 1)
    watched = ("state", "poison_messages", "daily_metrics")
    before = [ground.etags(container) for container in watched]

    assert audit(worker) == {"checked": 121, "repaired": 0}

    after = [ground.etags(container) for container in watched]
    for etags in after:
        for key in [key for key in etags if key[1].startswith("cursor:")]:
            del etags[key]
    assert after == before


@pytest.mark.parametrize("takes_effect", [False, True], ids=["before", "after"])
def test_killed_at_any_boundary_the_next_run_repairs_the_rest_and_nothing_twice(
    ground: Ground, takes_effect: bool
) -> None:
    """Round n kills the run at its n-th call of feed, state, sources or poison container."""
    for fatal in count(1):
        ground.write(
            INTERACTIONS,
            interaction(f"{fatal}-lost"),
            interaction(f"{fatal}-broken", response_time_ms="slow"),
        )
        ground.write(INTERACTIONS, interaction(f"{fatal}-lost", user_rating=4))
        ground.later(HOUR + 1)
        worker = auditor(ground)
        boundaries = Boundaries(fatal, takes_effect=takes_effect)
        reader = next(one for one in worker.audits if one.container == INTERACTIONS)
        outside = worker.processors[INTERACTIONS].outside
        for owner, names in (
            (reader, ("feed", "state")),
            (outside, ("state", "sources", "poison")),
        ):
            for name in names:
                object.__setattr__(owner, name, boundaries.around(getattr(owner, name)))

        try:
            assert reader.run(allowance()).failures == []
        except Killed:
            killed = True
        else:
            killed = False
        done = audit(auditor(ground))

        assert done["repaired"] <= 2
        lost, broken = (
            entry for entry in ground.state("e:") if entry["document"].startswith(f"{fatal}-")
        )
        assert {lost["outcome"], broken["outcome"]} == {"counted", "dead"}
        if not killed:
            break
    assert fatal > 8, "ranges, cursors, pages, state, poison and the cursor's move"
    assert_views_are_true(ground)


def test_the_timer_repairs_what_a_failed_function_lost(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_DELAY_SECONDS", "0")
    ground.write(INTERACTIONS, interaction("lost"))

    with ground.host() as host:
        host.fire("audit")
        host.fire("publish")

    assert_views_are_true(ground)


def test_the_command_audits_now_and_says_what_it_repaired(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    ground.write(INTERACTIONS, interaction("a"), interaction("b"))
    arguments = ["audit", "--connection", ground.endpoint.connection_string]
    arguments += ["--database", ground.database, "--json"]

    assert main([*arguments]) == 0
    before = ground.etags()
    capsys.readouterr()
    assert main([*arguments, "--delay", "0", "--dry-run"]) == 1
    planned = json.loads(capsys.readouterr().out)
    assert [one.get("would_repair", 0) for one in planned] == [2, 0, 0]
    assert before == ground.etags()
    assert main([*arguments, "--delay", "0"]) == 1
    capsys.readouterr()
    assert main([*arguments, "--delay", "0"]) == 0
    readings = json.loads(capsys.readouterr().out)
    assert main([*arguments, "--status"]) == 0
    status = json.loads(capsys.readouterr().out)

    assert [one["source"] for one in readings] == list(SOURCES)
    assert all(one["caught_up"] and not one["failures"] for one in readings)
    assert {(one["source"], one["documents"]) for one in status} == {
        (INTERACTIONS, 2),
        (SESSIONS, 0),
        (INCIDENTS, 0),
    }
    assert_views_are_true(ground)
