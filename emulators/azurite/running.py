"""A running Azurite, in a process of its own.

Guarantee: when the constructor returns, the Blob service accepts requests; after `close`, its port
is free. It is stopped with SIGTERM, because it acknowledges uploads before they are durable, and it
ends when this process ends, however that is.
"""

import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from emulators.azurite.install import HERE, azurite

START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 10
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's well-known key: public, the same everywhere, no secret."""


class Azurite:
    """A Blob service. A context manager; `location` None keeps everything in memory."""

    def __init__(self, location: Path | None = None, port: int = 0) -> None:
        """Raises CannotInstall, OSError where the port is taken or it does not start."""
        node, program = azurite()
        # Asked here, because another service on the port would look like an Azurite that is ready.
        self.port = _free_port(port)
        kept = ["--location", str(location)] if location is not None else ["--inMemoryPersistence"]
        self.process = subprocess.Popen(
            [
                *(str(node), "--require", str(HERE / "end_with_parent.cjs"), str(program)),
                *("--blobHost", "127.0.0.1", "--blobPort", str(self.port)),
                *("--skipApiVersionCheck", "--disableTelemetry", "--silent"),
                *kept,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # Ctrl-C reaches every process of a terminal; this one ends when it is told to.
            start_new_session=True,
        )
        try:
            self._await()
        except BaseException:
            self.close()
            raise

    @property
    def connection_string(self) -> str:
        """As the setting BLOB takes it."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint=http://127.0.0.1:{self.port}/{ACCOUNT};"
        )

    def close(self) -> None:
        """Stops it; a second call does nothing."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait(STOP_SECONDS_MAX)
        for pipe in (self.process.stdin, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _await(self) -> None:
        ends_at = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < ends_at:
            if self.process.poll() is not None:
                assert self.process.stderr is not None
                said = " ".join(self.process.stderr.read().decode(errors="replace").split())
                raise OSError(f"Azurite ended before it was ready: {said[:200]}")
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise OSError(f"Azurite was not ready within {START_SECONDS_MAX} seconds")


def _free_port(port: int) -> int:
    """The port, or any for 0. Raises OSError where another service listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise OSError(f"Cannot listen on 127.0.0.1:{port}: {error.strerror}") from None
        number: int = probe.getsockname()[1]
        return number
