"""The shipped batches, through the real triggers, equal the oracle."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emulators.cosmos import Endpoint
from tests.oracle import classify, latest_versions
from tests.oracle.batches import BATCHES, read_batch
from tests.worker.ground import (
    Ground,
    assert_state_is_sound,
)

PATHS = sorted(BATCHES.glob("*.jsonl"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_batch_written_to_the_sources_becomes_true_views(
    path: Path, split_endpoint: Endpoint, grounds: Callable[..., Ground]
) -> None:
    ground = grounds(split_endpoint)
    ground.write_all(read_batch(path))

    with ground.host() as host:
        host.run_until_idle()
        host.fire("publish")
        failures = sum(counts.failures for counts in host.counts().values())

    assert failures == 0
    assert ground.expected() == ground.views()
    assert_state_is_sound(ground)


def test_batches_one_after_the_other_become_true_views(ground: Ground) -> None:
    with ground.host() as host:
        for path in PATHS[:-1]:
            ground.write_all(read_batch(path))
            host.run_until_idle()
            host.fire("publish")
            host.fire("publish")

            assert ground.expected() == ground.views()
    assert_state_is_sound(ground)


def test_a_day_delivered_while_it_is_written_ends_as_one_delivered_at_once(
    ground: Ground,
) -> None:
    documents = read_batch(BATCHES / "50_synthetic_day.jsonl")[:250]
    with ground.host() as host:
        for start in range(0, len(documents), 25):
            ground.write_all(documents[start : start + 25])
            host.run_until_idle()
        host.fire("publish")

    assert ground.expected() == ground.views()
    assert_state_is_sound(ground)


def test_every_poison_document_is_a_dead_letter_naming_category_and_path(ground: Ground) -> None:
    documents = read_batch(BATCHES / "40_poison.jsonl")
    ground.write_all(documents)
    expected = {
        str(one.body["id"]): outcome[1]
        for one in latest_versions(ground.written())
        if isinstance(outcome := classify(one), tuple)
    }

    with ground.host() as host:
        host.run_until_idle()
        failures = sum(counts.failures for counts in host.counts().values())

    assert failures == 0
    letters = {one["document_id"]: one for one in ground.letters()}
    assert expected == {name: letter["path"] for name, letter in letters.items()}
    assert {"malformed", "invalid"} == {letter["category"] for letter in letters.values()}
    assert {"pending"} == {letter["status"] for letter in letters.values()}


def test_a_dead_letter_holds_its_own_document(ground: Ground) -> None:
    ground.write_all(read_batch(BATCHES / "40_poison.jsonl"))

    with ground.host() as host:
        host.run_until_idle()

    for letter in ground.letters():
        assert letter["document_id"] == letter["document"]["id"], json.dumps(letter)


def test_every_poison_document_ends_as_the_oracle_says(ground: Ground) -> None:
    ground.write_all(read_batch(BATCHES / "40_poison.jsonl"))
    ground.write_all(read_batch(BATCHES / "30_quirks.jsonl"))
    expected = {}
    for document in latest_versions(ground.written()):
        outcome = classify(document)
        expected[str(document.body["_etag"])] = outcome if isinstance(outcome, str) else "dead"

    with ground.host() as host:
        host.run_until_idle()

    assert expected == {one["etag"]: one["outcome"] for one in ground.state("e:")}
