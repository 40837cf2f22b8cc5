"""The walk-through of docs/adding-a-view.md works as it stands."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cosmos_views.publish.view import View
from cosmos_views.store.catalogue import Container, Role
from pack import PACK
from tests.generators import Version
from tests.materializers.goldens import story
from tests.oracle import Prices
from tests.oracle.world import World as Oracle
from tests.oracle.world import add_document
from tests.property.runner import long_history
from tests.property.world import SOURCES, World, compared

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-view.md"
LINES_MAX = 40
MARCH = "model_costs_202603"


def block(language: str) -> str:
    """The page's only block in that language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    assert isinstance(found, str)
    return found


def the_view() -> View:
    scope: dict[str, Any] = {"__name__": "materializers.model_costs"}
    exec(compile(block("python"), str(PAGE), "exec"), scope)  # the page is ours
    view = scope["VIEW"]
    assert isinstance(view, View)
    return view


@contextmanager
def registered(view: View) -> Iterator[None]:
    """As a pack with this view, for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PACK.views, view.name, view)
        yield


def expected(world: World) -> dict[str, Any]:
    """From the latest versions alone, as the words of the page say."""
    oracle = Oracle()
    for source in SOURCES:
        for document in world._latest(source):
            add_document(oracle, document, Prices())
    months: dict[str, Any] = {}
    for day, some in oracle.interactions.items():
        models = months.setdefault(f"model_costs_{day:%Y%m}", {})
        for one in some:
            requests, nano_usd = models.get(one.model, (0, 0))
            models[one.model] = requests + 1, nano_usd + (one.nano_usd or 0)
    return {
        name: {
            model: {"requests": requests, "cost_usd": round(round(nano / 1_000) / 10**6, 6)}
            for model, (requests, nano) in models.items()
        }
        for name, models in months.items()
    }


def found(world: World) -> dict[str, Any]:
    return {one["id"]: one["models"] for one in world.views.documents("model_costs")}


def test_the_view_takes_less_than_forty_lines() -> None:
    lines = [line for line in block("python").splitlines() if line.strip()]
    added = len(re.findall(r"^\+", block("diff"), re.M)) + len(block("json").splitlines())

    assert len(lines) + added < LINES_MAX


def test_the_view_shows_what_its_page_says() -> None:
    with registered(the_view()):
        world = World(1)
        for document in story():
            world.write(version_of(document.source, document.body))
        world.drain()

    assert compared("", expected(world), found(world)) == []
    (march,) = [one for one in world.views.documents("model_costs") if one["id"] == MARCH]
    assert march["month"] == "202603"
    assert march["models"]["gemini-2.5-flash"] == {"requests": 37, "cost_usd": 0.047895}
    assert (march["period_start"], march["period_end"]) == ("2026-03-01", "2026-04-01")
    assert march["ttl"] == 7_776_000


def version_of(source: str, body: dict[str, Any]) -> Version:
    return Version(source, body, 1_775_001_600)


@pytest.mark.parametrize("seed", range(3))
def test_the_view_is_true_for_any_delivery(seed: int) -> None:
    with registered(the_view()):
        world = World(seed, buckets=4, workers=2, trouble=0.05)
        for version in long_history(seed, 60):
            world.write(version)
            if world.random.randrange(10) == 0:
                world.deliver_some(world.random.choice(SOURCES))
        world.drain()

    assert found(world)
    assert compared("", expected(world), found(world)) == []


def test_its_container_is_a_catalogue_row() -> None:
    container = msgspec.convert(json.loads(block("json")), Container)

    assert container.role is Role.VIEW
    assert container.name == the_view().name
    assert container.partition_key == f"/{the_view().partition_key}"


def test_the_definition_version_changes_with_the_views() -> None:
    view = the_view()
    with_it = replace(PACK, views={**PACK.views, view.name: view})

    assert replace(PACK).definition != with_it.definition
    assert replace(PACK).definition == replace(with_it, views=PACK.views).definition
