"""The generation document: which state is in force, how it is laid out, and what it was made with.

Readers and writers of state agree through it. A worker that finds another definition than its own
refuses to run and says what to do, because mixing definitions would corrupt every view silently.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from azure.core import MatchConditions
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
)

from cosmos_views.ledger.commits import Conflict
from cosmos_views.ledger.foreign import of_form
from cosmos_views.ledger.generations import GENERATION_ID, Counted, Generation
from cosmos_views.store import metering
from cosmos_views.store.failures import Refused, transient
from cosmos_views.store.point_read import point_read

BUCKETS_DEFAULT = 1


class HeldGeneration(NamedTuple):
    """The document as it was read."""

    generation: Generation
    etag: str


class GenerationStore:
    """Reads the generation document, creates the first, and replaces it as it was read."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    def read(self) -> Generation | None:
        """The generation in force; None before the store is provisioned. Raises Transient."""
        document, _ = point_read(self._container, GENERATION_ID, GENERATION_ID)
        return None if document is None else _as_generation(document)

    def held(self) -> HeldGeneration:
        """The generation in force, to be replaced. Raises Refused where there is none."""
        document, _ = point_read(self._container, GENERATION_ID, GENERATION_ID)
        if document is None:
            raise Refused(
                "the store has no generation document: run `python -m cosmos_views provision`"
            )
        return HeldGeneration(_as_generation(document), document["_etag"])

    def in_force(self, definition_version: str) -> Generation:
        """The generation in force. Raises Refused where this worker does not fit, or Transient."""
        found = self.held().generation
        if found.definition_version != definition_version:
            raise _unfit(found, definition_version)
        return found

    def counted(self, definition_version: str) -> Counted:
        """Where this worker counts: into the generation in force, or into the one that is being
        built for its definition. Raises Refused where it does not fit, or Transient."""
        found = self.held().generation
        counted = found.counted(definition_version)
        if counted is None:
            raise _unfit(found, definition_version)
        return counted

    def published(self, definition_version: str) -> Generation | None:
        """The generation this worker publishes; None while the one it counts into is being built,
        because readers keep what is published of the one in force. Raises as `counted` does."""
        found = self.held().generation
        if found.definition_version == definition_version:
            return found
        if found.counted(definition_version) is None:
            raise _unfit(found, definition_version)
        return None

    def create_first(self, buckets: int, definition_version: str) -> Generation:
        """Create generation 1 where there is none; what exists stays as it is."""
        first = Generation(
            GENERATION_ID,
            GENERATION_ID,
            1,
            buckets,
            definition_version,
            began=int(time.time()),
        )
        with transient(self._container.id, "create_item"):
            try:
                answer = self._container.create_item(msgspec.to_builtins(first))
            except CosmosResourceExistsError:
                existing = self.read()
                assert existing is not None
                return existing
        metering.note(self._container.id, "create_item", answer.get_response_headers())
        return first

    def replace(self, held: HeldGeneration, generation: Generation) -> HeldGeneration:
        """Replace just the version that was read; returns the document as it then stands.

        Raises Conflict when it has changed meanwhile, else Transient.
        """
        with transient(self._container.id, "replace_item"):
            try:
                answer = self._container.replace_item(
                    GENERATION_ID,
                    msgspec.to_builtins(generation),
                    etag=held.etag,
                    match_condition=MatchConditions.IfNotModified,
                )
            except CosmosAccessConditionFailedError as error:
                metering.note(self._container.id, "replace_item", error.headers or {})
                raise Conflict(GENERATION_ID) from error
        metering.note(self._container.id, "replace_item", answer.get_response_headers())
        return HeldGeneration(generation, answer["_etag"])


def _as_generation(document: Mapping[str, Any]) -> Generation:
    generation = of_form(document, Generation, "state")
    if generation is None:
        raise Refused(
            "the generation document is not as any worker writes it: deploy the worker that made "
            "the state, or restore the document"
        )
    return generation


def _unfit(found: Generation, definition_version: str) -> Refused:
    building = found.building
    if building is not None and building.definition_version == definition_version:
        return Refused(
            f"a rebuild for definition {definition_version} is {building.phase}: wait, or run "
            "`python -m cosmos_views rebuild` again if it was interrupted"
        )
    return Refused(
        f"the state was made with definition {found.definition_version}, but this worker has "
        f"{definition_version}: deploy the worker that made it, or run `python -m cosmos_views "
        "rebuild` with this one"
    )
