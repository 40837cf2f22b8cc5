"""Serves the HTTP functions and the admin endpoint, on the loopback interface only.

Guarantee: routes, methods and auth levels as declared; an unknown path or a method that was not
declared is 404, a missing key 401, a failed function 500 without a body, as on the platform.
"""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence

from aiohttp import web

from emulators.functions.admin import Admin
from emulators.functions.counters import Counters
from emulators.functions.errors import HostError
from emulators.functions.http_exchange import function_request, web_response
from emulators.functions.http_keys import HttpKeys
from emulators.functions.indexing import IndexedFunction
from emulators.functions.invocation import Worker, without_host_frames
from emulators.functions.routes import best_route, parse_route
from emulators.functions.triggers import HttpTrigger
from emulators.listening import accept_no_more, listen

LOG = logging.getLogger("local.functions")

_INTERFACE = "127.0.0.1"
# The platform's own limit on a request body.
_BODY_BYTES_MAX = 100 * 1024 * 1024


class HttpServer:
    def __init__(
        self,
        functions: Sequence[IndexedFunction],
        route_prefix: str,
        keys: HttpKeys,
        worker: Worker,
        counters: Mapping[str, Counters],
        admin: Admin,
        port: int,
    ) -> None:
        self._functions = {
            one.name: one for one in functions if isinstance(one.trigger, HttpTrigger)
        }
        self._route_prefix = route_prefix
        self._keys = keys
        self._worker = worker
        self._counters = counters
        self._admin = admin
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="http", daemon=True)
        self._listening: socket.socket | None = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{_INTERFACE}:{self._port}"

    def start(self) -> None:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result()
        except OSError as error:
            self._end_loop()
            why = os.strerror(error.errno or 0)
            raise HostError(f"Cannot listen on port {self._port}: {why}.") from None

    def stop(self) -> None:
        """Answers what is being asked, then closes the port."""
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._close(self._runner), self._loop).result()
        self._end_loop()

    def route_lines(self) -> list[str]:
        """One line per function for the console."""
        lines = []
        for function in self._functions.values():
            assert isinstance(function.trigger, HttpTrigger)
            methods = ",".join(sorted(function.trigger.methods)) or "every method"
            path = "/".join(
                part for part in (self.url, self._route_prefix, function.trigger.route) if part
            )
            lines.append(f"{function.name}: [{methods}] {path} ({function.trigger.auth_level})")
        return lines

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        application = web.Application(client_max_size=_BODY_BYTES_MAX)
        self._admin.add_routes(application)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=5.0)
        await self._runner.setup()
        self._listening = listen(_INTERFACE, self._port)
        await web.SockSite(self._runner, self._listening).start()
        # Port 0 asks for any free one; the runner knows which it became.
        self._port = self._runner.addresses[0][1]

    async def _close(self, runner: web.AppRunner) -> None:
        if self._listening is not None:
            await accept_no_more(self._listening)
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        began = time.perf_counter()
        routes = [
            (parse_route(self._route_prefix, function.trigger.route), name)
            for name, function in self._functions.items()
            if isinstance(function.trigger, HttpTrigger)
            and (not function.trigger.methods or request.method in function.trigger.methods)
        ]
        found = best_route(routes, request.path)
        if found is None:
            return web.Response(status=404)
        name, parameters = found
        response = await self._run(self._functions[name], request, parameters)
        LOG.info(
            "%s %s %s %d in %.0f ms",
            name,
            request.method,
            request.path,
            response.status,
            (time.perf_counter() - began) * 1000,
        )
        return response

    async def _run(
        self, function: IndexedFunction, request: web.Request, parameters: dict[str, str]
    ) -> web.Response:
        assert isinstance(function.trigger, HttpTrigger)
        given = request.headers.get("x-functions-key") or request.query.get("code")
        if not self._keys.allow(function.trigger.auth_level, given):
            return web.Response(status=401)
        argument = await function_request(request, parameters)
        future = self._worker.submit(
            function, argument, trace_parent=request.headers.get("traceparent")
        )
        counters = self._counters[function.name]
        counters.add(batches=1, in_flight=1)
        try:
            return web_response(await asyncio.wrap_future(future))
        except Exception as error:
            counters.add(failures=1)
            LOG.warning("%s failed: %r", function.name, error, exc_info=without_host_frames(error))
            return web.Response(status=500)
        finally:
            counters.add(in_flight=-1)
