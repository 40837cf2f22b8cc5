"""The poison container: dead letters."""

import msgspec
from azure.cosmos import ContainerProxy

from processors.dead_letters import DeadLetter
from store import metering
from store.failures import transient
from store.point_read import point_read


class PoisonStore:
    """Writes dead letters; the same version failing again overwrites its letter."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container
        self._name = container.id

    def write(self, letter: DeadLetter) -> None:
        """Write or overwrite one letter; first failure and attempts go on. Raises Transient."""
        earlier, _ = point_read(self._container, letter.id, letter.source)
        if earlier is not None:
            letter = msgspec.structs.replace(
                letter,
                first_failed_at=earlier["first_failed_at"],
                attempts=earlier["attempts"] + 1,
            )
        with transient(self._name, "upsert_item"):
            answer = self._container.upsert_item(msgspec.to_builtins(letter), no_response=True)
            metering.note(self._name, "upsert_item", answer.get_response_headers())
