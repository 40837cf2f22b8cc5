"""The demo's traffic: deterministic, believable, and what the fixture batch holds."""

from datetime import date
from pathlib import Path

from demo.synthetic import main, traffic
from tests.oracle import SourceDocument, classify, latest_versions
from tests.oracle.batches import BATCHES, source_of

DAY = date(2026, 3, 14)
WRITTEN = 1_773_619_200  # the day after


def test_the_fixture_batch_is_what_the_command_writes(tmp_path: Path) -> None:
    out = tmp_path / "day.jsonl"

    main(["--seed", "1", "--day", "2026-03-14", "--interactions", "400", "--out", str(out)])

    assert out.read_bytes() == (BATCHES / "50_synthetic_day.jsonl").read_bytes()


def test_as_many_interactions_as_asked_all_of_that_day_and_valid() -> None:
    writes = list(traffic(7, DAY, 120))
    documents = [
        SourceDocument(source, {**document, "_ts": WRITTEN}) for source, document in writes
    ]
    outcomes = [classify(document) for document in documents]

    interactions = [each for each in latest_versions(documents) if "interactions" in each.source]
    assert len(interactions) == 120
    assert set(outcomes) == {"counted", "deleted"}
    assert all(
        document["timestamp"][:10] == "2026-03-14"
        for _, document in writes
        if "timestamp" in document
    )
    assert all(source == source_of(document) for source, document in writes)


def test_users_of_a_seed_return_on_other_days() -> None:
    def users(day: date) -> set[str | None]:
        return {document["user_id"] for _, document in traffic(1, day, 200)} - {None}

    assert users(DAY) & users(date(2026, 3, 15))
