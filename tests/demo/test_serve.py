"""`python -m demo`: everything up, everything named, everything down again."""

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from emulators.cosmos import Endpoint
from tests.demo.processes import ROOT, interrupt, line_with, ran, started

WORKED_EXAMPLE = ROOT / "tests" / "fixtures" / "batches" / "10_worked_example.jsonl"
ANY_PORTS = ("--cosmos-port", 0, "--functions-port", 0, "--blob-port", 0)


def ops(connection: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cosmos_views", *map(str, arguments), "--connection", connection],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def connection_in(line: str) -> str:
    return line.split("'")[1]


def test_it_serves_until_ctrl_c_and_its_file_survives(tmp_path: Path) -> None:
    file = tmp_path / "account.sqlite"
    with started(*ANY_PORTS, "--file", file, "--buckets", 2) as process:
        status_url = line_with(process, "Functions ").split()[1]
        connection = connection_in(line_with(process, "export COSMOS="))
        line_with(process, "Stop ")
        with urllib.request.urlopen(status_url) as answer:
            assert {"interactions", "publish"} <= set(json.load(answer)["functions"])
        replayed = ops(connection, "replay", WORKED_EXAMPLE, "--json")
        assert json.loads(replayed.stdout)["counted"] == 3
        code, rest = interrupt(process)
    assert code == 0
    assert "Stopping" in rest
    assert "Traceback" not in rest

    with started(*ANY_PORTS, "--file", file) as process:
        connection = connection_in(line_with(process, "export COSMOS="))
        status = json.loads(ops(connection, "status", "--json").stdout)
        assert status["buckets"] == 2
        again = ops(connection, "replay", WORKED_EXAMPLE, "--json")
        assert json.loads(again.stdout)["unchanged"] == 3
        assert interrupt(process)[0] == 0


@pytest.mark.parametrize("option", ["--blob-port", "--cosmos-port", "--functions-port"])
def test_a_port_in_use_is_one_sentence(option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = ran(*ANY_PORTS, option, port)
    assert done.returncode == 1
    assert done.stderr.startswith("Cannot listen on ")
    assert str(port) in done.stderr
    assert "--cosmos-port and --functions-port" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_store_laid_out_otherwise_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "account.sqlite"
    with Endpoint(file) as endpoint:
        assert ops(endpoint.connection_string, "provision", "--buckets", 2).returncode == 0
    done = ran(*ANY_PORTS, "--file", file, "--buckets", 3)
    assert done.returncode == 2
    assert done.stderr.startswith("The store has 2 buckets")
