"""Starts and stops one endpoint inside an event loop.

Guarantee: once `running` yields, the port accepts requests; when it ends, connections and the file
are closed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from emulators.cosmos.admin import Admin
from emulators.cosmos.auth import AccountKey
from emulators.cosmos.catalogue_routes import Account
from emulators.cosmos.clock import Clock
from emulators.cosmos.faults import Faults
from emulators.cosmos.history import History
from emulators.cosmos.server import HttpHandler
from emulators.cosmos.service import Service
from emulators.cosmos.settings import Settings
from emulators.cosmos.stats import Stats
from emulators.cosmos.storage import Storage
from emulators.listening import accept_no_more, listen

# Clients keep connections open; waiting for them would only delay a stop.
_STOP_SECONDS = 0.1


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[str]:
    """Yields the URL. Raises OSError if the port is taken, Refused if the file cannot be used."""
    clock = Clock()
    key = AccountKey(settings.key)
    storage = Storage(settings.file)
    try:
        storage.purge(clock.now())
        account = Account(settings.consistency, settings.multi_region_writes)
        history = History(storage, settings.seed)
        service = Service(storage, clock, history, key, account, settings.partitions)
        faults, stats = Faults(settings.seed), Stats()
        admin = Admin(faults, stats, clock, service.catalogue, storage, history)
        handler = HttpHandler(service, faults, stats, admin)
        runner = web.ServerRunner(
            web.Server(handler.handle, access_log=None), shutdown_timeout=_STOP_SECONDS
        )
        await runner.setup()
        try:
            listening = listen(settings.host, settings.port)
            await web.SockSite(runner, listening).start()
            try:
                yield _url(settings.host, runner)
            finally:
                await accept_no_more(listening)
        finally:
            await runner.cleanup()
    finally:
        storage.close()


def _url(host: str, runner: web.ServerRunner) -> str:
    port = runner.addresses[0][1]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"
