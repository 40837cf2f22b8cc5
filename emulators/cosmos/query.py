"""Runs queries page by page.

Guarantee: in key order (no ORDER BY, or ORDER BY c.id within one partition) a continuation resumes
at the document after the last one returned, whatever was written meanwhile. In any other order the
query runs anew and skips as many results as were returned.
"""

import base64
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import msgspec

from emulators.cosmos import charges, documents, query_distribution, query_request, query_rows
from emulators.cosmos.catalogue import Container
from emulators.cosmos.errors import Refused, unsupported
from emulators.cosmos.partition_keys import Key
from emulators.cosmos.query_parser import parse
from emulators.cosmos.query_plan import Plan, plan
from emulators.cosmos.query_rows import Row, RowScope
from emulators.cosmos.query_syntax import (
    Aggregate,
    Expression,
    Literal,
    Object,
    Parameter,
    Path,
    Query,
    replaced,
)
from emulators.cosmos.query_values import (
    UNDEFINED,
    Evaluator,
    Value,
    aggregated,
    bind,
    evaluator,
    order_key,
)

PAGE_BYTES_MAX = 4 * 1024 * 1024
PAGE_ITEMS_DEFAULT = 1_000


class _Position(msgspec.Struct, array_like=True):
    """A continuation: how many results came before, and the last document returned."""

    seen: int
    key: str = ""
    id: str | None = None


@dataclass(frozen=True, slots=True)
class QueryScope:
    """Which part of the container the request is about. The upper EPK bound is exclusive."""

    key: Key | None
    epk_minimum: str
    epk_maximum: str
    cross_partition: bool
    one_range: bool = False
    """The client names the physical partition, and merges itself."""
    horizon: int | None = None


@dataclass(frozen=True, slots=True)
class QueryPage:
    results: list[bytes]
    continuation: str | None
    charge: float


@dataclass(frozen=True, slots=True)
class _Run:
    """Everything one page needs."""

    connection: sqlite3.Connection
    container: Container
    rows: RowScope
    query: Query
    plan: Plan
    parameters: dict[str, Value]
    position: _Position
    items_max: int

    def expression(self, expression: Expression) -> Evaluator:
        return evaluator(bind(expression, self.parameters))


def page(
    connection: sqlite3.Connection,
    container: Container,
    scope: QueryScope,
    body: bytes,
    continuation: str | None,
    items_max: int | None,
    now: float,
) -> QueryPage:
    """One page of results."""
    query, parameters, planned = _understood(container, body)
    key = _key(scope, planned)
    merged = query.order or query.top is not None or query.offset is not None or query.aggregates()
    if key is None and not scope.one_range and merged:
        raise query_distribution.not_servable(query, None)
    # A condition that names another partition key than the header selects nothing.
    contradiction = planned.key is not None and planned.key != key
    epk_maximum = scope.epk_minimum if contradiction else scope.epk_maximum
    rows = RowScope(container.number, key, scope.epk_minimum, epk_maximum, now, scope.horizon)
    run = _Run(
        connection=connection,
        container=container,
        rows=rows,
        query=query,
        plan=planned,
        parameters=parameters,
        position=_position(continuation),
        items_max=items_max if items_max is not None else PAGE_ITEMS_DEFAULT,
    )
    if query.aggregates():
        return _aggregate(run)
    if _in_key_order(run):
        return _page(run, _streamed(run), by_key=True)
    return _page(run, _sorted(run), by_key=False)


def distribution(container: Container, body: bytes, features: str) -> bytes:
    """The query plan, for a client with these features."""
    query, _, planned = _understood(container, body)
    query_distribution.check_supported(query, features)
    return msgspec.json.encode(query_distribution.plan(query, planned.key))


def _understood(container: Container, body: bytes) -> tuple[Query, dict[str, Value], Plan]:
    text, parameters = query_request.decoded(body)
    query = parse(text)
    query = replace(
        query,
        top=_count(query.top, parameters),
        offset=_count(query.offset, parameters),
        limit=_count(query.limit, parameters),
    )
    where = None if query.where is None else bind(query.where, parameters)
    return query, parameters, plan(where, container.definition.key_path)


def _count(value: int | Parameter | None, parameters: dict[str, Value]) -> int | None:
    if not isinstance(value, Parameter):
        return value
    found = parameters.get(value.name)
    if type(found) is not int or found < 0:
        raise Refused(400, f"{value.name} must be a whole number of at least 0.")
    return found


def _key(scope: QueryScope, planned: Plan) -> Key | None:
    """The one logical partition the query stays in, if it does."""
    if scope.key is not None:
        return scope.key
    if planned.key is not None:
        return planned.key
    if planned.addresses is not None:
        keys = {key for key, _ in planned.addresses}
        if None not in keys:
            return keys.pop() if len(keys) == 1 else None
    if not scope.cross_partition:
        raise Refused(
            400,
            "Cross partition query is required but disabled. Please set"
            " x-ms-documentdb-query-enablecrosspartition to true, specify"
            " x-ms-documentdb-partitionkey, or revise your query to avoid this exception.",
        )
    return None


def _position(continuation: str | None) -> _Position:
    if not continuation:
        return _Position(0)
    try:
        raw = base64.b64decode(continuation, validate=True)
        position = msgspec.json.decode(raw, type=_Position)
        bytes.fromhex(position.key)
        return position
    except ValueError:
        raise Refused(400, "Invalid Continuation Token") from None


def _token(position: _Position) -> str:
    return base64.b64encode(msgspec.json.encode(position)).decode()


def _in_key_order(run: _Run) -> bool:
    order = run.query.order
    if not order:
        return True
    indexing = run.container.definition.indexing
    if len(order) == 1 and not indexing.covers(order[0].path):
        raise Refused(400, f"ORDER BY needs an index on /{'/'.join(order[0].path)}.")
    if len(order) > 1 and not indexing.covers_order(
        tuple((part.path, part.descending) for part in order)
    ):
        raise Refused(400, "ORDER BY several properties needs a matching composite index.")
    return len(order) == 1 and order[0].path == ("id",) and run.rows.key is not None


def _matches(run: _Run, after: tuple[Key, str] | None, *, descending: bool) -> Iterator[Row]:
    rows = query_rows.rows(run.connection, run.rows, run.plan, after, descending=descending)
    if run.plan.residual is None:
        return rows
    condition = evaluator(run.plan.residual)
    return (row for row in rows if condition(_decoded(run, row)) is True)


def _outgoing(run: _Run, row: Row) -> bytes:
    return documents.outgoing(run.container, row.body, row.number, row.etag, row.ts)


def _decoded(run: _Run, row: Row) -> Value:
    return msgspec.json.decode(_outgoing(run, row))


def _streamed(run: _Run) -> Iterator[Row]:
    position = run.position
    after = None if position.id is None else (bytes.fromhex(position.key), position.id)
    descending = bool(run.query.order) and run.query.order[0].descending
    return _matches(run, after, descending=descending)


def _sorted(run: _Run) -> Iterator[Row]:
    found = [(_decoded(run, row), row) for row in _matches(run, None, descending=False)]
    # Stable sorts from the last property to the first sort by all of them.
    for part in reversed(run.query.order):
        value = evaluator(Path(part.path))
        found.sort(key=lambda pair: order_key(value(pair[0])), reverse=part.descending)
    return iter([row for _, row in found[run.position.seen :]])


def _page(run: _Run, rows: Iterator[Row], *, by_key: bool) -> QueryPage:
    query = run.query
    offset = cast("int", query.offset or 0)
    limit = cast("int | None", query.top if query.offset is None else query.limit)
    project = _projection(run)
    results: list[bytes] = []
    size = 0
    seen = run.position.seen
    last: Row | None = None
    more = False
    for row in rows:
        if limit is not None and seen >= offset + limit:
            break
        if seen < offset:
            seen, last = seen + 1, row
            continue
        result = project(row)
        full = len(results) >= run.items_max or size + len(result or b"") > PAGE_BYTES_MAX
        if full and results:
            more = True
            break
        seen, last = seen + 1, row
        if result is not None:
            results.append(result)
            size += len(result)
    continuation = None
    if more and last is not None:
        position = _Position(seen, last.key.hex(), last.id) if by_key else _Position(seen)
        continuation = _token(position)
    return QueryPage(results, continuation, charges.query(size))


def _projection(run: _Run) -> Callable[[Row], bytes | None]:
    query = run.query
    if query.everything:
        return lambda row: _outgoing(run, row)
    if query.value is not None:
        single = run.expression(query.value)

        def one(row: Row) -> bytes | None:
            value = single(_decoded(run, row))
            return None if value is UNDEFINED else msgspec.json.encode(value)

        return one
    columns = [(column.name, run.expression(column.expression)) for column in query.columns]

    def several(row: Row) -> bytes:
        document = _decoded(run, row)
        values = {name: value(document) for name, value in columns}
        return msgspec.json.encode({n: v for n, v in values.items() if v is not UNDEFINED})

    return several


def _aggregate(run: _Run) -> QueryPage:
    """One result of all documents."""
    query = run.query
    if query.order or query.top is not None or query.offset is not None:
        raise unsupported("ORDER BY, TOP or OFFSET beside an aggregate")
    aggregates = query.aggregates()
    counted = all(one.name == "COUNT" and isinstance(one.argument, Literal) for one in aggregates)
    if counted and run.plan.residual is None and run.plan.addresses is None:
        total = query_rows.count(run.connection, run.rows, run.plan)
        results = dict.fromkeys(aggregates, total)
    else:
        arguments = [(one, run.expression(one.argument)) for one in aggregates]
        values: dict[Aggregate, list[Value]] = {one: [] for one in aggregates}
        for row in _matches(run, None, descending=False):
            document = _decoded(run, row)
            for one, argument in arguments:
                value = argument(document)
                if value is not UNDEFINED:
                    values[one].append(value)
        results = {one: aggregated(one.name, found) for one, found in values.items()}

    def result(part: Expression) -> Expression | None:
        return Literal(results[part]) if isinstance(part, Aggregate) else None

    columns = tuple((one.name, replaced(one.expression, result)) for one in query.columns)
    shown = Object(columns) if query.value is None else replaced(query.value, result)
    value = run.expression(shown)(UNDEFINED)
    found = [] if value is UNDEFINED else [msgspec.json.encode(value)]
    return QueryPage(found, None, charges.query(sum(map(len, found))))
