"""An incident means the interaction it names, of its own user, under either spelling."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_views.ledger.entries import entry_id
from processors.facts import InteractionFact
from processors.joins import candidates, join_key, joined, normal_interaction_id
from tests.ledger.some_facts import citation, incident, interaction

ids = st.text(alphabet="xy_", max_size=3) | st.sampled_from(
    ("interaction_x", "interaction_interaction_x", "interaction_", "")
)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("x", "x"),
        ("interaction_x", "x"),
        ("interaction_interaction_x", "interaction_x"),
        ("xinteraction_", "xinteraction_"),
    ],
)
def test_one_leading_prefix_is_cut(written: str, normal: str) -> None:
    assert normal == normal_interaction_id(written)


@given(named=ids, document=ids)
def test_an_incident_may_mean_just_the_documents_of_the_same_normal_id(
    named: str, document: str
) -> None:
    meant = candidates("ada", normal_interaction_id(named))
    same = normal_interaction_id(named) == normal_interaction_id(document)

    for partition_key in ("ada", msgspec.UNSET, None, ""):
        assert same == (entry_id("user_interactions", (partition_key,), document) in meant)
    assert entry_id("user_interactions", ("bob",), document) not in meant


def test_the_smaller_id_comes_first_then_the_users_own_partition() -> None:
    expected = [
        entry_id("user_interactions", (partition_key,), document_id)
        for document_id in ("interaction_x", "x")
        for partition_key in ("ada", msgspec.UNSET, None, "")
    ]

    assert expected == candidates("ada", "x")
    assert candidates("ada", "a")[0] == entry_id("user_interactions", ("ada",), "a")


def test_a_join_is_listed_under_a_short_stable_name() -> None:
    assert join_key("a") == "8e4318350b2762d0"


def test_an_incident_takes_the_citations_of_the_first_that_is_counted() -> None:
    cited = (citation(verse="5"), citation("dhammapada"), citation(verse="5"))
    second = candidates("ada", "a")[1]
    counted = {second: interaction(citations=cited), candidates("ada", "a")[2]: interaction()}

    fact = joined(incident(), "ada", counted.get)

    assert fact.cited == (
        ("bhagavad_gita", "2", "5"),
        ("dhammapada", "2", "47"),
        ("bhagavad_gita", "2", "5"),
    )


def test_an_incident_whose_interaction_is_gone_loses_its_citations() -> None:
    before = incident(cited=(("bhagavad_gita", "2", "47"),))

    assert incident() == joined(before, "ada", lambda _: None)


def test_an_incident_that_names_nothing_asks_for_nothing() -> None:
    def asked(entry: str) -> InteractionFact | None:
        raise AssertionError(entry)

    assert incident(interaction=None) == joined(incident(interaction=None), "ada", asked)
