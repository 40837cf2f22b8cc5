"""What holds for every command: its help, where it writes, whom it asks, what it prints."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from cosmos_views.cli.main import COMMANDS
from cosmos_views.cli.output import console, table
from cosmos_views.ledger.owners import owner_key
from cosmos_views.settings import blob_connection, cosmos_connection
from emulators.cosmos import Endpoint
from tests.cli.conftest import Ran, Run

ROOT = Path(__file__).resolve().parents[2]
ASCII = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
NAMES = [one.__name__.rpartition(".")[2].replace("_", "-") for one in COMMANDS]
HELPS = [
    ["cosmos_views"],
    *(["cosmos_views", name] for name in NAMES),
    *(
        ["cosmos_views", "dead-letters", action]
        for action in ("list", "show", "redrive", "discard")
    ),
    ["cosmos_views", "archive", "restore"],
    ["cosmos_views", "prices", "check"],
    *(["demo"], ["demo", "run"], ["demo.synthetic"]),
    *(["emulators.cosmos"], ["emulators.functions"]),
]


@pytest.mark.parametrize("command", HELPS, ids=" ".join)
def test_help_prints_in_any_encoding(command: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", *command, "--help"], env=ASCII, capture_output=True, text=True
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("usage: ")


@pytest.mark.parametrize(
    "command",
    [
        *(["demo", f"--{which}-port", "65536"] for which in ("cosmos", "functions", "blob")),
        ["emulators.cosmos", "--port", "70000"],
        ["emulators.functions", "--port", "-1"],
    ],
    ids=" ".join,
)
def test_a_port_that_is_not_one_is_refused_in_a_sentence(command: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=300
    )

    assert ran.returncode == 2
    assert "is not a port from 0 to 65535" in ran.stderr


@pytest.mark.parametrize(
    "text",
    [
        "AccountEndpoint=https://a/;AccountKey=k=;",
        " accountendpoint = https://a/ ; ACCOUNTKEY = k= ",
        "AccountKey='k=';AccountEndpoint=\"https://a/\"",
    ],
)
def test_a_connection_string_is_read_as_the_trigger_reads_it(text: str) -> None:
    read = cosmos_connection({"COSMOS": text})

    assert (read.endpoint, read.key) == ("https://a/", "k=")


def test_a_connection_string_of_storage_likewise() -> None:
    development = blob_connection({"BLOB": "UseDevelopmentStorage=true"})

    assert development is not None
    assert development == blob_connection({"BLOB": " usedevelopmentstorage = TRUE ;"})
    named = blob_connection({"BLOB": "accountname=a; AccountKey = k=;"})
    assert named is not None
    assert named.connection_string == "accountname=a;accountkey=k="


def test_what_a_table_shows_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    console().print(table(("user",), [("[/b] :smile: [red]a[/red]",)]))

    assert "[/b] :smile: [red]a[/red]" in capsys.readouterr().out


def test_a_command_that_writes_says_first_where(ops: Run) -> None:
    ran = ops("provision")

    assert ran.code == 0
    assert ran.err.startswith("Writes to database test-")
    assert ops("reconcile", "--dry-run").err == ""
    assert ops("status").err == ""


def answered(answer: str, *arguments: str) -> Ran:
    """The command with a terminal for standard input, on which somebody answers."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    ran = subprocess.run(
        [sys.executable, "-m", "cosmos_views", *arguments],
        cwd=ROOT,
        stdin=theirs,
        capture_output=True,
        text=True,
    )
    os.close(ours)
    os.close(theirs)
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def test_who_sits_at_a_terminal_is_asked_before_a_user_is_forgotten(
    command: Run, endpoint: Endpoint
) -> None:
    account = ("--connection", endpoint.connection_string, "--database", "asked")
    erase = ("erase", "--user", "u", "--settle-seconds", "0", "--no-archive", *account)

    def erased() -> list[str]:
        return [one["owner"] for one in command("erase", "--list", "--json", *account).json]

    assert command("provision", *account).code == 0
    refused = answered("n", *erase)
    assert (refused.code, refused.out) == (1, "")
    assert "Forget this owner everywhere, for ever? [y/N]" in refused.err
    assert "Nothing was done." in refused.err
    assert erased() == []
    assert answered("yes", *erase).code == 0
    assert answered("", *erase, "--yes").code == 0
    assert erased() == [owner_key("u")]


def test_an_erasure_that_cannot_look_for_copies_is_not_done(ops: Run) -> None:
    assert ops("provision").code == 0
    erase = ("erase", "--user", "u", "--settle-seconds", "0")

    without = ops(*erase)
    assert without.code == 1
    assert "no archived copies were looked for" in without.err
    assert ops(*erase, "--no-archive").code == 0


def test_what_a_replay_writes_of_an_erased_user_is_ignored_at_once(
    ops: Run, tmp_path: Path
) -> None:
    assert ops("provision").code == 0
    assert ops("erase", "--user", "u", "--settle-seconds", "0", "--no-archive").code == 0
    file = tmp_path / "one.jsonl"
    file.write_text('{"id": "a", "user_id": "u", "document_type": "user_interaction"}\n')

    # No worker runs here: whoever waited for it would do so in vain.
    ran = ops("replay", file, "--json", "--patience", "3600")

    assert ran.code == 0
    assert ran.json["ignored"] == {"the owner was erased": 1}
    assert ran.json["applied"] == 1
