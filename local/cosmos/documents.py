"""What a document must be, and the system properties it gains.

Guarantee: the user's JSON is stored byte for byte, system properties are added on the way out, so
what a client sent is what it reads back. Properties a client echoes from an earlier read are
removed first, as the service does.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from local.cosmos import partition_keys, rids
from local.cosmos.catalogue import Container
from local.cosmos.definitions import TTL_SECONDS_MAX
from local.cosmos.errors import PARTITION_KEY_MISMATCH, Refused
from local.cosmos.storage import NEVER

DOCUMENT_BYTES_MAX = 2 * 1024 * 1024
ID_BYTES_MAX = 1023

_SYSTEM = frozenset(("_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"))
_FORBIDDEN_IN_ID = frozenset("/\\?#")

# Shallow: nested values stay bytes, which is all that storing a document needs.
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Incoming:
    """A checked document on its way in."""

    id: str
    key: partition_keys.Key
    ttl: int | None
    body: bytes
    paths_indexed: int


def parse(raw: bytes | msgspec.Raw, container: Container) -> Incoming:
    """Checks a document body against its container."""
    body = bytes(raw).strip()
    try:
        members = _members.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(400, "The request body is not a JSON object.") from None
    if not _SYSTEM.isdisjoint(members):
        kept = {name: value for name, value in members.items() if name not in _SYSTEM}
        body = msgspec.json.encode(kept)
        members = _members.decode(body)
    if len(body) > DOCUMENT_BYTES_MAX:
        raise Refused(413, f"The document is larger than {DOCUMENT_BYTES_MAX} bytes.")
    definition = container.definition
    indexing = definition.indexing
    paths = 0
    if indexing.everything or indexing.included:
        paths = indexing.paths_indexed(msgspec.json.decode(body))
    return Incoming(
        id=_id(members),
        key=partition_keys.from_document(dict(members), definition.key_path),
        ttl=_ttl(members),
        body=body,
        paths_indexed=paths,
    )


def check_id(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Refused(400, "A document needs an id that is a non-empty string.")
    if not _FORBIDDEN_IN_ID.isdisjoint(value):
        raise Refused(400, "A document id may not hold any of / \\ ? #.")
    if len(value.encode()) > ID_BYTES_MAX:
        raise Refused(400, f"A document id may hold {ID_BYTES_MAX} bytes.")
    return value


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


def _id(members: dict[str, msgspec.Raw]) -> str:
    raw = members.get("id")
    return check_id(None if raw is None else msgspec.json.decode(raw))


def _ttl(members: dict[str, msgspec.Raw]) -> int | None:
    raw = members.get("ttl")
    if raw is None:
        return None
    value: Any = msgspec.json.decode(raw)
    if type(value) is not int or not (value == -1 or 1 <= value <= TTL_SECONDS_MAX):
        raise Refused(400, "ttl must be -1 or a positive number of seconds.")
    return value
