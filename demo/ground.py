"""The whole local ground: a Cosmos DB endpoint, its containers, a Blob service, and a host running
the worker.

Guarantee: inside the `with` block everything answers; after it, ports and processes are free.
"""

import signal
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cosmos_views.cli.connection import Account
from cosmos_views.cli.provision import provision
from cosmos_views.ledger.generations import Generation
from cosmos_views.settings import CosmosConnection
from cosmos_views.store import account, catalogue
from demo.bad_days import arm
from emulators.azurite import Azurite, CannotInstall
from emulators.cosmos import Endpoint, FaultRule
from emulators.functions import Host, Timing
from pack import PACK

REPOSITORY = Path(__file__).resolve().parents[1]
POLL_SECONDS = 0.25
"""How often a drained feed is asked for changes; the platform's default of 5 s is a long wait for
somebody who watches."""


@dataclass(frozen=True)
class Plan:
    """How to start the ground. Port 0 takes a free one."""

    cosmos_port: int = 0
    functions_port: int = 0
    partitions: int = 1
    file: Path | None = None
    buckets: int | None = None
    seed: int = 0
    faults: tuple[FaultRule, ...] = ()
    publish_seconds: int = 2
    blob_port: int | None = None
    """None: no Blob service, and nothing is archived."""


class Ground:
    """A running ground."""

    endpoint: Endpoint
    account: Account
    generation: Generation
    host: Host
    azurite: Azurite | None = None
    no_azurite: str | None = None
    """Why there is none, where one was asked for."""

    def __init__(self, plan: Plan) -> None:
        """Raises OSError or HostError with a sentence when a port is taken, Refused when the file
        holds a store that does not fit."""
        self._stack = ExitStack()
        try:
            self._start(plan)
        except BaseException:
            self._stack.close()
            raise

    def _start(self, plan: Plan) -> None:
        self.endpoint = _endpoint(plan)
        self._stack.callback(self.endpoint.close)
        client = account.connect(CosmosConnection(self.endpoint.url, self.endpoint.key))
        self._stack.callback(client.close)
        name = catalogue.of(PACK).database
        self.account = Account(client, client.get_database_client(name), PACK)
        self.generation, _ = provision(self.account, plan.buckets)
        self.endpoint.stats.reset()
        self._start_azurite(plan)
        self.host = Host(
            REPOSITORY,
            {
                "COSMOS": self.endpoint.connection_string,
                "COSMOS_DATABASE": name,
                "PUBLISH_SECONDS": str(plan.publish_seconds),
                "PUBLISH_PACE_SECONDS": str(plan.publish_seconds),
                "BLOB": self.azurite.connection_string if self.azurite else "",
            },
            timing=Timing(poll_delay_seconds=POLL_SECONDS, acquire_seconds=1.0),
            http_port=plan.functions_port,
            seed=plan.seed,
        )
        self._stack.callback(self.host.close)
        self.host.start()
        arm(self.endpoint, plan.faults)

    def _start_azurite(self, plan: Plan) -> None:
        if plan.blob_port is None:
            return
        kept = None if plan.file is None else plan.file.with_name(f"{plan.file.name}.blobs")
        try:
            self.azurite = Azurite(kept, plan.blob_port)
        except CannotInstall as reason:
            self.no_azurite = str(reason)
        else:
            self._stack.callback(self.azurite.close)

    def close(self) -> None:
        """End the host, then the endpoint; a second call does nothing."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _endpoint(plan: Plan) -> Endpoint:
    # Ctrl-C reaches every process of a terminal. The endpoint must outlive the host, which still
    # ends its batches and frees its leases, so its process starts with the signal blocked.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return Endpoint.subprocess(plan.file, plan.partitions, plan.seed, plan.cosmos_port)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
