"""Which account a command works on, and what it says when there is none."""

import subprocess
import sys
from pathlib import Path

import pytest

import cosmos_views.cli.connection
from emulators.cosmos import DEFAULT_KEY, Endpoint
from tests.cli.conftest import Run

ROOT = Path(__file__).resolve().parents[2]


def test_the_local_ground_is_the_default_and_is_named(
    command: Run, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COSMOS", "COSMOS__accountEndpoint", "COSMOS_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cosmos_views.cli.connection, "LOCAL_CONNECTION", endpoint.connection_string)
    ran = command("provision")
    assert ran.code == 0
    assert ran.err == (
        "Using the local ground at port 8081: neither COSMOS nor COSMOS__accountEndpoint is set.\n"
        f"Writes to database platform of {endpoint.url.rstrip('/')}.\n"
    )


def test_the_environment_names_account_and_database(
    command: Run, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSMOS", endpoint.connection_string)
    monkeypatch.setenv("COSMOS_DATABASE", "from-the-environment")
    ran = command("provision", "--json")
    assert ran.code == 0
    assert ran.err.startswith("Writes to database from-the-environment of ")
    assert ran.json["database"] == "from-the-environment"


def test_the_key_of_the_local_ground_is_the_emulators() -> None:
    assert cosmos_views.cli.connection.LOCAL_KEY == DEFAULT_KEY


@pytest.mark.parametrize(
    ("connection", "sentence"),
    [
        ("AccountEndpoint=http://127.0.0.1:9/;AccountKey=a2V5;", "Nothing answers at http://127."),
        ("nonsense", "COSMOS is not a connection string: AccountEndpoint is missing"),
    ],
)
def test_an_account_that_cannot_be_used_is_one_sentence(
    command: Run, connection: str, sentence: str
) -> None:
    ran = command("status", "--connection", connection)
    assert ran.code == 2
    assert ran.err.startswith(sentence)
    assert len(ran.err.splitlines()) == 1


def test_a_wrong_key_is_one_sentence(command: Run, endpoint: Endpoint) -> None:
    wrong = f"AccountEndpoint={endpoint.url}/;AccountKey=d3Jvbmc=;"
    ran = command("status", "--connection", wrong)
    assert ran.code == 2
    assert "refuses with 401: check the key" in ran.err


@pytest.mark.parametrize("arguments", [["status"], ["show", "daily_metrics"], ["replay", __file__]])
def test_an_account_without_a_store_says_what_to_run(ops: Run, arguments: list[str]) -> None:
    ran = ops(*arguments)
    assert ran.code == 2
    assert "run `python -m cosmos_views provision`" in ran.err


def test_every_command_explains_itself() -> None:
    for command in ("", "provision", "replay", "show", "status"):
        ran = subprocess.run(
            [sys.executable, "-m", "cosmos_views", *command.split(), "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.startswith(f"usage: python -m cosmos_views {command}".rstrip())
        assert ran.stderr == ""


def test_no_command_is_wrong_usage() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "cosmos_views"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
