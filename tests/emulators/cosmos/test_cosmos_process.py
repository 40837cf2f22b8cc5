"""The endpoint as a process: ready line, exit codes, and what survives it."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from azure.cosmos import ContainerProxy, CosmosClient

from emulators.cosmos import Endpoint
from tests.emulators.cosmos.support import DATABASE, connect, fill, ids, make_container, things


def existing(client: CosmosClient) -> ContainerProxy:
    return client.get_database_client(DATABASE).get_container_client("things")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "emulators.cosmos", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_a_process_serves_and_ends_with_exit_code_0() -> None:
    with Endpoint.subprocess(partitions=2, seed=3) as endpoint, connect(endpoint) as client:
        container = make_container(client, "things")
        container.create_item({"id": "a", "pk": "A"})
        endpoint.faults.add("read", status=408, times=1)
        assert len(list(container.read_feed_ranges())) == 2
        assert endpoint.stats.total("things", "create").count == 1
    assert endpoint.process.returncode == 0


def test_a_process_ends_when_its_parent_lets_go() -> None:
    endpoint = Endpoint.subprocess()
    assert endpoint.process.stdin is not None
    endpoint.process.stdin.close()
    assert endpoint.process.wait(300) == 0
    endpoint.close()


@pytest.mark.parametrize("ending", ["stopped", "killed"])
def test_a_file_survives_its_process(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "deep" / "cosmos.sqlite"
    first = Endpoint.subprocess(file=file, partitions=3)
    with connect(first) as client:
        container = make_container(client, "things", default_ttl=500)
        fill(container, things())
        batch = [("upsert", ({"id": f"b{n}", "pk": "p0"},)) for n in range(50)]
        container.execute_item_batch(batch, "p0")
        children = first.split(DATABASE, "things", "1")
        before = list(container.query_items_change_feed(start_time="Beginning"))
        continuation = client.client_connection.last_response_headers["etag"]
        lsn = container.create_item({"id": "last", "pk": "p0"}).get_response_headers()["lsn"]
    first.kill() if ending == "killed" else first.close()

    with Endpoint.subprocess(file=file) as second, connect(second) as client:
        container = existing(client)
        after = list(container.query_items_change_feed(start_time="Beginning"))
        key = "_etag"
        assert {d["id"]: d[key] for d in before} == {
            d["id"]: d[key] for d in after if d["id"] != "last"
        }
        assert ids(container.query_items_change_feed(continuation=continuation)) == ["last"]
        assert children == ["3", "4"]
        assert len(list(container.read_feed_ranges())) == 4
        assert container.read()["defaultTtl"] == 500
        again = container.upsert_item({"id": "last", "pk": "p0"}).get_response_headers()
        assert int(lsn) + 1 == int(again["lsn"])


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = run("--port", port)
        assert ended.returncode == 1
        assert f"Cannot listen on 127.0.0.1:{port}: Address already in use.\n" == ended.stderr
        with pytest.raises(OSError, match="in use"):
            Endpoint(port=int(port))


def test_a_host_that_is_none_is_named() -> None:
    ended = run("--host", "no-such-host.invalid", "--port", "0")
    assert ended.returncode == 1
    assert ended.stderr.startswith("Cannot listen on no-such-host.invalid:0: ")


def test_a_file_in_use_or_not_a_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "cosmos.sqlite"
    with Endpoint(file=file):
        ended = run("--port", "0", "--file", str(file))
        assert (ended.returncode, "locked" in ended.stderr) == (2, True)
    other = tmp_path / "other.txt"
    other.write_text("no database " * 100)
    ended = run("--port", "0", "--file", str(other))
    assert (ended.returncode, "cannot be used" in ended.stderr) == (2, True)


def test_impossible_settings_are_named() -> None:
    ended = run("--partitions", "0")
    assert (ended.returncode, ended.stderr) == (2, "partitions must lie between 1 and 1000.\n")


def test_help_names_every_option() -> None:
    text = run("--help").stdout
    options = ("--host", "--port", "--file", "--partitions", "--seed", "--consistency")
    assert all(option in text for option in options)
