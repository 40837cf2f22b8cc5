"""Commands run in this process; the endpoint and, where needed, a whole ground beside them."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cosmos_views.cli.main import main
from demo.ground import Ground, Plan
from emulators.cosmos import Endpoint

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(seed=5) as running:
        yield running


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """A worker that runs, on an account of its own."""
    with Ground(Plan(seed=5, publish_seconds=1)) as running:
        yield running


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `python -m cosmos_views …` in this process."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = int(str(ended.code or 0))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def ops(command: Run, endpoint: Endpoint) -> Run:
    """The same, on a database of this test in the endpoint that has no worker."""
    database = f"test-{next(_NUMBERS)}"
    account = ("--connection", endpoint.connection_string, "--database", database)
    return lambda *arguments: command(*arguments, *account)


@pytest.fixture
def ops_on_ground(command: Run, ground: Ground) -> Run:
    """The same, where the worker runs."""
    return lambda *arguments: command(*arguments, "--connection", ground.endpoint.connection_string)
