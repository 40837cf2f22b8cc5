"""Query plans: what a client has to do where one answer needs several physical partitions.

The service answers ORDER BY, TOP, OFFSET LIMIT and aggregates across partitions with 400/1004, also
where there is one physical partition only. The SDK then asks for the plan, sends its query to each
partition and merges. Forms as recorded of the service and in the plans that Microsoft tests its
.NET SDK with.

Guarantee: merging what the rewritten query gives, as the plan says, is what the query means.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from emulators.cosmos import query_text
from emulators.cosmos.errors import CROSS_PARTITION_NOT_SERVABLE, Refused, unsupported
from emulators.cosmos.partition_keys import EPK_MAXIMUM, EPK_MINIMUM, Key, effective
from emulators.cosmos.query_syntax import Aggregate, Array, Call, Expression, Object, Path, Query

FILTER = "{documentdb-formattableorderbyquery-filter}"
_OPERATORS = {"AVG": "Average", "COUNT": "Count", "MAX": "Max", "MIN": "Min", "SUM": "Sum"}

Plan = dict[str, Any]


def plan(query: Query, key: Key | None) -> Plan:
    """The plan of a query whose counts are numbers. With a partition key there is nothing to
    merge, except aggregates, which the service plans all the same."""
    aggregates = query.aggregates()
    if aggregates and not isinstance(query.value, Aggregate):
        raise Refused(
            400, "Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates"
        )
    merges = key is None or bool(aggregates)
    info: dict[str, Any] = {
        "distinctType": "None",
        "top": query.top if merges else None,
        "offset": query.offset if merges else None,
        "limit": query.limit if merges else None,
        "orderBy": [
            "Descending" if part.descending else "Ascending" for part in query.order if merges
        ],
        "orderByExpressions": [
            query_text.path(query.root, part.path) for part in query.order if merges
        ],
        "groupByExpressions": [],
        "groupByAliases": [],
        "aggregates": [_OPERATORS[one.name] for one in aggregates],
        "groupByAliasToAggregateType": {},
        "rewrittenQuery": _rewritten(query) if merges else "",
        "hasSelectValue": query.value is not None,
        "dCountInfo": None,
        "hasNonStreamingOrderBy": False,
    }
    return {
        "partitionedQueryExecutionInfoVersion": 2,
        "queryInfo": info,
        "queryRanges": [_range(key)],
        "hybridSearchQueryInfo": None,
    }


def needed(query: Query) -> list[str]:
    """The features a client must have to follow the plan."""
    return [
        *(["Aggregate"] if query.aggregates() else []),
        *(["OrderBy"] if query.order else []),
        *(["MultipleOrderBy"] if len(query.order) > 1 else []),
        *(["Top"] if query.top is not None else []),
        *(["OffsetAndLimit"] if query.offset is not None else []),
    ]


def check_supported(query: Query, features: str) -> None:
    """400 where the client does not name a feature that the plan needs."""
    known = {name.strip() for name in features.split(",")}
    missing = [name for name in needed(query) if name not in known]
    if missing:
        raise Refused(
            400,
            "Query contains 1 or more unsupported features. Upgrade your SDK to a version that does"
            " support the requested features: Query contained"
            f" {', '.join(missing)}, which the calling client does not support.",
        )


def not_servable(query: Query, key: Key | None) -> Refused:
    """400/1004, upon which the SDK asks for the plan, though it is in this answer too."""
    return Refused(
        400,
        "The provided cross partition query can not be directly served by the gateway. This is a"
        " first chance (internal) exception that all newer clients will know how to handle"
        " gracefully. This exception is traced, but unless you see it bubble up as an exception"
        " (which only happens on older SDK clients), then you can safely ignore this message.",
        substatus=CROSS_PARTITION_NOT_SERVABLE,
        additional=msgspec.json.encode(plan(query, key)).decode(),
    )


def _range(key: Key | None) -> dict[str, object]:
    minimum, maximum = (EPK_MINIMUM, EPK_MAXIMUM) if key is None else (effective(key),) * 2
    return {
        "min": minimum,
        "max": maximum,
        "isMinInclusive": True,
        "isMaxInclusive": key is not None,
    }


def _rewritten(query: Query) -> str:
    """What each partition is asked; nothing where it is asked the query itself."""
    if query.aggregates():
        return _aggregated(query)
    if query.order:
        return _ordered(query)
    if query.offset is None:
        return ""
    return "\n".join([f"SELECT {_selected(query)}", *_rest(query, _where(query))])


def _aggregated(query: Query) -> str:
    aggregate = query.value
    assert isinstance(aggregate, Aggregate)
    if query.order:
        raise unsupported("ORDER BY beside an aggregate")
    count = Aggregate("COUNT", aggregate.argument)
    members: list[tuple[str, Expression]] = [("item", aggregate)]
    match aggregate.name:
        case "AVG":
            total = Aggregate("SUM", aggregate.argument)
            members = [("item", Object((("sum", total), ("count", count))))]
        case "MIN" | "MAX":
            both = Object(((aggregate.name.lower(), aggregate), ("count", count)))
            members.append(("item2", both))
    item = Array((Object(tuple(members)),))
    shown = query_text.expression(item, query.root)
    return "\n".join([f"SELECT VALUE {shown}", f"FROM {query.root}", *_where(query)])


def _ordered(query: Query) -> str:
    items = Array(tuple(Object((("item", Path(part.path)),)) for part in query.order))
    payload: Expression = Path(())
    defined = ""
    if query.value is not None:
        payload = query.value
        defined = " AND " + query_text.expression(Call("IS_DEFINED", (payload,)), query.root)
    elif query.columns:
        payload = Object(tuple((column.name, column.expression) for column in query.columns))
    top = "" if query.top is None else f"TOP {query.top} "
    shown = (query_text.expression(one, query.root) for one in (Path(("_rid",)), items, payload))
    rid, order_by_items, shown_payload = shown
    condition = f"({FILTER})"
    if query.where is not None:
        condition = f"({query_text.expression(query.where, query.root)} AND {condition})"
    if defined:
        condition = f"({condition}{defined})"
    return "\n".join(
        [
            f"SELECT {top}{rid}, {order_by_items} AS orderByItems, {shown_payload} AS payload",
            *_rest(query, [f"WHERE {condition}"]),
        ]
    )


def _selected(query: Query) -> str:
    if query.everything:
        return "*"
    if query.value is not None:
        return f"VALUE {query_text.expression(query.value, query.root)}"
    return ", ".join(
        f"{query_text.expression(column.expression, query.root)} AS {column.name}"
        for column in query.columns
    )


def _where(query: Query) -> list[str]:
    return (
        [] if query.where is None else [f"WHERE {query_text.expression(query.where, query.root)}"]
    )


def _rest(query: Query, where: list[str]) -> Iterator[str]:
    yield f"FROM {query.root}"
    yield from where
    if query.order:
        parts = (
            query_text.path(query.root, part.path) + (" DESC" if part.descending else "")
            for part in query.order
        )
        yield f"ORDER BY {', '.join(parts)}"
    if query.offset is not None:
        assert isinstance(query.offset, int)
        assert isinstance(query.limit, int)
        # Whichever partition they come from, the first ones are enough.
        yield f"OFFSET 0 LIMIT {query.offset + query.limit}"
