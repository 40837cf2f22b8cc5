"""Gates: where every request of a process passes, and where one of them can be held.

What is held never gets further: the process is killed while it waits, and then the gate drops it.
"""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Protocol, Self

from emulators.azurite import Azurite
from emulators.cosmos import Endpoint

HELD_MS = 600_000
Moment = Literal["before", "after"]
_PER_CONNECTION = ("connection", "keep-alive", "transfer-encoding", "content-length")


class Gate(Protocol):
    """Requests to one service, counted from 0 at every `hold`."""

    def hold(self, number: int) -> None:
        """Hold the request of that number; all others pass."""

    def state(self) -> tuple[int, bool]:
        """(how many came, whether one is held)."""

    def drop(self) -> None:
        """Forget what is held, which then has no further effect."""


class CosmosGate:
    """Requests to the endpoint, held before they take effect."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._faults = endpoint.faults
        self._rule: int | None = None

    def hold(self, number: int) -> None:
        self._rule = self._faults.add(skip=number, times=1, delay_ms=HELD_MS, drop=True)

    def state(self) -> tuple[int, bool]:
        (report,) = [one for one in self._faults.list() if one.id == self._rule]
        return report.matched, report.fired > 0

    def drop(self) -> None:
        assert self._rule is not None
        self._faults.remove(self._rule)


class BlobGate:
    """A proxy before Azurite. `moment` says whether a held request has taken effect."""

    def __init__(self, azurite: Azurite, moment: Moment) -> None:
        self._azurite = azurite
        self._moment = moment
        self._lock = threading.Lock()
        self._number: int | None = None
        self._came = 0
        self._held = threading.Event()
        self._dropped = threading.Event()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                gate.pass_on(self)

            do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = do  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def connection_string(self) -> str:
        """Azurite's through the gate: a signature covers the path, not the host."""
        there, here = self._azurite.port, self._server.server_port
        return self._azurite.connection_string.replace(f":{there}/", f":{here}/")

    def hold(self, number: int) -> None:
        with self._lock:
            self._number, self._came = number, 0
            self._held, self._dropped = threading.Event(), threading.Event()

    def state(self) -> tuple[int, bool]:
        return self._came, self._held.is_set()

    def drop(self) -> None:
        self._number = None
        self._dropped.set()

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        """Forward one request and its answer, or hold it and give no answer."""
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        with self._lock:
            held, dropped = self._held, self._dropped
            struck = self._came == self._number
            self._came += 1
        if not struck or self._moment == "after":
            response, content = self._forward(request, body)
        if struck:
            held.set()
            dropped.wait()
            request.close_connection = True
            return
        request.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _PER_CONNECTION:
                request.send_header(name, value)
        length = response.getheader("Content-Length") if request.command == "HEAD" else None
        request.send_header("Content-Length", length or str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _forward(
        self, request: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._azurite.port)
        try:
            path = request.path
            connection.putrequest(request.command, path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()
