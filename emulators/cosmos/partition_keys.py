"""From a partition key value to the physical partition that owns it.

Guarantee: `effective` agrees with the SDK's own routing (hash version 2), so a document lands in
the range in which the SDK will look for it.
"""

import struct
from itertools import pairwise
from typing import Any

import mmh3
import msgspec

from emulators.cosmos.errors import PARTITION_KEY_MISMATCH, Refused

EPK_MINIMUM = ""
EPK_MAXIMUM = "FF"

# The two top bits of every hash are cleared, so hashes fill [0, 0x40 << 120).
_HASH_SPACE = 0x40 << 120

_KEY_BYTES_MAX = 2048
_CACHE_ENTRIES_MAX = 100_000

Key = bytes
"""A partition key value as the bytes that are hashed: equal values give equal bytes."""

UNDEFINED_KEY: Key = b"\x00"

_effective: dict[Key, str] = {}


def encode(value: object) -> Key:
    """The hashed form of one value: a type byte, then the payload."""
    match value:
        case None:
            return b"\x01"
        case True:
            return b"\x03"
        case False:
            return b"\x02"
        case str():
            payload = value.encode()
            if len(payload) > _KEY_BYTES_MAX:
                raise Refused(400, f"A partition key value may hold {_KEY_BYTES_MAX} bytes.")
            return b"\x08" + payload + b"\xff"
        case int() | float():
            return b"\x05" + struct.pack("<d", float(value))
        case _:
            raise Refused(400, "A partition key value must be a string, number, boolean or null.")


def effective(key: Key) -> str:
    """Effective partition key: 32 hex digits that order the logical partitions."""
    known = _effective.get(key)
    if known is None:
        digest = bytearray(reversed(mmh3.mmh3_x64_128_digest(key, 0)))
        digest[0] &= 0x3F
        known = digest.hex().upper()
        if len(_effective) >= _CACHE_ENTRIES_MAX:
            _effective.clear()
        _effective[key] = known
    return known


def from_header(header: str) -> Key:
    """The key in `x-ms-documentdb-partitionkey`, a JSON array of one value."""
    try:
        values = msgspec.json.decode(header.encode())
    except msgspec.DecodeError:
        raise Refused(400, "The partition key header is not a JSON array.") from None
    if not isinstance(values, list) or len(values) != 1:
        raise Refused(
            400,
            "The partition key header must hold exactly one value for this container.",
            substatus=PARTITION_KEY_MISMATCH,
        )
    return UNDEFINED_KEY if values[0] == {} else encode(values[0])


def from_member(value: Any, rest: tuple[str, ...]) -> Key:
    """The key below a document's member, following the rest of the partition key path.

    `value` is msgspec.UNSET where the document has no such member.
    """
    for name in rest:
        if not isinstance(value, dict) or name not in value:
            return UNDEFINED_KEY
        value = value[name]
    return UNDEFINED_KEY if value is msgspec.UNSET else encode(value)


def equal_ranges(count: int) -> list[tuple[str, str]]:
    """`count` adjacent ranges of the same width that cover every hash."""
    cuts = [f"{_HASH_SPACE * i // count:032X}" for i in range(1, count)]
    edges = [EPK_MINIMUM, *cuts, EPK_MAXIMUM]
    return list(pairwise(edges))


def _edges(minimum: str, maximum: str) -> tuple[int, int]:
    low = int(minimum, 16) if minimum else 0
    high = _HASH_SPACE if maximum == EPK_MAXIMUM else int(maximum, 16)
    return low, high


def width(minimum: str, maximum: str) -> int:
    """How many hashes lie between two range edges."""
    low, high = _edges(minimum, maximum)
    return high - low


def middle(minimum: str, maximum: str) -> str:
    """The hash halfway between two range edges, where a split cuts."""
    low, high = _edges(minimum, maximum)
    return f"{(low + high) // 2:032X}"
