"""The local Functions host: one function app, run as the platform runs it.

Guarantee: after `close` (or leaving the `with` block) no environment variable, module, thread or
client of it is left, so hosts may follow each other in one process.
"""

import logging
import random
import threading
import uuid
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Self

from emulators.functions.admin import Admin
from emulators.functions.app_settings import Environment
from emulators.functions.connections import Connections
from emulators.functions.cosmos_listener import CosmosListener
from emulators.functions.counters import Counters, FunctionCounts
from emulators.functions.delivery import Delivery
from emulators.functions.draining import Drain, Drained
from emulators.functions.errors import HostError
from emulators.functions.host_json import read_host_json
from emulators.functions.http_keys import HttpKeys
from emulators.functions.http_server import HttpServer
from emulators.functions.indexing import IndexedFunction, LoadedApp
from emulators.functions.invocation import Worker
from emulators.functions.lease_loops import LeaseLoops
from emulators.functions.payload import cosmos_argument, manual_argument, timer_argument
from emulators.functions.timers import TimerLoop
from emulators.functions.timing import Timing, lease_timing
from emulators.functions.triggers import CosmosTrigger, HttpTrigger, TimerTrigger

LOG = logging.getLogger("local.functions")


class Host:
    """Loads the app at once; reads feeds and runs timers only when told to.

    Either `start` and `stop` it, for the periodic loops, or drive it with `run_until_idle` and
    `fire`. `http_port` None serves no HTTP, 0 takes any free port. `rewrites_dates` False hands
    documents over as they are stored. `seed` fixes the jitter of exponential backoff.
    `fresh_modules` are top-level modules that this host imports anew, beside function_app.
    """

    def __init__(
        self,
        script_root: Path,
        settings: Mapping[str, str],
        *,
        timing: Timing = Timing(),  # noqa: B008  # frozen: nobody can change the shared default
        rewrites_dates: bool = True,
        runs_timers: bool = True,
        http_port: int | None = None,
        keys: HttpKeys | None = None,
        seed: int | None = None,
        fresh_modules: Iterable[str] = (),
    ) -> None:
        self.name = str(uuid.uuid4())
        self.keys = keys or HttpKeys()
        self._abandoned = False
        self._environment = Environment(settings)
        try:
            self._host_json = read_host_json(script_root)
            self._app = LoadedApp(script_root, fresh_modules)
        except BaseException:
            self._environment.restore()
            raise
        rng = random.Random(seed)
        self._worker = Worker()
        self._connections = Connections()
        self._drain_ends = threading.Event()
        self._counters = {one.name: Counters() for one in self.functions}
        self._run_locks = {one.name: threading.Lock() for one in self.functions}
        self._listeners: list[CosmosListener] = []
        self._timers: list[TimerLoop] = []
        for function in self.functions:
            if not function.disabled:
                self._attach(function, timing, rewrites_dates, runs_timers, rng)
        self._loops: list[LeaseLoops] = []
        self._running_timers: list[TimerLoop] = []
        self._opened = False
        self._http = self._http_server(http_port)
        self._http_started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def functions(self) -> tuple[IndexedFunction, ...]:
        return self._app.functions

    @property
    def module(self) -> ModuleType:
        """The app's own function_app, for tests that look inside or close what it opened."""
        return self._app.module

    @property
    def serves_http(self) -> bool:
        return self._http is not None

    @property
    def url(self) -> str:
        """Where HTTP functions answer, without the route prefix."""
        if self._http is None:
            raise HostError("This host serves no HTTP: give it an http_port.")
        return self._http.url

    def route_lines(self) -> list[str]:
        return self._http.route_lines() if self._http else []

    def counts(self) -> dict[str, FunctionCounts]:
        """By function name, for a progress display."""
        return {name: counters.snapshot() for name, counters in self._counters.items()}

    def lags(self) -> dict[str, dict[str, int]]:
        """Changes not yet delivered, by function and range of the leases held here, asked now."""
        return {
            listener.function.name: {one.lease.token: one.lag() for one in listener.readers()}
            for listener in self._listeners
        }

    def start(self) -> None:
        """Starts the loops of every trigger and the HTTP server; returns at once."""
        if self._opened:
            raise HostError("This host has been started or driven already.")
        self._opened = True
        for listener in self._listeners:
            loops = LeaseLoops(listener)
            loops.start()
            self._loops.append(loops)
        for timer in self._timers:
            timer.start()
            self._running_timers.append(timer)
        if self._http is not None:
            self._http.start()
            self._http_started = True

    def stop(self) -> None:
        """Lets everything in flight end, checkpoints it, and frees the leases."""
        if self._http is not None and self._http_started:
            self._http.stop()
            self._http_started = False
        # All are told before any is waited for.
        for loops in self._loops:
            loops.request_stop()
        for timer in self._running_timers:
            timer.request_stop()
        for loops in self._loops:
            loops.stop()
        for timer in self._running_timers:
            timer.stop()
        if not self._loops and not self._abandoned:
            for listener in self._listeners:
                for reader in listener.readers():
                    reader.release()
                    listener.drop(reader)
        self._loops.clear()
        self._running_timers.clear()

    def abandon(self) -> None:
        """As `kill -9` would: nothing more is checkpointed and no lease is freed.

        Functions that run cannot be killed in a thread; they run on, and what they return is
        ignored.
        """
        self._abandoned = True
        self._drain_ends.set()
        for loops in self._loops:
            loops.abandon()
        for listener in self._listeners:
            for reader in listener.readers():
                reader.abandon()
        self._loops.clear()

    def close(self) -> None:
        with ExitStack() as last_first:
            last_first.callback(self._environment.restore)
            last_first.callback(self._app.unload)
            last_first.callback(self._connections.close)
            last_first.callback(self._worker.close, wait=not self._abandoned)
            self.stop()

    def run_until_idle(
        self,
        timeout_seconds: float = 300.0,
        *,
        max_batches: int | None = None,
        steal: bool = False,
    ) -> Drained:
        """Reads every lease until all feeds are drained; TimeoutError where that does not happen.

        Waits for leases that another host holds until they expire; `steal` takes them at once.
        `max_batches` ends it after that many batches, with the next ones read by nobody yet.
        """
        if self._loops:
            raise HostError("This host has been started: it cannot be driven as well.")
        if not self._opened:
            for listener in self._listeners:
                listener.open()
            self._opened = True
        return Drain(self._listeners, timeout_seconds, max_batches, steal, self._drain_ends).run()

    def fire(self, name: str, payload: str | None = None, *, past_due: bool = False) -> None:
        """Runs a timer, or any other function but HTTP ones, once now; raises what it raised.

        `payload` is the trigger's text: for a Cosmos DB trigger the JSON array of its changes.
        """
        function = next((one for one in self.functions if one.name == name), None)
        if function is None:
            raise HostError(f"There is no function {name}.")
        if isinstance(function.trigger, HttpTrigger):
            raise HostError(f"{name} is an HTTP function: call {function.trigger.route} instead.")
        if isinstance(function.trigger, TimerTrigger):
            argument = timer_argument(function, past_due)
        elif isinstance(function.trigger, CosmosTrigger):
            argument = cosmos_argument(function, payload or "[]")
        else:
            argument = manual_argument(function, payload or "")
        counters = self._counters[name]
        with self._run_locks[name]:
            counters.add(batches=1, in_flight=1)
            try:
                self._worker.invoke(function, argument)
            except BaseException:
                counters.add(failures=1)
                raise
            finally:
                counters.add(in_flight=-1)

    def _attach(
        self,
        function: IndexedFunction,
        timing: Timing,
        rewrites_dates: bool,
        runs_timers: bool,
        rng: random.Random,
    ) -> None:
        counters = self._counters[function.name]
        delivery = Delivery(function, self._worker, counters, timing.retry_delay_scale, rng)
        if isinstance(function.trigger, CosmosTrigger):
            self._listeners.append(
                CosmosListener(
                    function,
                    delivery,
                    counters,
                    self._connections,
                    lease_timing(function.trigger, timing),
                    self.name,
                    rewrites_dates,
                )
            )
        elif isinstance(function.trigger, TimerTrigger) and runs_timers:
            self._timers.append(TimerLoop(function, delivery, self._run_locks[function.name]))

    def _http_server(self, port: int | None) -> HttpServer | None:
        if port is None:
            return None
        enabled = [one for one in self.functions if not one.disabled]
        admin = Admin(self.name, self.functions, self.counts, self.fire)
        return HttpServer(
            enabled,
            self._host_json.route_prefix,
            self.keys,
            self._worker,
            self._counters,
            admin,
            port,
        )
