"""The poison container: dead letters.

Nothing about a letter holds its batch up for good: what the account will never take is written
without the document, and where it does not take the rest either, somebody is told.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec
from azure.core import MatchConditions
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from cosmos_views.intake.dead_letters import DeadLetter, LetterSummary, Status, without_document
from cosmos_views.ledger.commits import Transient, Unacceptable
from cosmos_views.ledger.foreign import of_form
from cosmos_views.ledger.instants import DAY_SECONDS, SECOND_US, instant_us
from cosmos_views.store import metering
from cosmos_views.store.failures import NEVER, transient
from cosmos_views.store.point_read import point_read

RESOLVED_TTL_SECONDS = 90 * DAY_SECONDS
"""A letter that is no longer pending is kept for so long."""
WRITE_ATTEMPTS_MAX = RESOLVE_ATTEMPTS_MAX = 5
PENDING_COUNTED_MAX = 10_000
"""More pending letters than this are not counted: the figure then says `at least`."""


@dataclass(frozen=True)
class Selection:
    """Which letters; None does not ask."""

    sources: Collection[str]
    status: str | None = None
    category: str | None = None
    id: str | None = None
    failed_before: str | None = None
    """First failed before this moment (ISO 8601)."""


@dataclass(frozen=True)
class Pending:
    """The pending letters, counted."""

    by_category: Counter[str] = field(default_factory=Counter)
    oldest: str | None = None
    """When the oldest of them first failed (ISO 8601)."""

    def age_seconds(self, now_ms: int) -> int | None:
        """How long the oldest has been waiting; None where none is."""
        if self.oldest is None:
            return None
        return max(0, now_ms // 1_000 - instant_us(self.oldest) // SECOND_US)


class PoisonStore:
    """Dead letters; the same version failing again overwrites its letter."""

    def __init__(
        self,
        container: ContainerProxy,
        on_unacceptable: Callable[[DeadLetter], None] = lambda _: None,
    ) -> None:
        """`on_unacceptable` is told of a letter that cannot be written at all."""
        self._container = container
        self._name = container.id
        self._on_unacceptable = on_unacceptable

    def write(self, letter: DeadLetter) -> None:
        """Write or overwrite one letter; first failure and attempts go on, and what an operator
        discarded stays discarded. Raises Transient."""
        for _ in range(WRITE_ATTEMPTS_MAX):
            earlier, etag = self._read(letter)
            if earlier is not None:
                letter.first_failed_at = earlier.first_failed_at
                letter.attempts = earlier.attempts + 1
                if earlier.status is Status.DISCARDED:
                    letter.status, letter.ttl = earlier.status, earlier.ttl
                    letter.resolution, letter.resolved_at = earlier.resolution, earlier.resolved_at
            if self._replaced(letter, etag):
                return
        raise Transient(f"letter {letter.id} changes all the time")

    def _replaced(self, letter: DeadLetter, etag: str | None) -> bool:
        """Create where `etag` is None, else replace just that version; False where it is not as it
        was read. Never an upsert: it would undo what others wrote since. Raises Transient."""
        for form in (letter, without_document(letter)):
            with suppress(Unacceptable):
                return self._put(form, etag)
        self._on_unacceptable(letter)
        return True

    def _put(self, letter: DeadLetter, etag: str | None) -> bool:
        """One attempt. Raises Unacceptable, Transient."""
        operation = "create_item" if etag is None else "replace_item"
        body = msgspec.to_builtins(letter)
        with transient(self._name, operation):
            try:
                if etag is None:
                    answer = self._container.create_item(body, no_response=True)
                else:
                    answer = self._container.replace_item(
                        letter.id,
                        body,
                        etag=etag,
                        match_condition=MatchConditions.IfNotModified,
                        no_response=True,
                    )
            except (
                CosmosAccessConditionFailedError,
                CosmosResourceExistsError,
                CosmosResourceNotFoundError,
            ) as error:
                metering.note(self._name, operation, error.headers or {})
                return False
            except CosmosHttpResponseError as error:
                if error.status_code not in NEVER:
                    raise
                metering.note(self._name, operation, error.headers or {})
                raise Unacceptable(f"{operation} on {self._name}: {error.status_code}") from error
            except ValueError as error:  # the SDK's own refusal
                raise Unacceptable(
                    f"{operation} on {self._name}: {type(error).__name__}"
                ) from error
        metering.note(self._name, operation, answer.get_response_headers())
        return True

    def delete(self, source: str, letter_id: str) -> bool:
        """Whether there was such a letter. Raises Transient."""

        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(self._name, "delete_item", headers)

        with transient(self._name, "delete_item"):
            try:
                self._container.delete_item(letter_id, source, response_hook=noted)
            except CosmosResourceNotFoundError as error:
                metering.note(self._name, "delete_item", error.headers or {})
                return False
        return True

    def ids_of_owner(self, source: str, key: str, owner: str) -> list[str]:
        """Letters about an owner's documents, also where the owner could not be read from what
        failed and only the partition key names it. Nothing of this is indexed: it reads all letters
        of the source. Raises Transient."""
        found = self._query(
            'SELECT c.id FROM c WHERE c["user"] = @key OR ARRAY_CONTAINS(c.partition_key, @owner)',
            {"@key": key, "@owner": owner},
            source,
        )
        return [document["id"] for document in found]

    def resolve(self, letter: DeadLetter, status: Status, resolution: str, at: str) -> bool:
        """Give the letter this status; False where it is gone or has it already, as after an
        erasure or another redrive. Raises Transient."""
        for _ in range(RESOLVE_ATTEMPTS_MAX):
            current, etag = self._read(letter)
            if current is None or current.status is status:
                return False
            current.status, current.resolution, current.resolved_at = status, resolution, at
            current.ttl = RESOLVED_TTL_SECONDS
            if self._replaced(current, etag):
                return True
        raise Transient(f"letter {letter.id} changes all the time")

    def select(self, selection: Selection) -> Iterator[DeadLetter]:
        """Letters, source by source, the oldest failure first. Raises Transient."""
        asked = {
            "c.status = @status": selection.status,
            "c.category = @category": selection.category,
            "c.id = @id": selection.id,
            "c.first_failed_at < @failed_before": selection.failed_before,
        }
        conditions = [text for text, value in asked.items() if value is not None]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        parameters = {text.split()[-1]: value for text, value in asked.items() if value is not None}
        for source in selection.sources:
            query = f"SELECT * FROM c{where} ORDER BY c.first_failed_at"  # noqa: S608 - names only
            for document in self._query(query, parameters, source):
                letter = of_form(document, DeadLetter, self._name)
                if letter is not None:
                    yield letter

    def pending(self, source: str, after: str, most: int) -> list[DeadLetter]:
        """Pending letters of one source, by id, from behind `after`. Raises Transient."""
        found = self._query(
            "SELECT * FROM c WHERE c.status = @status AND c.id > @after ORDER BY c.id",
            {"@status": Status.PENDING, "@after": after},
            source,
            most,
        )
        letters = (of_form(document, DeadLetter, self._name) for document in found)
        return list(islice((one for one in letters if one is not None), most))

    def count_pending(self) -> Pending:
        """One query over all sources; a few request units as long as few are pending.
        Raises Transient."""
        found = self._summaries(
            " WHERE c.status = @status", {"@status": Status.PENDING}, None, PENDING_COUNTED_MAX
        )
        letters = list(islice(found, PENDING_COUNTED_MAX))
        return Pending(
            Counter(one.category for one in letters),
            min((one.first_failed_at for one in letters), default=None),
        )

    def summaries(self, source: str) -> Iterator[LetterSummary]:
        """All letters of a source, in no particular order. Raises Transient."""
        return self._summaries("", {}, source)

    def _summaries(
        self,
        where: str,
        parameters: Mapping[str, str],
        source: str | None,
        page: int | None = None,
    ) -> Iterator[LetterSummary]:
        names = ", ".join(f"c.{name}" for name in LetterSummary.__struct_fields__)
        query = f"SELECT {names} FROM c{where}"  # noqa: S608 - names only
        for document in self._query(query, parameters, source, page):
            summary = of_form(document, LetterSummary, self._name)
            if summary is not None:
                yield summary

    def _read(self, letter: DeadLetter) -> tuple[DeadLetter | None, str | None]:
        """(the letter as it is stored, its ETag); an ETag alone where somebody damaged it."""
        found, _ = point_read(self._container, letter.id, letter.source)
        if found is None:
            return None, None
        return of_form(found, DeadLetter, self._name), found["_etag"]

    def _query(
        self,
        query: str,
        parameters: Mapping[str, str],
        source: str | None,
        page: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """`source` None asks every partition."""

        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(self._name, "query_items", headers)

        where: dict[str, Any] = (
            {"enable_cross_partition_query": True} if source is None else {"partition_key": source}
        )
        with transient(self._name, "query_items"):
            yield from self._container.query_items(
                query,
                parameters=[
                    {"name": name, "value": str(value)} for name, value in parameters.items()
                ],
                max_item_count=page,
                enable_scan_in_query=True,  # some conditions are on what is not indexed
                response_hook=noted,
                **where,
            )
