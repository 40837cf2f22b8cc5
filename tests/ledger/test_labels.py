"""Names are bounded and normalized once, so that one name is one measure."""

import re
from hashlib import sha256
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.ledger.labels import (
    bounded_id,
    digest,
    in_id,
    is_cut,
    label,
    underscored,
)
from processors.labels import chapter_and_verse, cited_in_text, source_label
from tests.oracle.citations import read_citation
from tests.oracle.citations import source_label as oracle_source_label
from tests.oracle.view_ids import encoded, shortened

words = st.text(alphabet="aB é道0_-.:/ \t²", max_size=12)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("duty", "duty"),
        (" duty ", " duty "),
        ("", "unknown"),
        (None, "unknown"),
        ("t" * 128, "t" * 128),
        ("t" * 129, "unknown"),
    ],
)
def test_labels_are_kept_as_written_up_to_128_characters(written: str | None, shown: str) -> None:
    assert shown == label(written)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Bhagavad Gita", "bhagavad_gita"),
        ("  bhagavad-gita as it is. ", "bhagavad_gita"),
        ("Bhagavad_Gita__AS it IS", "bhagavad_gita"),
        ("bhagavad_gita_as_it_was", "bhagavad_gita_as_it_was"),
        ("道德經 — 老子", "道德經_老子"),
        ("Ünïcode!", "ünïcode"),
        ("_a_", "a"),
        ("?#", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
        ("s" * 128, "s" * 128),
        ("s" * 129, "unknown"),
    ],
)
def test_sources_have_one_canonical_name(written: str | None, name: str) -> None:
    assert name == source_label(written)


@given(st.text(max_size=20))
def test_sources_are_named_as_the_oracle_names_them(written: str) -> None:
    assert oracle_source_label(written) == source_label(written)


@given(st.text(max_size=20))
def test_a_canonical_name_stays_what_it_is(written: str) -> None:
    name = source_label(written)

    assert name == source_label(name)


def test_models_keep_their_case() -> None:
    assert underscored("-X-model_X-") == "X_model_X"
    assert underscored("anthropic/Claude-3.7--sonnet!") == "anthropic_Claude_3_7_sonnet"


@pytest.mark.parametrize(
    ("chapter", "verse", "expected"),
    [
        ("2", "47", ("2", "47")),
        (" 2 ", " 47 ", ("2", "47")),
        (None, "47", (None, "47")),
        ("2", None, ("2", None)),
        ("", "", (None, None)),
        ("9", "Bg. 2.47", ("2", "47")),
        (None, "Bg 2:47", ("2", "47")),
        ("9", "Bg.\N{NO-BREAK SPACE}2.47", ("2", "47")),
        ("9", "Bg. 2.47.1", ("2", "47.1")),
        ("9", "BG 16-18", ("9", "16-18")),
        ("9", "Abcde. 1.2", ("1", "2")),
        ("9", "Abcdef. 1.2", ("9", "Abcdef. 1.2")),
        ("9", "Bg.2.47", ("2", "47")),
        ("9", "Bg2:47", ("2", "47")),
        ("9", "Bg. 2", ("9", "2")),
        ("9", "Bg. 2.47a", ("9", "Bg. 2.47a")),
        ("9", "Bg. .47", ("9", "Bg. .47")),
        ("9", "Bg.-2", ("9", "Bg.-2")),
        ("9", "Bg. 2.", ("2", None)),
        ("Ch. 2", "47", ("2", "47")),
        ("Ch 2.5", "47", ("2.5", "47")),
        ("Ch2.5", "", ("2", "5")),
        ("Bg. 2:47", None, ("2", "47")),
        ("Bg. 2", None, ("2", None)),
        ("Bg. 2", "Bg. 3.4", ("3", "4")),
        ("2.47", None, ("2.47", None)),
        ("é. 2", "47", ("é. 2", "47")),
        ("2", "2.47", ("2", "2.47")),
    ],
)
def test_a_leading_abbreviation_is_cut(
    chapter: str | None, verse: str | None, expected: tuple[str | None, str | None]
) -> None:
    assert expected == chapter_and_verse(chapter, verse)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bhagavad Gita 2.47", ("bhagavad_gita", "2", "47")),
        ("Dhammapada 1:5", ("dhammapada", "1", "5")),
        ("Srimad Bhagavatam 1.2.6", ("srimad_bhagavatam", "1", "2.6")),
        ("Meditations 5", ("meditations", "5", None)),
        ("Meditations 5.16-18", ("meditations", "5", "16-18")),
        ("  dhammapada   1.5 ", ("dhammapada", "1", "5")),
        ("Tao Te Ching", ("tao_te_ching", None, None)),
        ("2.47", ("unknown", "2", "47")),
        ("Chapter v12", ("chapter_v12", None, None)),
        ("", ("unknown", None, None)),
        ("   ", ("unknown", None, None)),
        ("Gita 2.", ("gita", "2", None)),
        ("Gita ²4", ("gita_²4", None, None)),
        ("Gita 2:v47", ("gita", "2", "47")),
        ("Bg.2.47", ("bg_2_47", None, None)),
    ],
)
def test_a_citation_as_text_ends_with_its_place(
    text: str, expected: tuple[str, str | None, str | None]
) -> None:
    assert expected == cited_in_text(text)


@given(st.lists(st.sampled_from(("Gita", "Bg.", "2.47", "5", "道", "1:2.3", " ")), max_size=4))
def test_citations_as_text_are_read_as_the_oracle_reads_them(parts: list[str]) -> None:
    text = " ".join(parts)
    expected = read_citation(text, "")
    source, chapter, verse = cited_in_text(text)

    assert (expected.source, expected.chapter, expected.verse) == (
        source,
        label(chapter),
        label(verse),
    )


@given(words, words, words)
def test_citations_as_objects_are_read_as_the_oracle_reads_them(
    source: str, chapter: str, verse: str
) -> None:
    expected = read_citation({"source": source, "chapter": chapter, "verse": verse}, "")
    read_chapter, read_verse = chapter_and_verse(chapter, verse)

    assert (expected.source, expected.chapter, expected.verse) == (
        source_label(source),
        label(read_chapter),
        label(read_verse),
    )


def test_ids_escape_exactly_what_they_cannot_carry() -> None:
    assert in_id("a/b\\c?d#e%f~g") == "a~2Fb~5Cc~3Fd~23e~25f~7Eg"
    assert in_id("\t\r\n\0\x7f\x80\x9f\xa0") == "~09~0D~0A~00~7F~C2~80~C2~9F\xa0"
    assert in_id("plain é &+ 道 .:'") == "plain é &+ 道 .:'"


@given(st.text(max_size=30))
def test_what_an_id_carries_can_be_told_from_what_is_escaped(name: str) -> None:
    back = re.sub("(~[0-9A-F]{2})+", lambda one: unquote(one[0].replace("~", "%")), in_id(name))

    assert name == back
    assert encoded(name) == in_id(name)


def test_an_id_that_is_too_long_is_cut_at_a_character_and_ends_in_a_digest() -> None:
    longest, longer = "é" * 500, "a" + "é" * 500

    assert longest == bounded_id(longest)
    cut = bounded_id(longer)
    assert cut == "a" + "é" * 479 + "~~" + sha256(longer.encode()).hexdigest()[:32]
    assert (is_cut(cut), is_cut(longest)) == (True, False)
    assert not is_cut(in_id("a" + "~" + "0" * 40))


@given(st.text(alphabet="aé道😀/~", min_size=200, max_size=700))
def test_ids_are_cut_as_the_oracle_cuts_them(name: str) -> None:
    cut = bounded_id(in_id(name))

    assert shortened(encoded(name)) == cut
    assert len(cut.encode()) <= 1_000


@given(st.lists(st.text(max_size=6), max_size=3), st.lists(st.text(max_size=6), max_size=3))
def test_a_digest_tells_different_parts_apart(left: list[str], right: list[str]) -> None:
    assert (left == right) == (digest(*left) == digest(*right))


def test_a_digest_is_short_stable_and_takes_any_text() -> None:
    assert digest("ada", "lovelace") == "700214e28514990fa93b5c3cf74fa016"
    assert len(digest("\ud800")) == 32
