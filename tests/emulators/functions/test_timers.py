"""Timer functions."""

from pathlib import Path

import pytest

from emulators.functions import Host, HostError
from tests.emulators.functions.apps import recorded, write_app
from tests.emulators.functions.waiting import wait_until


def test_a_timer_runs_on_its_schedule_and_never_twice_at_once(root: Path) -> None:
    write_app(
        root,
        """
        @app.timer_trigger(arg_name="timer", schedule="%EVERY%")
        def tick(timer: func.TimerRequest) -> None:
            record("begin", timer.past_due)
            time.sleep(0.05)
            record("end")
        """,
    )

    with Host(root, {"EVERY": "* * * * * *"}) as host:
        host.start()
        wait_until(lambda: len(recorded(root)) >= 2)
        host.fire("tick")

    events = [event for event, *_ in recorded(root)]
    assert events == ["begin", "end"] * (len(events) // 2)
    assert recorded(root)[0] == ["begin", False]


def test_a_timer_with_run_on_startup_runs_as_soon_as_the_host_starts(root: Path) -> None:
    write_app(
        root,
        """
        @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
        async def tick(timer) -> None: record(type(timer).__name__)
        """,
    )

    with Host(root, {}) as host:
        host.start()
        wait_until(lambda: recorded(root) == [["TimerRequest"]])


def test_a_fired_timer_may_be_past_due_and_raises_what_it_raised(root: Path) -> None:
    write_app(
        root,
        """
        @app.timer_trigger(arg_name="timer", schedule="01:00:00")
        def tick(timer: func.TimerRequest) -> None:
            record(timer.past_due)
            raise ValueError("tock")
        """,
    )

    with Host(root, {}) as host, pytest.raises(ValueError, match="tock"):
        host.fire("tick", past_due=True)

    assert recorded(root) == [[True]]


def test_a_timer_retries_as_its_policy_says(root: Path) -> None:
    write_app(
        root,
        """
        @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
        @app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:00")
        def tick(timer, context: func.Context) -> None:
            record(context.retry_context.retry_count)
            raise ValueError("tock")
        """,
    )

    with Host(root, {}) as host:
        host.start()
        wait_until(lambda: recorded(root) == [[0], [1], [2]])


def test_a_disabled_function_does_not_run(root: Path) -> None:
    write_app(
        root,
        """
        @app.timer_trigger(arg_name="timer", schedule="* * * * * *", run_on_startup=True)
        def tick(timer) -> None: record("tick")
        @app.timer_trigger(arg_name="timer", schedule="* * * * * *", run_on_startup=True)
        def tock(timer) -> None: record("tock")
        """,
    )

    with Host(root, {"AzureWebJobs.tick.Disabled": "true"}) as host:
        host.start()
        wait_until(lambda: len(recorded(root)) >= 2)

    assert ["tick"] not in recorded(root)


def test_firing_a_function_that_is_not_there_is_refused(root: Path) -> None:
    write_app(root, "")

    with Host(root, {}) as host, pytest.raises(HostError, match="no function tick"):
        host.fire("tick")
