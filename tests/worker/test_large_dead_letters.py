"""A dead letter that is too large, or that the account refuses, never holds its batch up."""

import json
import logging
from typing import Any

import msgspec
import pytest

from cosmos_views.intake.dead_letters import LETTER_BYTES_MAX, OMITTED, DeadLetter, bounded
from cosmos_views.ledger.commits import encoded_bytes
from tests.worker.ground import (
    INTERACTIONS,
    Document,
    Ground,
    assert_views_are_true,
    deliver,
)
from tests.worker.stories import interaction

WIDE = {"source": "अ" * 100, "chapter": "क" * 100}
"""Letters of three bytes, which the SDK writes in six unless it is told otherwise."""


def citations(count: int, **fields: Any) -> list[Document]:
    return [{"source": f"s{number}", "chapter": str(number), **fields} for number in range(count)]


INVALID = interaction("wide", foundational_texts_used=citations(1_700, **WIDE), response_time_ms=-1)
OVERSIZE = interaction(
    "oversize",
    user_id="bea",
    foundational_texts_used=[
        {"source": f"{number:04}{'s' * 120}", "chapter": "c" * 120, "verse": "v" * 120}
        for number in range(2_900)
    ],
)
GOOD = [interaction(f"good-{number}", user_id=f"user-{number}") for number in range(5)]


@pytest.mark.parametrize(
    ("bad", "category"), [(INVALID, "invalid"), (OVERSIZE, "oversize")], ids=["wide", "oversize"]
)
def test_a_dead_letter_keeps_what_fits(ground: Ground, bad: Document, category: str) -> None:
    shown = ground.write(INTERACTIONS, *GOOD[:2], bad, *GOOD[2:])

    report = deliver(ground.worker(), INTERACTIONS, shown)

    assert (report.counted, dict(report.dead)) == (5, {category: 1})
    (letter,) = ground.letters()
    sent = {name: value for name, value in letter.items() if not name.startswith("_")}
    assert 32_000 < encoded_bytes(sent) <= LETTER_BYTES_MAX
    assert letter["truncated"] is True
    assert (letter["document_id"], letter["category"]) == (bad["id"], category)
    assert letter["path"] == ("response_time_ms" if category == "invalid" else "$")
    assert letter["document"]["foundational_texts_used"][0] == bad["foundational_texts_used"][0]
    if category == "invalid":  # the oracle knows no size
        assert_views_are_true(ground)


def test_a_small_dead_letter_is_whole() -> None:
    letter = bounded(_letter(document={"a": [1, {"b": "c"}]}))

    assert letter.document == {"a": [1, {"b": "c"}]}
    assert not letter.truncated


@pytest.mark.parametrize(
    "document",
    [
        {"a": ["x" * 100] * 1_000, "b": 1},
        {"a": {f"name-{number}": {"x": ["é"]} for number in range(10_000)}},
        [[["x" * 127] * 10] * 10] * 100,
    ],
)
def test_a_bounded_letter_is_as_large_as_may_be(document: Any) -> None:
    letter = bounded(_letter(document=document))

    assert letter.truncated
    assert encoded_bytes(letter) <= LETTER_BYTES_MAX
    assert encoded_bytes(letter) > LETTER_BYTES_MAX // 2


@pytest.mark.parametrize("status", [400, 413])
def test_what_the_account_refuses_is_written_without_the_document(
    ground: Ground, status: int
) -> None:
    shown = ground.write(INTERACTIONS, *GOOD, interaction("bad", response_time_ms=-1))
    _refuse_letters(ground, status, times=1)

    report = deliver(ground.worker(), INTERACTIONS, shown)

    assert (report.counted, dict(report.dead)) == (5, {"invalid": 1})
    (letter,) = ground.letters()
    assert (letter["document"], letter["truncated"]) == (OMITTED, True)
    assert (letter["document_id"], letter["path"]) == ("bad", "response_time_ms")


@pytest.mark.parametrize("status", [400, 413])
def test_a_batch_goes_on_where_not_even_the_identity_can_be_written(
    ground: Ground, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "worker")
    shown = ground.write(INTERACTIONS, *GOOD, interaction("secret-id", response_time_ms=-1))
    worker = ground.worker()
    _refuse_letters(ground, status)

    deliver(worker, INTERACTIONS, shown)

    outcomes = sorted(entry["outcome"] for entry in ground.state("e:"))
    assert outcomes == ["counted"] * 5 + ["dead"]
    assert ground.letters() == []
    (line,) = [
        one.getMessage() for one in caplog.records if "cannot be written" in one.getMessage()
    ]
    assert json.loads(line)["source"] == INTERACTIONS
    assert "secret-id" not in line
    ground.endpoint.faults.clear()
    assert_views_are_true(ground)


def test_what_the_sdk_refuses_is_written_without_the_document(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As half of a pair of surrogates, which cannot be sent in UTF-8."""
    shown = ground.write(INTERACTIONS, *GOOD, interaction("bad", response_time_ms=-1))
    worker = ground.worker()
    create = type(ground.container("poison_messages")).create_item

    def refusing(self: Any, body: Document, **options: Any) -> Any:
        if self.id == "poison_messages" and body["document"] != OMITTED:
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        return create(self, body, **options)

    monkeypatch.setattr(type(ground.container("poison_messages")), "create_item", refusing)
    deliver(worker, INTERACTIONS, shown)

    (letter,) = ground.letters()
    assert (letter["document"], letter["truncated"]) == (OMITTED, True)


def _refuse_letters(ground: Ground, status: int, times: int | None = None) -> None:
    ground.endpoint.faults.add(
        operation="create", container="poison_messages", status=status, times=times
    )


def _letter(document: object) -> Any:
    return DeadLetter(
        id="0" * 32,
        source=INTERACTIONS,
        category="invalid",
        error="Rejected",
        message="not this",
        path="response_time_ms",
        document_id="a",
        partition_key=["ada"],
        version={"etag": "e", "ts": 1_773_144_000, "lsn": 7},
        first_failed_at="2026-03-10T12:00:00Z",
        last_failed_at="2026-03-10T12:00:00Z",
        worker_version="1",
        correlation={},
        user=None,
        document=msgspec.json.decode(msgspec.json.encode(document)),
    )
