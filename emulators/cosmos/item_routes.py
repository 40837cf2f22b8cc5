"""Requests about documents: from headers to an operation, from its outcome to an answer.

Guarantee: every answer names the physical partition that gave it and that partition's LSN, which is
what keeps the SDK's routing and session state right.
"""

from dataclasses import dataclass

from emulators.cosmos import batch, change_feed, charges, documents, items, query
from emulators.cosmos.catalogue import Container
from emulators.cosmos.change_feed import FeedScope
from emulators.cosmos.clock import Clock
from emulators.cosmos.errors import Refused, unsupported
from emulators.cosmos.history import History
from emulators.cosmos.items import Conditions, Outcome, Reading, Writes
from emulators.cosmos.partition_keys import EPK_MAXIMUM, EPK_MINIMUM, effective
from emulators.cosmos.partitions import Partition
from emulators.cosmos.protocol import CONTINUATION, QUERY_PLAN, RANGE_ID, SESSION_TOKEN, Call, Reply
from emulators.cosmos.query import QueryScope
from emulators.cosmos.storage import Storage

_READ_ALL = b'{"query":"SELECT * FROM c"}'
_FEED_LATEST = "incremental feed"


@dataclass(frozen=True, slots=True)
class ItemRoutes:
    """Serves `dbs/…/colls/…/docs…`."""

    storage: Storage
    clock: Clock
    history: History

    def serve(self, operation: str, call: Call, container: Container) -> Reply:
        """`operation` is one of `faults.OPERATIONS`, as `service.classify` named it."""
        try:
            return self._dispatch(operation, call, container)
        except Refused as refused:
            refused.headers = _origin(call, container) | refused.headers
            raise

    def _dispatch(self, operation: str, call: Call, container: Container) -> Reply:
        if operation in ("read", "replace", "delete"):
            documents.check_path(call.segments[5])
        match operation:
            case "batch":
                return self._batch(call, container)
            case "query" | "read_feed":
                return self._query(call, container)
            case "change_feed":
                return self._change_feed(call, container)
            case "read":
                return self._read(call, container)
            case _:
                return self._write(operation, call, container)

    def _read(self, call: Call, container: Container) -> Reply:
        key = call.required_key()
        partition = container.partitions.owning(effective(key))
        horizon = self.history.horizon(container, partition, call.headers.get(SESSION_TOKEN))
        reading = Reading(self.storage.connection, self.history, self.clock.now(), horizon)
        seen = partition.lsn if horizon is None else horizon
        try:
            outcome = items.read(reading, container, key, call.segments[5], _conditions(call))
        except Refused as refused:
            refused.headers.update(_partition_headers(container, [partition], seen))
            raise
        return _item_reply(outcome, container, partition, seen, minimal=False)

    def _write(self, operation: str, call: Call, container: Container) -> Reply:
        key = call.required_key()
        conditions = _conditions(call)
        with self.storage.transaction() as connection:
            writes = Writes(connection, self.history, container, key, self.clock.now())
            match operation:
                case "create":
                    outcome = writes.create(documents.parse(call.body, container))
                case "upsert":
                    outcome = writes.upsert(documents.parse(call.body, container), conditions)
                case "replace":
                    incoming = documents.parse(call.body, container)
                    outcome = writes.replace(call.segments[5], incoming, conditions)
                case _:
                    outcome = writes.delete(call.segments[5], conditions)
            writes.commit_lsn()
        writes.partition.lsn = writes.lsn
        minimal = call.headers.get("prefer", "").lower() == "return=minimal"
        return _item_reply(outcome, container, writes.partition, writes.lsn, minimal=minimal)

    def _batch(self, call: Call, container: Container) -> Reply:
        if call.flag("x-ms-cosmos-batch-continue-on-error") or not call.flag(
            "x-ms-cosmos-batch-atomic"
        ):
            raise unsupported("batches that are not atomic")
        key = call.required_key()
        minimal = call.headers.get("prefer", "").lower() == "return=minimal"
        result = batch.execute(
            self.storage,
            self.history,
            container,
            key,
            call.body,
            self.clock.now(),
            minimal=minimal,
        )
        headers = {
            RANGE_ID: result.partition_id,
            SESSION_TOKEN: result.session_token,
            "lsn": str(result.lsn),
            "x-ms-alt-content-path": container.link,
        }
        return Reply(result.status, result.body, result.charge, headers)

    def _query(self, call: Call, container: Container) -> Reply:
        if call.flag(QUERY_PLAN):
            features = call.headers.get("x-ms-cosmos-supported-query-features", "")
            return Reply(200, query.distribution(container, call.body, features), charges.METADATA)
        key = call.key()
        touched, minimum, maximum = self._ranges(call, container)
        horizon = None
        if key is not None:
            touched = [container.partitions.owning(effective(key))]
            token = call.headers.get(SESSION_TOKEN)
            horizon = self.history.horizon(container, touched[0], token)
        reading_all = call.verb == "GET"
        scope = QueryScope(
            key=key,
            epk_minimum=minimum,
            epk_maximum=maximum,
            horizon=horizon,
            one_range=RANGE_ID in call.headers,
            cross_partition=reading_all
            or RANGE_ID in call.headers
            or call.flag("x-ms-documentdb-query-enablecrosspartition"),
        )
        page = query.page(
            self.storage.connection,
            container,
            scope,
            _READ_ALL if reading_all else call.body,
            call.headers.get(CONTINUATION),
            call.items_max(),
            self.clock.now(),
        )
        headers = _partition_headers(container, touched, horizon)
        headers["x-ms-item-count"] = str(len(page.results))
        if page.continuation is not None:
            headers[CONTINUATION] = page.continuation
        return Reply(200, _list_body(container, page.results), page.charge, headers)

    def _change_feed(self, call: Call, container: Container) -> Reply:
        mode = call.headers.get("a-im", "").lower()
        if mode != _FEED_LATEST:
            raise unsupported("the change feed with all versions and deletes")
        key = call.key()
        touched, minimum, maximum = self._ranges(call, container)
        if key is not None:
            touched = [container.partitions.owning(effective(key))]
        if len(touched) != 1:
            raise unsupported("one change feed request over several partition key ranges")
        (partition,) = touched
        after = change_feed.start(
            call.headers.get("if-none-match"), call.headers.get("if-modified-since"), partition
        )
        page = change_feed.page(
            self.storage.connection,
            container,
            FeedScope(partition, minimum, maximum, key),
            after,
            self.clock.now(),
            call.items_max(),
        )
        headers = _partition_headers(container, touched)
        headers["etag"] = f'"{page.lsn}"'
        if not page.documents:
            return Reply(304, b"", page.charge, headers)
        headers["x-ms-item-count"] = str(len(page.documents))
        return Reply(200, _list_body(container, page.documents), page.charge, headers)

    def _ranges(self, call: Call, container: Container) -> tuple[list[Partition], str, str]:
        """Physical partitions and half-open EPK range that the request is about."""
        minimum, maximum = EPK_MINIMUM, EPK_MAXIMUM
        if call.headers.get("x-ms-read-key-type", "") == "EffectivePartitionKeyRange":
            minimum = call.headers.get("x-ms-start-epk", minimum)
            maximum = call.headers.get("x-ms-end-epk", maximum)
        range_id = call.headers.get(RANGE_ID)
        if range_id is None:
            return container.partitions.overlapping(minimum, maximum), minimum, maximum
        partition = container.partitions.named(range_id)
        minimum = max(minimum, partition.minimum)
        maximum = min(maximum, partition.maximum)
        return [partition], minimum, maximum


def _origin(call: Call, container: Container) -> dict[str, str]:
    """Headers that name the partition a refused request went to, if it named one."""
    try:
        key = call.key()
    except Refused:
        return {}
    if key is None:
        return {}
    return _partition_headers(container, [container.partitions.owning(effective(key))])


def _conditions(call: Call) -> Conditions:
    return Conditions(call.headers.get("if-match"), call.headers.get("if-none-match"))


def _partition_headers(
    container: Container, touched: list[Partition], seen: int | None = None
) -> dict[str, str]:
    """`seen`: the LSN up to which a lagging read of one partition saw."""
    # Of several partitions only the first is named: the SDK looks the value up as one range id
    # and drops its routing cache if it finds none.
    return {
        RANGE_ID: touched[0].id if touched else "",
        SESSION_TOKEN: ",".join(partition.session_token(seen) for partition in touched),
        "lsn": str(max((partition.lsn for partition in touched), default=0)),
        "x-ms-alt-content-path": container.link,
    }


def _item_reply(
    outcome: Outcome, container: Container, partition: Partition, lsn: int, *, minimal: bool
) -> Reply:
    headers = {
        RANGE_ID: partition.id,
        SESSION_TOKEN: partition.session_token(lsn),
        "lsn": str(lsn),
        "x-ms-alt-content-path": container.link,
    }
    if outcome.etag is not None:
        headers["etag"] = f'"{outcome.etag}"'
    body = b"" if minimal else outcome.document
    return Reply(outcome.status, body, outcome.charge, headers)


def _list_body(container: Container, results: list[bytes]) -> bytes:
    return b'{"_rid":"%b","Documents":[%b],"_count":%d}' % (
        container.rid.encode(),
        b",".join(results),
        len(results),
    )
