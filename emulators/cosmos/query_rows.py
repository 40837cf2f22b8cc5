"""Fetches the rows a plan can select, in key order, from the index that fits.

Guarantee: one partition is read by the unique index on (container, key, id); listed ids are looked
up one by one; only a cross-partition query without ids scans.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import msgspec

from emulators.cosmos.partition_keys import Key
from emulators.cosmos.query_plan import Address, Plan


@dataclass(frozen=True, slots=True)
class RowScope:
    """`key` None: every logical partition whose hash lies in [minimum, maximum).

    `horizon`: the LSN whose state is asked for; None for the present one. Needs a `key`.
    """

    container: int
    key: Key | None
    epk_minimum: str
    epk_maximum: str
    now: float
    horizon: int | None = None


class Row(NamedTuple):
    key: Key
    id: str
    number: int
    etag: str
    ts: int
    body: bytes


_COLUMNS = "SELECT key, id, number, etag, ts, body FROM items"
_COUNT = "SELECT count(*) FROM items"
_LIVE = " AND expires > :now AND epk >= :epk_minimum AND epk < :epk_maximum"
_ONE = " WHERE container = :container AND key = :key AND id >= :id_from AND id < :id_before"
_ALL = (
    " WHERE container = :container AND (key, id) > (:after_key, :after_id)"
    " AND id >= :id_from AND id < :id_before"
)
_LISTED = (
    " WHERE container = :container AND key = :key AND id IN (SELECT value FROM json_each(:ids))"
)

_SELECT_ONE = _COLUMNS + _ONE + _LIVE + " ORDER BY id"
_SELECT_ONE_BACKWARDS = _SELECT_ONE + " DESC"
_SELECT_ALL = _COLUMNS + _ALL + _LIVE + " ORDER BY key, id"
_SELECT_LISTED = _COLUMNS + _LISTED + _LIVE + " ORDER BY id"
_SELECT_LISTED_BACKWARDS = _SELECT_LISTED + " DESC"
_COUNT_ONE = _COUNT + _ONE + _LIVE
_COUNT_ALL = _COUNT + _ALL + _LIVE

# The state at an earlier LSN: rows not changed since, and what history kept of the others.
_EARLIER = (
    " FROM (SELECT container, key, id, number, etag, ts, body, expires, epk FROM items"
    " WHERE container = :container AND key = :key AND lsn <= :horizon"
    " UNION ALL SELECT container, key, id, number, etag, ts, body, expires, epk FROM versions"
    " WHERE container = :container AND key = :key AND lsn <= :horizon AND until > :horizon)"
)


def rows(
    connection: sqlite3.Connection,
    scope: RowScope,
    plan: Plan,
    after: tuple[Key, str] | None,
    *,
    descending: bool,
) -> Iterator[Row]:
    """Candidate rows after a position. `descending` only within one partition."""
    if plan.addresses is not None:
        addresses = plan.addresses
        chosen: list[Address]
        if scope.key is not None:
            chosen = [(scope.key, name) for key, name in addresses if key in (None, scope.key)]
        else:
            chosen = [(key, name) for key, name in addresses if key is not None]
        if scope.key is not None or chosen or not addresses:
            return _listed(connection, scope, chosen, after, descending=descending)
    found = _scan(connection, scope, plan, after, descending=descending)
    if plan.addresses is None:
        return found
    names = {name for _, name in plan.addresses}
    return (row for row in found if row.id in names)


def count(connection: sqlite3.Connection, scope: RowScope, plan: Plan) -> int:
    statement = _COUNT_ALL if scope.key is None else _COUNT_ONE
    found = _run(connection, scope, statement, _parameters(scope, plan, None))
    return int(found.fetchone()[0])


def _run(
    connection: sqlite3.Connection, scope: RowScope, statement: str, values: dict[str, object]
) -> sqlite3.Cursor:
    if scope.horizon is None:
        return connection.execute(statement, values)
    values["horizon"] = scope.horizon
    return connection.execute(statement.replace(" FROM items", _EARLIER), values)


def _parameters(scope: RowScope, plan: Plan, after: tuple[Key, str] | None) -> dict[str, object]:
    after_key, after_id = after or (b"", "")
    return {
        "container": scope.container,
        "key": scope.key,
        "id_from": plan.id_from,
        "id_before": plan.id_before,
        "after_key": after_key,
        "after_id": after_id,
        "now": scope.now,
        "epk_minimum": scope.epk_minimum,
        "epk_maximum": scope.epk_maximum,
    }


def _scan(
    connection: sqlite3.Connection,
    scope: RowScope,
    plan: Plan,
    after: tuple[Key, str] | None,
    *,
    descending: bool,
) -> Iterator[Row]:
    parameters = _parameters(scope, plan, after)
    if scope.key is None:
        statement = _SELECT_ALL
    elif descending:
        statement = _SELECT_ONE_BACKWARDS
        if after is not None:
            parameters["id_before"] = min(plan.id_before, after[1])
    else:
        statement = _SELECT_ONE
        if after is not None:
            parameters["id_from"] = max(plan.id_from, after[1] + "\0")
    return map(Row._make, _run(connection, scope, statement, parameters))


def _listed(
    connection: sqlite3.Connection,
    scope: RowScope,
    addresses: list[Address],
    after: tuple[Key, str] | None,
    *,
    descending: bool,
) -> Iterator[Row]:
    statement = _SELECT_LISTED_BACKWARDS if descending else _SELECT_LISTED
    addresses.sort(key=lambda address: address[0] or b"")
    for key, group in groupby(addresses, itemgetter(0)):
        if after is not None and key is not None and key < after[0]:
            continue
        names = [name for _, name in group]
        if after is not None and key == after[0]:
            names = [n for n in names if (n < after[1] if descending else n > after[1])]
        parameters: dict[str, object] = {
            "container": scope.container,
            "key": key,
            "ids": msgspec.json.encode(names).decode(),
            "now": scope.now,
            "epk_minimum": scope.epk_minimum,
            "epk_maximum": scope.epk_maximum,
        }
        yield from map(Row._make, _run(connection, scope, statement, parameters))
