"""What a document must be, and the system properties it gains.

Guarantee: the user's JSON is stored byte for byte, except for numbers that the service would write
otherwise; system properties are added on the way out. Properties a client echoes from an earlier
read are removed first, as the service does.
"""

import re
from functools import lru_cache
from typing import Any

import msgspec

from emulators.cosmos import numbers, partition_keys, rids
from emulators.cosmos.catalogue import Container
from emulators.cosmos.definitions import TTL_SECONDS_MAX
from emulators.cosmos.errors import PARTITION_KEY_MISMATCH, Refused
from emulators.cosmos.storage import NEVER

DOCUMENT_BYTES_MAX = 2 * 1024 * 1024
ID_BYTES_MAX = 1023
DEPTH_MAX = 128
"""Levels of objects and lists ("Azure Cosmos DB service quotas")."""
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)

_SYSTEM = ("_rid", "_self", "_etag", "_attachments", "_ts", "_lsn")
_NOT_IN_PATH = frozenset("/\\?#")
_ESCAPED = re.compile("%[0-9A-Fa-f]{2}")

_ABSENT = msgspec.UNSET
_NO_SYSTEM = (_ABSENT,) * len(_SYSTEM)


class Incoming(msgspec.Struct, frozen=True):
    """A checked document on its way in."""

    id: str
    key: partition_keys.Key
    ttl: int | None
    body: bytes
    paths_indexed: int


@lru_cache(maxsize=1024)
def _head(first: str) -> tuple[int, msgspec.json.Decoder[msgspec.Struct]]:
    """Decoder of the few members that decide where a document goes; the rest is only checked.

    `first` is the first name of the partition key path. The decoded fields are id, ttl, the system
    properties and, at the returned position, `first`.
    """
    names = tuple(dict.fromkeys(("id", "ttl", *_SYSTEM, first)))
    fields = [(f"m{index}", Any, _ABSENT) for index, _ in enumerate(names)]
    rename = {field[0]: name for field, name in zip(fields, names, strict=True)}
    head = msgspec.defstruct("Head", fields, rename=rename)
    return names.index(first), msgspec.json.Decoder(head)


def parse(raw: bytes | msgspec.Raw, container: Container) -> Incoming:
    """Checks a document body against its container."""
    body = bytes(raw).strip()
    _check_depth(body)
    definition = container.definition
    first_at, decoder = _head(definition.key_path[0])
    try:
        members = msgspec.structs.astuple(decoder.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(
            400, "The request payload is invalid. Ensure to provide a valid request payload."
        ) from None
    if members[2 : 2 + len(_SYSTEM)] != _NO_SYSTEM:
        body = _without_system(body)
    if len(body) > DOCUMENT_BYTES_MAX:
        raise Refused(413, f"The document is larger than {DOCUMENT_BYTES_MAX} bytes.")
    body = numbers.as_stored(body)
    indexing = definition.indexing
    paths = 0
    if indexing.everything or indexing.included:
        paths = indexing.paths_indexed(msgspec.json.decode(body))
    return Incoming(
        id=check_id(members[0]),
        key=partition_keys.from_member(members[first_at], definition.key_path[1:]),
        ttl=_ttl(members[1]),
        body=body,
        paths_indexed=paths,
    )


def _check_depth(body: bytes) -> None:
    """400 for what is nested deeper than the service takes; no decoder comes that far."""
    if body.count(b"{") + body.count(b"[") <= DEPTH_MAX:
        return
    depth = 0
    for token in _BRACKETS.finditer(body):
        depth += token[0] in (b"{", b"[")
        depth -= token[0] in (b"}", b"]")
        if depth > DEPTH_MAX:
            raise Refused(400, f"The document is nested deeper than {DEPTH_MAX} levels.")


def _without_system(body: bytes) -> bytes:
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    kept = {name: value for name, value in members.items() if name not in _SYSTEM}
    return msgspec.json.encode(kept)


def check_id(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Refused(400, "A document needs an id that is a non-empty string.")
    if len(value.encode()) > ID_BYTES_MAX:
        raise Refused(400, f"A document id may hold {ID_BYTES_MAX} bytes.")
    return value


def check_path(item_id: str) -> None:
    """401 or 404 for an id that no path leads to: the gateway decodes a path once more than the
    client encoded it, and then checks the signature. A query, or a batch, still finds it."""
    if _ESCAPED.search(item_id):
        raise Refused(
            401,
            "The input authorization token can't serve the request. The wrong key is being used or"
            " the expected payload is not built as per the protocol.",
        )
    if item_id in (".", "..") or not _NOT_IN_PATH.isdisjoint(item_id):
        raise Refused(404, "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found")


def check_key(incoming: Incoming, key: partition_keys.Key) -> None:
    """400/1001 unless the document belongs where the request header says."""
    if incoming.key != key:
        raise Refused(
            400,
            "The partition key in the document does not match the one in the request header.",
            substatus=PARTITION_KEY_MISMATCH,
        )


def expiry(ttl: int | None, ts: int, default: int | None) -> int:
    """Second from which the document is gone; NEVER where it stays.

    An item's own time to live counts only if the container has a default; -1 means for ever.
    """
    if default is None:
        return NEVER
    seconds = default if ttl is None else ttl
    return NEVER if seconds < 0 else ts + seconds


def outgoing(
    container: Container, body: bytes, number: int, etag: str, ts: int, lsn: int | None = None
) -> bytes:
    """The document as clients see it; `lsn` only in the change feed."""
    rid = rids.item(container.database_number, container.number, number).encode()
    tail = b"" if lsn is None else b',"_lsn":%d' % lsn
    return (
        b'%b,"_rid":"%b","_self":"%b%b/","_etag":"\\"%b\\"","_attachments":"attachments/","_ts":%d%b}'
        % (body[:-1], rid, container.item_prefix, rid, etag.encode(), ts, tail)
    )


def _ttl(value: Any) -> int | None:
    if value is _ABSENT:
        return None
    if type(value) is not int or not (value == -1 or 1 <= value <= TTL_SECONDS_MAX):
        raise Refused(400, "ttl must be -1 or a positive number of seconds.")
    return value
