"""Labels of citations: the names that documents give to texts, chapters and verses.

Normalized here once, so that the same name always means the same measure (views.md, section 1,
"Citations").
"""

import re
from functools import lru_cache

from cosmos_views.ledger.labels import label, underscored

SOURCE_ALIASES = {"bhagavad_gita_as_it_is": "bhagavad_gita"}
"""Normalized source name → the name it counts under. Part of the definition version."""

_ABBREVIATED = re.compile(r"[A-Za-z]{1,5}\.?\s*([0-9][0-9.:\-]*)")
_SEPARATOR = re.compile(r"[.:]")
_DIGITS = frozenset("0123456789")


@lru_cache(maxsize=4096)
def source_label(text: str | None) -> str:
    """The canonical name of a cited source."""
    name = underscored((text or "").strip().lower())
    return label(SOURCE_ALIASES.get(name, name))


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
