"""Timer functions: when they run, and that they never overlap.

Single-instance within this process only: unlike the platform, which holds a blob lease, two host
processes each run the timer. No schedule status survives a restart either, so a missed run is not
made up for and `past_due` is false unless `Host.fire` says otherwise.

Guarantee: one run of a timer at a time; the next run is planned after the current one has ended.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from emulators.functions.delivery import Delivery, Verdict
from emulators.functions.indexing import IndexedFunction
from emulators.functions.payload import timer_argument
from emulators.functions.triggers import TimerTrigger

LOG = logging.getLogger("local.functions")

# Waits are cut into pieces so that a machine that slept notices.
_WAIT_SECONDS_MAX = 30.0


class TimerLoop:
    def __init__(
        self,
        function: IndexedFunction,
        delivery: Delivery,
        running: threading.Lock,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        assert isinstance(function.trigger, TimerTrigger)
        self._function = function
        self._trigger = function.trigger
        self._delivery = delivery
        self._running = running
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._loop, name=f"{function.name}-timer", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def request_stop(self) -> None:
        self._stop.set()

    def stop(self) -> None:
        """Waits for a run in progress."""
        self._stop.set()
        self._thread.join()

    def _loop(self) -> None:
        if self._trigger.run_on_startup:
            self._run()
        while True:
            due = self._trigger.schedule.next_after(self._clock())
            if due is None:
                LOG.warning("The schedule of %s has no next run", self._function.name)
                return
            while (remaining := (due - self._clock()).total_seconds()) > 0:
                if self._stop.wait(min(remaining, _WAIT_SECONDS_MAX)):
                    return
            if self._stop.is_set():
                return
            self._run()

    def _run(self) -> None:
        with self._running:
            outcome = self._delivery.deliver(
                lambda: timer_argument(self._function, past_due=False), 0, self._stop
            )
        if outcome.verdict is Verdict.GAVE_UP:
            LOG.error("%s: this run failed for good: %r", self._function.name, outcome.error)
