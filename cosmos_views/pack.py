"""A pack: everything the engine is told about one platform's documents and views."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import msgspec

from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.labels import digest
from cosmos_views.owners import Bare, OwnerKind
from cosmos_views.publish.measures import Contribution
from cosmos_views.publish.view import View
from cosmos_views.source import Source

OfFact = Callable[[Any], Iterable[Contribution]]


class Command(Protocol):
    """A command of `python -m cosmos_views`: a module, or anything else with this function."""

    def add_parser(self, commands: Any, pack: "Pack") -> None:
        """Declare the command on `argparse`'s subparsers; `run` becomes its default."""


HEALTH_CONTAINER = "worker_health"


@dataclass(frozen=True)
class HealthPlace:
    """Where the worker's own health is written; the partition key path is `/metric_type`."""

    container: str = HEALTH_CONTAINER
    ttl_seconds: int = 604_800
    calculation_version: str = "1"


@dataclass(frozen=True, eq=False)
class Pack:
    """The sources and views of one platform."""

    name: str
    version: int
    """Raise it whenever decoding, upcasters, facts, histories or contributions change."""
    containers: Path
    """The catalogue of its containers (`store/catalogue.py`)."""
    sources: tuple[Source[Any], ...]
    views: dict[str, View]
    """By name."""
    owners: OwnerKind = Bare()  # noqa: RUF009 - has no state
    grains: tuple[OfFact, ...] = ()
    """What facts are worth under state keys that several views share."""
    tables: Callable[[], Sequence[object]] = tuple
    """What else decides what a document counts as, such as prices and aliases, as plain values."""

    health: HealthPlace = HealthPlace()
    commands: Sequence[Command] = ()
    """Commands of its own, beside the engine's."""

    @cached_property
    def definition(self) -> str:
        """The definition version, such as `1-3f2a…`: one name for everything that decides what a
        document counts as. State made under one must not be continued under another: entries hold
        facts of the old one, and their retraction would not cancel out."""
        tables = msgspec.json.encode([*self.tables(), sorted(self.views)])
        return f"{self.version}-{digest(tables.decode())[:12]}"

    @property
    def facts(self) -> Mapping[str, type[Fact]]:
        """Source container → what its documents become."""
        return {source.container: source.fact for source in self.sources}

    @property
    def of_fact(self) -> list[OfFact]:
        """Everything that says what a fact contributes."""
        return [*self.grains, *(one.of_fact for one in self.views.values() if one.of_fact)]

    def source(self, container: str) -> Source[Any]:
        """The source of that container. KeyError where there is none."""
        return {source.container: source for source in self.sources}[container]
