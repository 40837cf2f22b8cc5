"""One endpoint per module, one database per story; workers of yesterday and of today."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from cosmos_views.intake import batch, documents
from cosmos_views.intake.dead_letters import DeadLetter
from cosmos_views.intake.judging import Breaker
from cosmos_views.settings import CosmosConnection
from cosmos_views.store import account
from cosmos_views.store.poison import PoisonStore, Selection
from cosmos_views.upkeep import redrive
from cosmos_views.upkeep.redrive import Redriver
from cosmos_views.worker import Worker
from emulators.cosmos import Endpoint
from processors import interactions
from tests.worker.ground import INTERACTIONS, SOURCES, Document, Ground, deliver

_NUMBERS = itertools.count()
CORRELATION = {"invocation_id": "redrive"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(seed=17) as running:
        yield running


@pytest.fixture
def grounds(endpoint: Endpoint) -> Iterator[Callable[..., Ground]]:
    """Makes grounds: `grounds(buckets=4)`."""
    made: list[Ground] = []

    def make(buckets: int = 1) -> Ground:
        client = account.connect(CosmosConnection(endpoint.url, endpoint.key))
        made.append(Ground(endpoint, client, f"redrive-{next(_NUMBERS)}", buckets))
        return made[-1]

    yield make
    for ground in made:
        ground.close()
        ground.client.close()


@pytest.fixture
def ground(grounds: Callable[..., Ground]) -> Ground:
    return grounds()


@contextmanager
def yesterday(
    *, knows_version: int = 0, user_bytes_max: int = 0, fails: bool = False
) -> Iterator[None]:
    """The worker before a deployment: it knew less, took less, or failed on every interaction."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (batch, redrive):
            patch.setattr(module, "worker_version", lambda _pack: "yesterday")
        if knows_version:
            read = documents._of_schema
            schema = ("schema_version", knows_version)
            patch.setattr(
                documents,
                "_of_schema",
                lambda source, said: read(replace(source, schema=schema), said),
            )
        if user_bytes_max:
            patch.setattr(documents, "OWNER_BYTES_MAX", user_bytes_max)
        if fails:
            patch.setattr(interactions, "to_fact", fail)
        yield


def fail(*_: object) -> Any:
    raise ZeroDivisionError


def dies_of_a_defect(ground: Ground, *bodies: Document) -> list[Document]:
    """Write interactions and let yesterday's worker fail on each, alone in its batch."""
    shown = ground.write(INTERACTIONS, *bodies)
    worker = ground.worker()
    with yesterday(fails=True):
        for one in shown:
            # A worker that fails again and again stops, as it should.
            worker.processors[INTERACTIONS].breaker = Breaker()
            deliver(worker, INTERACTIONS, [one])
    return shown


def letters(ground: Ground) -> list[DeadLetter]:
    """All of them, in any status."""
    return list(PoisonStore(ground.container("poison_messages")).select(Selection(SOURCES)))


def redrive_all(ground: Ground, worker: Worker | None = None) -> dict[str, str]:
    """Document id → outcome, of every pending letter."""
    redriver: Redriver = (worker or ground.worker()).redriver
    return {
        letter.document_id: str(redriver.redrive(letter, CORRELATION).outcome)
        for letter in letters(ground)
        if letter.status == "pending"
    }


def standing(ground: Ground) -> dict[str, str]:
    """Document id → status; of several letters of one document, the newest version's."""
    ordered = sorted(letters(ground), key=lambda one: (one.version["ts"], one.version["lsn"]))
    return {letter.document_id: str(letter.status) for letter in ordered}
