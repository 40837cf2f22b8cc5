"""Labels: names that documents give to things, bounded, and safe in the ids of our documents."""

import re
from hashlib import blake2b, sha256

UNKNOWN = "unknown"
LABEL_CHARACTERS_MAX = 128

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_UNSAFE_IN_IDS = re.compile(r"[\x00-\x1f\x7f-\x9f/\\?#%~]")
_ID_BYTES_MAX, _ID_BYTES_KEPT = 1_000, 960
"""Cosmos DB takes ids of 1 023 bytes."""
_CUT = re.compile(r"~~[0-9a-f]{32}")


def label(text: str | None) -> str:
    """The text as a label: absent or longer than 128 characters becomes `unknown`."""
    return text if text and len(text) <= LABEL_CHARACTERS_MAX else UNKNOWN


def underscored(text: str) -> str:
    """Runs of non-alphanumerics (Unicode) as one `_`, none at either end."""
    return _NOT_ALPHANUMERIC.sub("_", text).strip("_")


def in_id(text: str) -> str:
    """The text as part of a document id: what an id cannot safely carry as `~` and two hex digits
    for each UTF-8 byte, all else raw.

    Azure Cosmos DB refuses `/ \\ ? #`; its SDK refuses tabs and line ends; and an id with `%XX` can
    be created, but neither read nor replaced through the gateway (views.md, section 1).
    """
    return _UNSAFE_IN_IDS.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"~{byte:02X}" for byte in match[0].encode())


def bounded_id(document_id: str) -> str:
    """The id itself; of one above 1 000 bytes the beginning and a digest of the whole."""
    encoded = document_id.encode()
    if len(encoded) <= _ID_BYTES_MAX:
        return document_id
    return f"{encoded[:_ID_BYTES_KEPT].decode(errors='ignore')}~~{sha256(encoded).hexdigest()[:32]}"


def is_cut(document_id: str) -> bool:
    """Whether `bounded_id` has cut this id. No escape begins with `~~`."""
    return _CUT.fullmatch(document_id[-34:]) is not None


def digest(*parts: str) -> str:
    """A short stable name (128 bits, hexadecimal) for parts that may be long or sensitive."""
    joined = "\0".join([f"{len(part)}:{part}" for part in parts])
    return blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
