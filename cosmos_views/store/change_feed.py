"""The change feeds as trailing readers read them: one range at a time, from a position.

A position is the service's own mark inside one range; None is the beginning. Reading from a
position misses nothing that is still the latest version of its document. A physical split ends a
range; its children take their parent's position (the SDK does the same inside one iteration, but
such a mixed continuation cannot always be resumed, so here it is refused and asked for again).
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from azure.cosmos import DatabaseProxy

from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.feeds import FeedRange, Page, Split
from cosmos_views.store import metering
from cosmos_views.store.failures import transient

_ETAG = "etag"
_SESSION_TOKEN = "x-ms-session-token"  # noqa: S105 - the name of a header
_OPERATION = "query_change_feed"


class _Range(msgspec.Struct, rename="camel"):
    min: str
    max: str
    is_min_inclusive: bool = True
    is_max_inclusive: bool = False


class _Token(msgspec.Struct):
    token: str | None
    range: _Range


class _Tokens(msgspec.Struct):
    rid: str
    continuation: list[_Token]
    whole: _Range = msgspec.field(name="Range")
    v: str = "v2"


class _Continuation(msgspec.Struct):
    """The SDK's continuation (base64 of this JSON), as azure-cosmos 4.17 reads and writes it."""

    rid: str = msgspec.field(name="containerRid")
    continuation: _Tokens
    mode: str = "LatestVersion"
    start_from: dict[str, str] = msgspec.field(
        name="startFrom", default_factory=lambda: {"Type": "Beginning"}
    )
    v: str = "v2"


class ChangeFeedStore:
    """Reads ranges and pages of the change feeds of one database."""

    def __init__(self, database: DatabaseProxy) -> None:
        self._database = database

    def ranges(self, container: str) -> tuple[str, list[FeedRange]]:
        """(the container's resource id, its physical ranges as they are now). Raises Transient."""
        proxy = self._database.get_container_client(container)
        with transient(container, "read_container"):
            answer = proxy.read()
        metering.note(container, "read_container", answer.get_response_headers())
        with transient(container, "read_feed_ranges"):
            found = list(proxy.read_feed_ranges(force_refresh=True))
        ranges = [msgspec.convert(one["Range"], _Range) for one in found]
        return answer["_rid"], sorted(FeedRange(one.min, one.max) for one in ranges)

    def page(
        self, container: str, rid: str, feed_range: FeedRange, position: str | None, count: int
    ) -> Page:
        """The next documents after a position, about `count`; none when there are no more.

        What one transaction wrote is never parted. Raises Split when the range is no longer one
        physical range, Transient.
        """
        answers: list[Mapping[str, str]] = []

        def noted(headers: Mapping[str, str], _: object) -> None:
            metering.note(container, _OPERATION, headers)
            answers.append(headers)

        pages = self._pages(container, rid, feed_range, position, count, noted)
        with transient(container, _OPERATION):
            try:
                documents = list(next(pages, ()))
            except ValueError as error:
                raise Transient(f"{container} was replaced while it was read") from error
        # The SDK puts the continuation into the headers it has shown, per answer: unlike
        # `continuation_token` this holds when other threads use the client too.
        tokens = _decoded(answers[-1][_ETAG]).continuation.continuation
        if len(tokens) > 1:
            raise Split(container)
        return Page(documents, tokens[0].token, _lsn(answers[-1].get(_SESSION_TOKEN, "")))

    def _pages(
        self,
        container: str,
        rid: str,
        feed_range: FeedRange,
        position: str | None,
        count: int,
        noted: Any,
    ) -> Iterator[Iterator[dict[str, Any]]]:
        proxy = self._database.get_container_client(container)
        asked = _Range(feed_range.minimum, feed_range.maximum)
        if position is None:
            return proxy.query_items_change_feed(
                feed_range={"Range": msgspec.to_builtins(asked)},
                start_time="Beginning",
                max_item_count=count,
                response_hook=noted,
            ).by_page()
        continuation = _Continuation(rid, _Tokens(rid, [_Token(position, asked)], asked))
        return proxy.query_items_change_feed(
            continuation=base64.b64encode(msgspec.json.encode(continuation)).decode(),
            max_item_count=count,
            response_hook=noted,
        ).by_page()


def _decoded(continuation: str) -> _Continuation:
    return msgspec.json.decode(base64.b64decode(continuation), type=_Continuation)


def _lsn(session_token: str) -> int | None:
    """The LSN of `range:-1#57#…` or `range:57`."""
    parts = session_token.partition(":")[2].split(",")[0].split("#")
    text = parts[1] if len(parts) > 1 else parts[0]
    return int(text) if text.isdigit() else None
