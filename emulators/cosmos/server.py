"""HTTP around the service: authentication, faults, totals, headers.

Guarantee: a fault `before` never reaches the service; a fault `after` does, completely, and only
the client is left in doubt.
"""

import asyncio
import uuid
from email.utils import formatdate

from aiohttp import web

from emulators.cosmos import admin, charges, protocol
from emulators.cosmos.admin import Admin
from emulators.cosmos.errors import CODES, REQUEST_RATE_TOO_LARGE, Refused
from emulators.cosmos.faults import FaultRule, Faults
from emulators.cosmos.protocol import CHARGE, Call, Reply, refusal
from emulators.cosmos.service import Service, classify
from emulators.cosmos.stats import Stats

REQUEST_BYTES_MAX = 8 * 1024 * 1024


class HttpHandler:
    """Turns HTTP requests into calls."""

    def __init__(self, service: Service, faults: Faults, stats: Stats, admin_api: Admin) -> None:
        self._service = service
        self._faults = faults
        self._stats = stats
        self._admin = admin_api

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            call = await _call(request)
            if call.segments[:1] == (admin.ROOT,):
                return _response(self._admin.serve(call, request.remote))
            return await self._serve(call, request)
        except Refused as refused:
            return _response(refusal(refused, 0))

    async def _serve(self, call: Call, request: web.BaseRequest) -> web.StreamResponse:
        operation, database, container = classify(call)
        self._service.authorize(call)
        wait_seconds, rule = self._faults.strike(operation, container)
        if wait_seconds:
            await asyncio.sleep(wait_seconds)
        if rule is None:
            reply = self._service.serve(operation, call)
        else:
            if rule.moment == "after":
                self._service.serve(operation, call)
            if rule.drop:
                self._stats.count(database, container, operation, None, 0)
                return _dropped(request)
            reply = _injected(rule)
        self._stats.count(database, container, operation, reply.status, reply.charge)
        return _response(reply)


async def _call(request: web.BaseRequest) -> Call:
    length = request.content_length or 0
    if length > REQUEST_BYTES_MAX:
        raise Refused(413, f"The request is larger than {REQUEST_BYTES_MAX} bytes.")
    body = await request.content.read() if request.body_exists else b""
    segments = protocol.segments(request.rel_url.raw_path)
    return Call(request.method, segments, request.headers, body)


def _injected(rule: FaultRule) -> Reply:
    status = rule.status
    assert status is not None
    substatus = rule.substatus
    if status == 429 and not substatus:
        substatus = REQUEST_RATE_TOO_LARGE
    headers = {}
    if rule.retry_after_ms is not None:
        headers[protocol.RETRY_AFTER] = str(rule.retry_after_ms)
    sentence = f"Injected fault: {CODES.get(status, status)}."
    return refusal(Refused(status, sentence, substatus=substatus, headers=headers), charges.FAILED)


def _dropped(request: web.BaseRequest) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    # Nobody reads this: the transport is gone.
    return web.Response(status=503)


def _response(reply: Reply) -> web.Response:
    headers = reply.headers
    headers[CHARGE] = f"{reply.charge:.2f}"
    headers["x-ms-activity-id"] = str(uuid.uuid4())
    headers["x-ms-version"] = "2020-07-15"
    headers["Date"] = formatdate(usegmt=True)
    if reply.body:
        headers["Content-Type"] = "application/json"
    return web.Response(status=reply.status, body=reply.body or None, headers=headers)
