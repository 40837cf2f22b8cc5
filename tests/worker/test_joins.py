"""Incidents and the interaction they name, in whatever order they come, however many."""

from collections.abc import Iterator
from itertools import permutations

import pytest

from cosmos_views.ledger.commits import Transient
from pack import PACK
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    Document,
    Ground,
    assert_views_are_true,
    deliver,
)
from tests.worker.stories import incident, interaction
from tests.worker.test_two_workers import watch

MORE_THAN_A_COMMIT_HOLDS = 130
GITA: Document = {"foundational_texts_used": ["Gita 1.1"]}
TAO: Document = {"foundational_texts_used": ["Tao 2.2", "Tao 2.3"]}
NOTHING: Document = {"foundational_texts_used": []}


@pytest.fixture(autouse=True)
def _one_view(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for view in set(PACK.views) - {"incidents_by_content"}:
        monkeypatch.delitem(PACK.views, view)
    yield
    monkeypatch.undo()


STEPS: dict[str, tuple[str, Document]] = {
    "incident": (INCIDENTS, incident("i")),
    "gita": (INTERACTIONS, interaction("a") | GITA),
    "tao": (INTERACTIONS, interaction("interaction_a") | TAO),
    "gone": (INTERACTIONS, interaction("a", deleted=True)),
    "elsewhere": (INCIDENTS, incident("i", interaction_id="interaction_b")),
}


def test_an_incident_is_where_its_interaction_is_whatever_comes_first(ground: Ground) -> None:
    """Every order of four of the steps, each for a user of its own."""
    worker = ground.worker()
    orders = list(permutations(STEPS, 4))

    for place in range(4):
        for number, order in enumerate(orders):
            source, body = STEPS[order[place]]
            ground.container(source).upsert_item({**body, "user_id": f"user-{number}"})
        for source, documents in ground.all_changes().items():
            if documents:
                deliver(worker, source, documents)

        assert_views_are_true(ground, worker)


@pytest.mark.parametrize("stranger", [{"user_id": ...}, {"user_id": None}, {"user_id": "bob"}])
def test_an_incident_joins_no_interaction_of_another_user_or_of_nobody(
    ground: Ground, stranger: Document
) -> None:
    worker = ground.worker()

    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a", **stranger)))
    deliver(worker, INCIDENTS, ground.write(INCIDENTS, incident("i")))

    assert_views_are_true(ground, worker)
    assert list(ground.views()["incidents_by_content"]) == ["incidents_unattributed_202603"]


def test_an_interaction_named_by_more_incidents_than_a_commit_holds(ground: Ground) -> None:
    worker = ground.worker()
    many_incidents(ground)
    deliver(worker, INCIDENTS, ground.changes(INCIDENTS))

    for cited in (GITA, TAO, NOTHING):
        body = interaction("a") | cited
        assert deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, body)).counted == 1
        assert_views_are_true(ground, worker)

    assert ground.letters() == []


@pytest.mark.parametrize("after", [GITA, NOTHING, {"deleted": True}, {"response_time_ms": -1}])
def test_a_move_that_was_broken_off_is_set_right_by_whatever_comes_next(
    ground: Ground, after: Document
) -> None:
    """Half the incidents have moved when the worker dies; then the interaction changes again."""
    worker, dying = ground.worker(), ground.worker()
    many_incidents(ground)
    deliver(worker, INCIDENTS, ground.changes(INCIDENTS))
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a") | GITA))
    commits = 0

    def die(operation: str) -> None:
        nonlocal commits
        commits += operation == "commit"
        if commits == 2:
            raise Transient("killed between two commits")

    watch(dying, die)
    with pytest.raises(Transient):
        deliver(dying, INTERACTIONS, ground.write(INTERACTIONS, interaction("a") | TAO))

    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, interaction("a", again=1) | after))

    assert_views_are_true(ground, worker)


def many_incidents(ground: Ground) -> None:
    bodies = [incident(f"i{number}") for number in range(MORE_THAN_A_COMMIT_HOLDS)]
    for start in range(0, len(bodies), 100):
        ground.container(INCIDENTS).execute_item_batch(
            [("create", (body,)) for body in bodies[start : start + 100]], "ada"
        )
