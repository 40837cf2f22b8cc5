"""The host's admin endpoint: its state, its functions, and running one of them now.

Guarantee: answers the loopback interface only. Unlike the platform's, which accepts and returns,
the POST waits until the function has ended and says how.
"""

import asyncio
import ipaddress
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from aiohttp import web

from emulators.functions.counters import FunctionCounts
from emulators.functions.errors import HostError
from emulators.functions.indexing import IndexedFunction


class Admin:
    def __init__(
        self,
        host_name: str,
        functions: Sequence[IndexedFunction],
        counts: Callable[[], Mapping[str, FunctionCounts]],
        fire: Callable[[str, str | None], object],
    ) -> None:
        self._host_name = host_name
        self._functions = functions
        self._counts = counts
        self._fire = fire

    def add_routes(self, application: web.Application) -> None:
        application.router.add_get("/admin/host/status", self._status)
        application.router.add_get("/admin/functions", self._list)
        application.router.add_post("/admin/functions/{name}", self._run)

    async def _status(self, request: web.Request) -> web.Response:
        _refuse_strangers(request)
        counts = {name: asdict(one) for name, one in self._counts().items()}
        return web.json_response({"id": self._host_name, "state": "Running", "functions": counts})

    async def _list(self, request: web.Request) -> web.Response:
        _refuse_strangers(request)
        return web.json_response(
            [
                {
                    "name": function.name,
                    "trigger": type(function.trigger).__name__,
                    "disabled": function.disabled,
                }
                for function in self._functions
            ]
        )

    async def _run(self, request: web.Request) -> web.Response:
        _refuse_strangers(request)
        name = request.match_info["name"]
        if name not in {function.name for function in self._functions}:
            return web.json_response({"error": f"There is no function {name}."}, status=404)
        try:
            body = json.loads(await request.read() or b"{}")
            given = body.get("input") if isinstance(body, dict) else None
        except ValueError:
            return web.json_response({"error": "The body has to be JSON."}, status=400)
        try:
            await asyncio.to_thread(self._fire, name, given)
        except HostError as error:
            return web.json_response({"error": str(error)}, status=400)
        except Exception as error:
            return web.json_response({"outcome": "failed", "error": repr(error)}, status=500)
        return web.json_response({"outcome": "succeeded"})


def _refuse_strangers(request: web.Request) -> None:
    if not ipaddress.ip_address(request.remote or "0.0.0.0").is_loopback:  # noqa: S104  # no bind
        raise web.HTTPForbidden
