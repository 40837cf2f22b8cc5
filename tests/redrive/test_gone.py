"""The source is gone: the letter's own document is used, for the version that died and no other."""

import msgspec
import pytest

from tests.oracle import SourceDocument, compute_views
from tests.redrive.conftest import CORRELATION, dies_of_a_defect, letters, redrive_all, standing
from tests.worker.ground import (
    INTERACTIONS,
    Document,
    Ground,
    assert_state_is_sound,
    deliver,
    kept_views,
    publish_until_done,
)
from tests.worker.stories import interaction

LONG = "x" * 200
RICH = interaction(
    "a",
    user_query="xyzzy",
    response_text="plugh",
    session_id="s1",
    personality="krishna",
    query_metadata={"query_category": LONG},
    user_feedback={"accurate": True, "comment": "xyzzy"},
    foundational_texts_used=[
        {"source": "Bhagavad Gita", "chapter": 2, "verse": "47", "citation_text": "xyzzy"},
        "Upanishads 1.1",
    ],
)


def vanishes(ground: Ground, *documents: Document) -> None:
    for one in documents:
        ground.container(INTERACTIONS).delete_item(one["id"], one.get("user_id"))


def assert_views_are_as_of(ground: Ground, *documents: Document) -> None:
    """The oracle, asked of documents that the source no longer has."""
    worker = ground.worker()
    publish_until_done(ground, worker)
    expected = compute_views(
        [SourceDocument(INTERACTIONS, one) for one in documents],
        now_seconds=worker.publisher.now_ms() // 1_000,
        views=kept_views(),
    )
    assert expected == ground.views()
    assert_state_is_sound(ground)


@pytest.mark.parametrize("user", ["ada", "u" * 300], ids=["short", "long"])
def test_the_letter_counts_exactly_as_the_document_would_have(ground: Ground, user: str) -> None:
    shown = dies_of_a_defect(ground, RICH | {"user_id": user})
    vanishes(ground, *shown)

    assert redrive_all(ground) == {"a": "redriven"}

    assert_views_are_as_of(ground, *shown)
    (entry,) = ground.state("e:")
    assert (shown[0]["_etag"], shown[0]["_lsn"]) == (entry["etag"], entry["lsn"])


def test_a_newer_version_that_was_decided_is_never_overwritten(ground: Ground) -> None:
    dies_of_a_defect(ground, interaction("a", response_time_ms=1))
    ground.later()
    newer = ground.write(INTERACTIONS, interaction("a", response_time_ms=2))
    deliver(ground.worker(), INTERACTIONS, newer)
    vanishes(ground, *newer)

    assert redrive_all(ground) == {"a": "superseded"}

    assert_views_are_as_of(ground, *newer)


def test_a_soft_delete_decided_since_is_never_undone(ground: Ground) -> None:
    dies_of_a_defect(ground, interaction("a"))
    ground.later()
    newer = ground.write(INTERACTIONS, interaction("a", is_deleted=True))
    deliver(ground.worker(), INTERACTIONS, newer)
    vanishes(ground, *newer)

    assert redrive_all(ground) == {"a": "superseded"}

    assert_views_are_as_of(ground, *newer)


def test_what_the_ledger_has_forgotten_is_not_counted_from_a_letter(ground: Ground) -> None:
    """A newer version may have been counted and its entry have expired: it must not count twice."""
    shown = dies_of_a_defect(ground, interaction("a"))
    vanishes(ground, *shown)
    (entry,) = ground.state("e:")
    ground.container("state").delete_item(entry["id"], entry["pk"])

    assert redrive_all(ground) == {"a": "superseded"}

    assert ground.state("e:") == []
    assert_views_are_as_of(ground)


def test_a_malformed_value_is_not_in_the_letter_so_nothing_can_be_done(ground: Ground) -> None:
    shown = ground.write(INTERACTIONS, interaction("a", user_feedback={"accurate": "yes"}))
    deliver(ground.worker(), INTERACTIONS, shown)
    vanishes(ground, *shown)

    assert redrive_all(ground) == {"a": "superseded"}

    (letter,) = letters(ground)
    assert "does not hold enough" in letter.resolution
    assert_views_are_as_of(ground)


def test_a_truncated_letter_is_not_taken_for_the_whole_document(ground: Ground) -> None:
    """It would count the citations that happened to fit."""
    cited = [{"source": f"{number:04}{'s' * 100}", "chapter": "1"} for number in range(900)]
    shown = dies_of_a_defect(ground, interaction("a", foundational_texts_used=cited))
    (letter,) = letters(ground)
    assert letter.truncated
    assert 100 < len(letter.document["foundational_texts_used"]) < 900
    vanishes(ground, *shown)

    assert redrive_all(ground) == {"a": "superseded"}

    assert "does not hold enough" in letters(ground)[0].resolution
    assert_views_are_as_of(ground)


def test_a_timer_ends_a_truncated_letter_whose_source_is_gone(ground: Ground) -> None:
    cited = [{"source": f"{number:04}{'s' * 100}", "chapter": "1"} for number in range(900)]
    body = interaction("a", foundational_texts_used=cited, response_time_ms=-1)
    shown = ground.write(INTERACTIONS, body)
    worker = ground.worker()
    deliver(worker, INTERACTIONS, shown)
    vanishes(ground, *shown)

    worker.redriver.run({})

    assert standing(ground) == {"a": "superseded"}


def test_an_invalid_letter_stays_as_safe_as_it_was(ground: Ground) -> None:
    shown = ground.write(INTERACTIONS, RICH | {"response_time_ms": -1})
    deliver(ground.worker(), INTERACTIONS, shown)
    (first,) = letters(ground)
    vanishes(ground, *shown)

    assert redrive_all(ground) == {"a": "still failing"}

    (again,) = letters(ground)
    assert (first.document, first.id, 2) == (again.document, again.id, again.attempts)
    assert standing(ground) == {"a": "pending"}


def test_a_letter_whose_user_is_not_shown_counts_for_nobody_else(ground: Ground) -> None:
    shown = dies_of_a_defect(ground, interaction("a", user_id=None, userId="u" * 300))
    vanishes(ground, *shown)
    (letter,) = letters(ground)

    redriven = ground.worker().redriver.redrive(letter, CORRELATION)

    assert redriven.outcome == "superseded"
    assert_views_are_as_of(ground)


def test_one_reading_that_misses_the_document_does_not_make_it_gone(ground: Ground) -> None:
    shown = ground.write(INTERACTIONS, interaction("a", response_time_ms="fast"))
    worker = ground.worker()
    deliver(worker, INTERACTIONS, shown)
    sources = worker.processors[INTERACTIONS].outside.sources
    read = sources.read
    lagging = iter([None])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "read", lambda *asked: next(lagging, read(*asked)))

        assert redrive_all(ground, worker) == {"a": "still failing"}


def test_one_reading_of_an_older_version_does_not_supersede_the_letter(ground: Ground) -> None:
    """Found by seeds 471 and 1504 of the simulation."""
    older = ground.write(INTERACTIONS, interaction("a", response_time_ms=1))
    ground.later()
    shown = ground.write(INTERACTIONS, interaction("a", response_time_ms="fast"))
    worker = ground.worker()
    deliver(worker, INTERACTIONS, shown)
    sources = worker.processors[INTERACTIONS].outside.sources
    read = sources.read
    lagging = iter([msgspec.json.encode(older[0])])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "read", lambda *asked: next(lagging, read(*asked)))

        assert redrive_all(ground, worker) == {"a": "still failing"}
    assert standing(ground) == {"a": "pending"}


def test_a_letter_erased_meanwhile_does_not_come_back(ground: Ground) -> None:
    dies_of_a_defect(ground, interaction("a"))
    (letter,) = letters(ground)
    ground.container("poison_messages").delete_item(letter.id, letter.source)

    redriven = ground.worker().redriver.redrive(letter, CORRELATION)

    assert redriven.outcome == "redriven"
    assert letters(ground) == []
