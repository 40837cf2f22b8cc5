"""What one element of `foundational_texts_used` cites."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.oracle.values import (
    UNKNOWN,
    Fields,
    Invalid,
    exact_number,
    is_unicode,
    label,
    plain_decimals,
)

ALIASES = {"bhagavad_gita_as_it_is": "bhagavad_gita"}

_ABBREVIATED = re.compile(r"[A-Za-z]{1,5}\.?\s*(?P<rest>[0-9][0-9.:\-]*)")


@dataclass(frozen=True)
class Citation:
    source: str
    chapter: str
    verse: str
    relevance: Fraction | None
    complete: bool
    """It has a chapter, a verse and a citation text."""

    @property
    def content_id(self) -> str:
        return f"{self.source}_{self.chapter}_{self.verse}"

    @property
    def verse_label(self) -> str:
        return f"{self.chapter}.{self.verse}"


def read_citation(element: Any, path: str) -> Citation:
    if isinstance(element, str):
        if not is_unicode(element):
            raise Invalid(path)
        return _from_text(element)
    if not isinstance(element, dict):
        raise Invalid(path)
    fields = Fields(element, path)
    chapter, verse = _chapter_and_verse(_place(fields, "chapter"), _place(fields, "verse"))
    citation_text = fields.text("citation_text")
    return Citation(
        source=source_label(fields.name("source") or ""),
        chapter=label(chapter),
        verse=label(verse),
        relevance=fields.score("relevance_score"),
        complete=None not in (chapter, verse, citation_text),
    )


def source_label(text: str) -> str:
    """Trimmed, lower-cased, non-alphanumeric runs to one underscore, aliases resolved."""
    characters = [c if c.isalnum() else " " for c in text.strip().lower()]
    name = "_".join("".join(characters).split()) or UNKNOWN
    return label(ALIASES.get(name, name))


def _from_text(text: str) -> Citation:
    """`Bhagavad Gita 2.47`: the last word is the place when it starts with a digit."""
    words = text.split()
    chapter = verse = None
    source = text
    if words and words[-1][0] in "0123456789":
        source = text.rstrip().removesuffix(words[-1])
        chapter, verse = _chapter_and_verse(*_split_at_first_mark(words[-1]))
    return Citation(source_label(source), label(chapter), label(verse), None, complete=False)


def _place(fields: Fields, name: str) -> str | None:
    """A chapter or verse as trimmed text; a number in plain decimals: 2, 2.5."""
    number = exact_number(fields.raw(name))
    if number is not None:
        return plain_decimals(number)
    return (fields.name(name) or "").strip() or None


def _chapter_and_verse(chapter: str | None, verse: str | None) -> tuple[str | None, str | None]:
    """Leading abbreviations cut; `Bg. 2.47` as the verse names its own chapter, and as the chapter
    of a citation without a verse its own verse."""
    if chapter is not None and (match := _ABBREVIATED.fullmatch(chapter)):
        if verse is None:
            return _split_at_first_mark(match["rest"])
        chapter = match["rest"]
    if verse is not None and (match := _ABBREVIATED.fullmatch(verse)):
        verse = match["rest"]
        if re.search("[.:]", verse):
            chapter, verse = _split_at_first_mark(verse)
    return chapter, verse


def _split_at_first_mark(place: str) -> tuple[str | None, str | None]:
    chapter, *verse = re.split("[.:]", place, maxsplit=1)
    return chapter or None, "".join(verse) or None
