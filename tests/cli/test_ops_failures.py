"""An expected failure of a command is one sentence and an exit code, never a traceback."""

import argparse

import pytest

from cosmos_views.cli import lag
from cosmos_views.cli.main import main
from cosmos_views.ledger.commits import CommitError, Conflict, Transient, UnknownOutcome


@pytest.mark.parametrize(
    "failure",
    [Transient("it is down"), UnknownOutcome("commit answered 408"), Conflict("h")],
    ids=lambda failure: type(failure).__name__,
)
def test_what_another_run_may_do_is_said_in_one_sentence(
    failure: Transient | CommitError,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(_options: argparse.Namespace) -> int:
        raise failure

    monkeypatch.setattr(lag, "run", run)

    assert main(["lag"]) == 1
    printed = capsys.readouterr()
    assert printed.err.endswith("; run the command again.\n")
    assert printed.out == ""
