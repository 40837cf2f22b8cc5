"""The poison container: dead letters."""

import msgspec
from azure.cosmos import ContainerProxy

from processors.dead_letters import DeadLetter
from store import metering
from store.failures import transient


class PoisonStore:
    """Writes dead letters; the same version failing again overwrites its letter."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container
        self._name = container.id

    def write(self, letter: DeadLetter) -> None:
        """Write or overwrite one letter. Raises Transient."""
        with transient(self._name, "upsert_item"):
            answer = self._container.upsert_item(msgspec.to_builtins(letter), no_response=True)
            metering.note(self._name, "upsert_item", answer.get_response_headers())
