"""Labels: the names that documents give to sources, chapters, verses, models, topics.

Bounded and normalized here once, so that the same name always means the same measure
(views.md, section 1, "Values" and "Citations").
"""

import re
from functools import lru_cache
from hashlib import blake2b, sha256

UNKNOWN = "unknown"
LABEL_CHARACTERS_MAX = 128

SOURCE_ALIASES = {"bhagavad_gita_as_it_is": "bhagavad_gita"}
"""Normalized source name → the name it counts under. Part of the definition version."""

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_ABBREVIATED = re.compile(r"[A-Za-z]{1,5}\.?\s*([0-9][0-9.:\-]*)")
_SEPARATOR = re.compile(r"[.:]")
_DIGITS = frozenset("0123456789")
_UNSAFE_IN_IDS = re.compile(r"[\x00-\x1f\x7f-\x9f/\\?#%~]")
_ID_BYTES_MAX, _ID_BYTES_KEPT = 1_000, 960
"""Cosmos DB takes ids of 1 023 bytes."""
_CUT = re.compile(r"~~[0-9a-f]{32}")


def label(text: str | None) -> str:
    """The text as a label: absent or longer than 128 characters becomes `unknown`."""
    return text if text and len(text) <= LABEL_CHARACTERS_MAX else UNKNOWN


@lru_cache(maxsize=4096)
def source_label(text: str | None) -> str:
    """The canonical name of a cited source."""
    name = underscored((text or "").strip().lower())
    return label(SOURCE_ALIASES.get(name, name))


def underscored(text: str) -> str:
    """Runs of non-alphanumerics (Unicode) as one `_`, none at either end."""
    return _NOT_ALPHANUMERIC.sub("_", text).strip("_")


@lru_cache(maxsize=8192)
def chapter_and_verse(chapter: str | None, verse: str | None) -> tuple[str | None, str | None]:
    """Chapter and verse of a citation, without a leading abbreviation; None where absent.

    `Bg. 2.47` as a verse names both, whatever the chapter said; as a chapter, if there is no verse.
    """
    chapter = (chapter or "").strip()
    verse = (verse or "").strip()
    if abbreviated := _ABBREVIATED.fullmatch(chapter):
        chapter = abbreviated[1]
        if not verse:
            chapter, *rest = _SEPARATOR.split(chapter, maxsplit=1)
            return chapter or None, "".join(rest) or None
    if abbreviated := _ABBREVIATED.fullmatch(verse):
        verse = abbreviated[1]
        if _SEPARATOR.search(verse):
            chapter, verse = _SEPARATOR.split(verse, maxsplit=1)
    return chapter or None, verse or None


@lru_cache(maxsize=4096)
def cited_in_text(text: str) -> tuple[str, str | None, str | None]:
    """(source, chapter, verse) of a citation written as text, like `Bhagavad Gita 2.47`."""
    words = text.split()
    if not words or words[-1][0] not in _DIGITS:
        return source_label(text), None, None
    chapter, *verse = _SEPARATOR.split(words[-1], maxsplit=1)
    return source_label(" ".join(words[:-1])), *chapter_and_verse(chapter, *verse or [None])


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
