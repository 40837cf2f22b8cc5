"""The generation document: which state is in force, how it is laid out, and what it was made with.

Readers and writers of state agree through it. A worker that finds another definition than its own
refuses to run and says what to do, because mixing definitions would corrupt every view silently.
"""

import msgspec
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceExistsError

from store import metering
from store.failures import Refused, transient
from store.point_read import point_read

GENERATION_ID = "generation"
BUCKETS_DEFAULT = 1


class Generation(msgspec.Struct):
    """The state document `generation`, alone in its partition."""

    id: str
    pk: str
    generation: int
    buckets: int
    definition_version: str


class GenerationStore:
    """Reads the generation document, and creates the first."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    def read(self) -> Generation | None:
        """The generation in force; None before the store is provisioned. Raises Transient."""
        document, _ = point_read(self._container, GENERATION_ID, GENERATION_ID)
        return None if document is None else msgspec.convert(document, Generation)

    def in_force(self, definition_version: str) -> Generation:
        """The generation in force. Raises Refused where this worker does not fit, or Transient."""
        found = self.read()
        if found is None:
            raise Refused("the store has no generation document: run `python -m ops provision`")
        if found.definition_version != definition_version:
            raise Refused(
                f"the state was made with definition {found.definition_version}, but this worker "
                f"has {definition_version}: deploy the worker that made it, or let this one count "
                "anew in another database (`python -m ops provision --database NAME`)"
            )
        return found

    def create_first(self, buckets: int, definition_version: str) -> Generation:
        """Create generation 1 where there is none; what exists stays as it is."""
        first = Generation(GENERATION_ID, GENERATION_ID, 1, buckets, definition_version)
        with transient(self._container.id, "create_item"):
            try:
                answer = self._container.create_item(msgspec.to_builtins(first))
            except CosmosResourceExistsError:
                existing = self.read()
                assert existing is not None
                return existing
        metering.note(self._container.id, "create_item", answer.get_response_headers())
        return first
