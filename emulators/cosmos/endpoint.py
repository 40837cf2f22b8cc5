"""The endpoint as an object: in a thread of this process, or in a process of its own.

Guarantee: when the constructor returns, the URL accepts requests; after `close`, port and file are
free again.
"""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from emulators.cosmos.admin_client import (
    AdminClient,
    ClockControl,
    FaultControl,
    LagControl,
    StatsControl,
)
from emulators.cosmos.auth import DEFAULT_KEY
from emulators.cosmos.running import running
from emulators.cosmos.settings import Settings

START_SECONDS_MAX = 120
_STOP_SECONDS_MAX = 120

_REPOSITORY = Path(__file__).resolve().parents[2]


class Endpoint:
    """A running endpoint. A context manager; `Endpoint(...)` runs in a thread of this process."""

    def __init__(
        self,
        file: str | Path | None = None,
        partitions: int = 1,
        seed: int = 0,
        port: int = 0,
        *,
        key: str = DEFAULT_KEY,
        consistency: str = "Session",
        multi_region_writes: bool = False,
    ) -> None:
        """Raises OSError if the port is taken, Refused if the file cannot be used."""
        settings = Settings(
            port=port,
            file=None if file is None else Path(file),
            partitions=partitions,
            seed=seed,
            key=key,
            consistency=consistency,
            multi_region_writes=multi_region_writes,
        )
        host = _Thread(settings)
        self._attach(host.url, key, host.stop)

    def _attach(self, url: str, key: str, stop: Callable[[], None]) -> None:
        self.url = url
        self.key = key
        self._stop = stop
        self._client = AdminClient(url)
        self.faults = FaultControl(self._client)
        self.clock = ClockControl(self._client)
        self.stats = StatsControl(self._client)
        self.lag = LagControl(self._client)

    @classmethod
    def subprocess(
        cls,
        file: str | Path | None = None,
        partitions: int = 1,
        seed: int = 0,
        port: int = 0,
        *,
        key: str = DEFAULT_KEY,
        consistency: str = "Session",
        multi_region_writes: bool = False,
    ) -> "ProcessEndpoint":
        """The same endpoint on another core, ended with this process at the latest."""
        arguments = ["--port", str(port), "--partitions", str(partitions), "--seed", str(seed)]
        arguments += ["--key", key, "--consistency", consistency]
        if file is not None:
            arguments += ["--file", str(Path(file).absolute())]
        if multi_region_writes:
            arguments.append("--multi-region-writes")
        return ProcessEndpoint(arguments, key)

    @property
    def connection_string(self) -> str:
        return f"AccountEndpoint={self.url}/;AccountKey={self.key};"

    def split(self, database: str, container: str, range_id: str | None = None) -> list[str]:
        """Splits a physical partition (None: the widest); returns the children's range ids."""
        body = {"database": database, "container": container, "range_id": range_id}
        return self._client.ask("POST", "split", dict[str, list[str]], body)["children"]

    def close(self) -> None:
        """Stops the endpoint; a second call does nothing."""
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ProcessEndpoint(Endpoint):
    """An endpoint in its own process; made by `Endpoint.subprocess`."""

    def __init__(self, arguments: list[str], key: str) -> None:
        command = [sys.executable, "-m", "emulators.cosmos", "--until-stdin-closes", *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=_REPOSITORY,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._attach(self._ready_url(), key, self._terminate)

    def kill(self) -> None:
        """Ends the process as a crash would: nothing is closed or flushed."""
        self.process.kill()
        self._reap()

    def _ready_url(self) -> str:
        stdout = self.process.stdout
        assert stdout is not None
        line = stdout.readline()
        if not line:
            _, errors = self.process.communicate()
            raise OSError(errors.strip() or "The endpoint's process ended before it was ready.")
        return next(word for word in line.split() if word.startswith("http"))

    def _terminate(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self._reap()

    def _reap(self) -> None:
        self.process.wait(_STOP_SECONDS_MAX)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


class _Thread:
    """An event loop in a thread that serves until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self.url = ""
        self._ready = threading.Event()
        self._error: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(
            target=self._run, args=(settings,), name="cosmos-endpoint", daemon=True
        )
        self._thread.start()
        if not self._ready.wait(START_SECONDS_MAX):
            raise OSError(f"The endpoint was not ready within {START_SECONDS_MAX} seconds.")
        failed: Exception | None = self._error
        if failed is not None:
            self._thread.join()
            raise failed

    def stop(self) -> None:
        loop, stopping = self._loop, self._stopping
        if loop is not None and stopping is not None and self._thread.is_alive():
            loop.call_soon_threadsafe(stopping.set)
        self._thread.join(_STOP_SECONDS_MAX)

    def _run(self, settings: Settings) -> None:
        try:
            asyncio.run(self._serve(settings))
        except Exception as error:  # handed to the thread that is waiting
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self, settings: Settings) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        async with running(settings) as url:
            self.url = url
            self._ready.set()
            await self._stopping.wait()
