"""The surface of the azure-cosmos SDK over the model, so that the real `store/` runs unchanged.

Signatures, exceptions, response headers and their habits are the SDK's: a batch takes the ETags out
of the list it is given, a missing document raises, a response hook sees the headers of each page.
Every request passes a *gate*, which may let others run, fail it, or lose its answer.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar, cast

import msgspec
from azure.core import MatchConditions
from azure.core.utils import CaseInsensitiveDict
from azure.cosmos._base import _validate_resource
from azure.cosmos._cosmos_responses import CosmosDict, CosmosList
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)
from azure.cosmos.partition_key import NullPartitionKeyValue, _Empty

from emulators.cosmos import documents, query_request
from emulators.cosmos.errors import Refused
from tests.simulation.cosmos import (
    EPK_MAX,
    Container,
    Document,
    Key,
    Operation,
    Physical,
    Range,
    Status,
    key_of,
    range_of,
    range_text,
)
from tests.simulation.queries import Query

T = TypeVar("T")
Hook = Callable[[Mapping[str, str], object], None]


class Gate(Protocol):
    """What stands between a client and the service."""

    def __call__(self, container: str, operation: str, do: Callable[[], T], *, writes: bool) -> T:
        """Do it, perhaps; perhaps answer."""


def failed(code: int, sub_status: int | None = None) -> CosmosHttpResponseError:
    """The SDK's exception for a status."""
    kind: Any = {
        404: CosmosResourceNotFoundError,
        409: CosmosResourceExistsError,
        412: CosmosAccessConditionFailedError,
    }.get(code, CosmosHttpResponseError)
    error: CosmosHttpResponseError = kind(status_code=code, message="simulated")
    error.headers = {}
    error.sub_status = sub_status
    return error


class Paged:
    """What the SDK's queries return."""

    def __init__(self, pages: Callable[[], Iterator[list[Document]]]) -> None:
        self._pages = pages

    def by_page(self) -> Iterator[Iterator[Document]]:
        return map(iter, self._pages())

    def __iter__(self) -> Iterator[Document]:
        for page in self._pages():
            yield from page


class Client:
    """An account's client."""

    def __init__(self, containers: Mapping[str, Container], gate: Gate) -> None:
        self._proxies = {name: Proxy(one, gate) for name, one in containers.items()}

    def get_database_client(self, _name: str) -> "Client":
        return self

    def get_container_client(self, name: str) -> "Proxy":
        return self._proxies[name]


class Proxy:
    """A container's client."""

    def __init__(self, model: Container, gate: Gate) -> None:
        self.model = model
        self.id = model.name
        self._gate = gate

    def read(self) -> CosmosDict:
        return self._gate(
            self.id,
            "read_container",
            lambda: CosmosDict({"_rid": self.id}, response_headers=_headers()),
            writes=False,
        )

    def read_feed_ranges(self, *, force_refresh: bool = False) -> Iterator[dict[str, Any]]:
        def do() -> list[dict[str, Any]]:
            return [{"Range": _range(one.covers)} for one in self.model.physicals]

        return iter(self._gate(self.id, "read_feed_ranges", do, writes=False))

    def read_item(
        self, item: str, partition_key: Any, *, session_token: str | None = None
    ) -> CosmosDict:
        def do() -> CosmosDict:
            _check_path(item)
            found, token = self.model.read(_key(partition_key), item, session_token)
            if found is None:
                error = failed(404)
                error.headers = _headers(token)
                raise error
            return CosmosDict(found, response_headers=_headers(token))

        return self._gate(self.id, "read_item", do, writes=False)

    def create_item(self, body: Document, *, no_response: bool = False) -> CosmosDict:
        _validate_resource(body)
        return self._write("create_item", Operation("create", body["id"], _copy(body)), None)

    def upsert_item(self, body: Document, *, no_response: bool = False) -> CosmosDict:
        _validate_resource(body)
        return self._write("upsert_item", Operation("upsert", body["id"], _copy(body)), None)

    def replace_item(
        self,
        item: str,
        body: Document,
        *,
        etag: str | None = None,
        match_condition: MatchConditions | None = None,
        no_response: bool = False,
    ) -> CosmosDict:
        if match_condition is not MatchConditions.IfNotModified:
            etag = None
        _validate_resource(body)
        return self._write("replace_item", Operation("replace", item, _copy(body), etag), None)

    def delete_item(
        self,
        item: str,
        partition_key: Any,
        *,
        etag: str | None = None,
        match_condition: MatchConditions | None = None,
        response_hook: Hook | None = None,
    ) -> None:
        if match_condition is not MatchConditions.IfNotModified:
            etag = None
        operation = Operation("delete", item, None, etag)
        done = self._write("delete_item", operation, _key(partition_key))
        if response_hook is not None:
            response_hook(done.get_response_headers(), None)

    def execute_item_batch(
        self, batch_operations: Sequence[tuple[Any, ...]], partition_key: Any
    ) -> CosmosList:
        key = _key(partition_key)
        operations = []
        for operation in batch_operations:
            kind, arguments = operation[0], operation[1]
            # The SDK pops what it has understood: a list that is used again has no ETags.
            etag = operation[2].pop("if_match_etag", None) if len(operation) > 2 else None
            body = None if kind == "delete" else _copy(arguments[-1])
            assert body is None or self.model.key_of(body) == key, "the service answers 400"
            name = body["id"] if kind in ("create", "upsert") and body else arguments[0]
            operations.append(Operation(kind, name, body, etag))

        def do() -> CosmosList:
            try:
                etags = self.model.write(key, operations)
            except Status as status:
                if status.index is None:
                    raise failed(status.code) from None
                refusal: Any = CosmosBatchOperationError
                raise refusal(
                    error_index=status.index,
                    headers=_headers(),
                    status_code=status.code,
                    message="simulated",
                    operation_responses=[
                        {"statusCode": status.code if place == status.index else 424}
                        for place in range(len(operations))
                    ],
                ) from None
            physical = self.model.physical_of(key)
            return CosmosList(
                [{"statusCode": 200} | ({"eTag": etag} if etag else {}) for etag in etags],
                response_headers=_headers(f"{physical.number}:-1#{physical.lsn}"),
            )

        return self._gate(self.id, "execute_batch", do, writes=True)

    def query_items(
        self,
        query: str,
        *,
        parameters: Sequence[Mapping[str, Any]] = (),
        partition_key: Any = None,
        enable_cross_partition_query: bool = False,
        enable_scan_in_query: bool = False,
        max_item_count: int | None = None,
        response_hook: Hook | None = None,
        session_token: str | None = None,
    ) -> Paged:
        key = None if enable_cross_partition_query else _key(partition_key)

        def do() -> tuple[list[Document], str]:
            try:
                asked = Query(query, query_request.named(parameters))
            except Refused as refused:
                raise failed(refused.status) from refused
            found, token = self.model.all(key, session_token, asked.ids)
            return asked.selected(found), token

        def pages() -> Iterator[list[Document]]:
            found, token = self._gate(self.id, "query_items", do, writes=False)
            if response_hook is not None:
                response_hook(_headers(token), None)
            size = max_item_count if max_item_count and max_item_count > 0 else len(found) or 1
            for start in range(0, max(len(found), 1), size):
                yield found[start : start + size]

        return Paged(pages)

    def query_items_change_feed(
        self,
        *,
        partition_key: Any = None,
        feed_range: Mapping[str, Any] | None = None,
        start_time: str | None = None,
        continuation: str | None = None,
        max_item_count: int | None = None,
        response_hook: Hook | None = None,
    ) -> Paged:
        if continuation is not None:
            place = _Place.decoded(continuation)
        else:
            covers = range_of(*_texts(feed_range["Range"])) if feed_range else Range(0, EPK_MAX)
            place = _Place(covers, None if feed_range else _key(partition_key), None)

        def read() -> tuple[list[Document], CaseInsensitiveDict]:
            physicals = self._physicals(place)
            if len(physicals) > 1:
                # The SDK goes on in the children; a reader of one range sees several tokens.
                return [], _headers(f"0:-1#{physicals[0].lsn}", place.encoded(physicals))
            position = place.position
            if position is None:
                position = physicals[0].lsn if start_time == "Now" else 0
            found, position, physical = self.model.feed(
                place.covers, place.key, position, max_item_count or 100
            )
            place.position = position
            token = f"{physical.number}:-1#{physical.lsn}"
            return found, _headers(token, place.encoded([physical]))

        def pages() -> Iterator[list[Document]]:
            while True:
                found, headers = self._gate(self.id, "query_change_feed", read, writes=False)
                if response_hook is not None:
                    response_hook(headers, None)
                if not found:
                    return
                yield found

        return Paged(pages)

    def _physicals(self, place: "_Place") -> list[Physical]:
        if place.key is not None:
            return [self.model.physical_of(place.key)]
        start, end = place.covers
        return [
            one for one in self.model.physicals if one.covers.start < end and start < one.covers.end
        ]

    def _write(self, name: str, operation: Operation, key: Key | None) -> CosmosDict:
        if key is None:
            assert operation.body is not None
            key = self.model.key_of(operation.body)
        at = key

        def do() -> CosmosDict:
            if operation.kind in ("replace", "delete"):
                _check_path(operation.document_id)
            try:
                [etag] = self.model.write(at, [operation])
            except Status as status:
                raise failed(status.code) from None
            physical = self.model.physical_of(at)
            headers = _headers(f"{physical.number}:-1#{physical.lsn}")
            return CosmosDict({"_etag": etag}, response_headers=headers)

        return self._gate(self.id, name, do, writes=True)


class _Place(msgspec.Struct):
    """A position in a change feed, of a range or of one partition key value."""

    covers: Range
    key: Key | None
    position: int | None

    def encoded(self, physicals: Sequence[Physical]) -> str:
        whole = _range(self.covers)
        token = None if self.position is None else str(self.position)
        tokens = [{"token": token, "range": whole} for _ in physicals]
        document = {
            "containerRid": "rid",
            "continuation": {"rid": "rid", "continuation": tokens, "Range": whole, "v": "v2"},
            "key": self.key,
        }
        return base64.b64encode(msgspec.json.encode(document)).decode()

    @classmethod
    def decoded(cls, continuation: str) -> "_Place":
        document = msgspec.json.decode(base64.b64decode(continuation))
        [token] = document["continuation"]["continuation"]
        position = None if token["token"] is None else int(token["token"])
        return cls(range_of(*_texts(token["range"])), document.get("key"), position)


def _check_path(item: str) -> None:
    """As the gateway: no path leads to some ids."""
    try:
        documents.check_path(item)
    except Refused as refused:
        raise failed(refused.status) from refused


def _key(partition_key: Any) -> Key:
    if isinstance(partition_key, str):
        return _text_key(partition_key)
    if partition_key is NullPartitionKeyValue:
        return key_of(None)
    if isinstance(partition_key, _Empty) or getattr(partition_key, "__name__", "").startswith(
        "None"
    ):
        return key_of(msgspec.UNSET)
    return key_of(partition_key)


_text_key = lru_cache(10_000)(key_of)


def _copy(body: Document) -> Document:
    return dict(body)


def _range(covers: Range) -> dict[str, Any]:
    minimum, maximum = range_text(covers)
    return {"min": minimum, "max": maximum, "isMinInclusive": True, "isMaxInclusive": False}


def _texts(shown: Mapping[str, Any]) -> tuple[str, str]:
    return shown["min"], shown["max"]


def _headers(token: str = "0:-1#0", continuation: str = "") -> CaseInsensitiveDict:
    # A plain mapping, with the names as the stores write them: the SDK's own is slow.
    headers = {"x-ms-session-token": token, "x-ms-request-charge": "1", "etag": continuation}
    return cast("CaseInsensitiveDict", headers)
