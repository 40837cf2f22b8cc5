"""Leases: who reads a range, what is kept, and what happens when the range or the owner changes."""

import threading
from collections.abc import Callable
from pathlib import Path

from emulators.functions import Host, Timing
from tests.emulators.functions.apps import recorded, write_app
from tests.emulators.functions.conftest import Ground
from tests.emulators.functions.waiting import wait_until

COUNT = "TRIGGER\ndef f(changes: str) -> None: record(ids(changes))"


def test_every_physical_range_has_one_lease_document_that_keeps_its_continuation(
    grounds: Callable[[int], Ground], root: Path
) -> None:
    ground = grounds(4)
    write_app(root, COUNT)
    for user in range(20):
        ground.write_for(f"user-{user}", f"item-{user}")

    with Host(root, ground.settings) as host:
        host.run_until_idle()
        leases = ground.lease_documents()

    assert len({lease["LeaseToken"] for lease in leases}) == 4
    assert {lease["Owner"] for lease in leases} == {host.name}
    assert all(lease["id"].startswith("test-127.0.0.1_") for lease in leases)
    assert all(lease["ContinuationToken"].strip('"').isdigit() for lease in leases)


def test_a_closed_host_frees_its_leases_and_the_next_one_goes_on_where_it_stopped(
    ground: Ground, root: Path
) -> None:
    write_app(root, COUNT)
    ground.write("one")
    with Host(root, ground.settings) as host:
        host.run_until_idle()
    assert ground.lease_documents()[0]["Owner"] is None

    ground.write("two")
    with Host(root, ground.settings) as host:
        host.run_until_idle()

    assert recorded(root) == [[["one"]], [["two"]]]


def test_functions_with_prefixes_of_their_own_each_get_every_change(
    ground: Ground, root: Path
) -> None:
    write_app(root, COUNT)
    text = (root / "function_app.py").read_text()
    second = text[text.index("@app") :].replace("test-", "other-").replace("def f", "def g")
    (root / "function_app.py").write_text(f"{text}\n{second}")
    ground.write("one")

    with Host(root, ground.settings) as host:
        host.run_until_idle()

    assert recorded(root) == [[["one"]], [["one"]]]


def test_after_a_split_the_children_continue_from_their_parents_continuation(
    ground: Ground, root: Path
) -> None:
    write_app(root, COUNT)
    users = [f"user-{user}" for user in range(10)]
    for user in users:
        ground.write_for(user, f"before-{user}")

    with Host(root, ground.settings) as host:
        host.run_until_idle()
        ground.endpoint.split("db", "source")
        for user in users:
            ground.write_for(user, f"after-{user}")
        host.run_until_idle()
        leases = ground.lease_documents()

    delivered = [one for [ids] in recorded(root) for one in ids]
    assert sorted(delivered) == sorted(
        f"{when}-{user}" for user in users for when in ("before", "after")
    )
    assert len({lease["LeaseToken"] for lease in leases}) == 2
    assert "-FF" not in {lease["LeaseToken"] for lease in leases}


def test_a_split_while_no_host_runs_is_found_by_the_next_one(ground: Ground, root: Path) -> None:
    write_app(root, COUNT)
    ground.write("one")
    with Host(root, ground.settings) as host:
        host.run_until_idle()

    ground.endpoint.split("db", "source")
    ground.write("two")
    with Host(root, ground.settings) as host:
        host.run_until_idle()

    assert recorded(root) == [[["one"]], [["two"]]]
    assert len(ground.lease_documents()) == 2


def test_an_owner_that_lost_its_lease_runs_on_while_the_new_one_replays_the_same_batch(
    ground: Ground, root: Path
) -> None:
    write_app(
        root,
        """
        WHO = os.environ["WHO"]
        TRIGGER
        def f(changes: str) -> None:
            record("begin", WHO, ids(changes))
            while WHO == "old" and not (ROOT / "go").exists():
                time.sleep(0.01)
            record("end", ids(changes))
        """,
    )
    ground.write("one")
    with Host(root, ground.settings | {"WHO": "old"}) as old:
        driving = threading.Thread(target=old.run_until_idle)
        driving.start()
        wait_until(lambda: len(recorded(root)) == 1)
        with Host(root, ground.settings | {"WHO": "new"}) as new:
            new.run_until_idle(steal=True)
            [lease] = ground.lease_documents()
            (root / "go").touch()
            wait_until(lambda: not old.counts()["f"].in_flight)
            [after] = ground.lease_documents()
        driving.join()

    assert recorded(root) == [
        ["begin", "old", ["one"]],
        ["begin", "new", ["one"]],
        ["end", ["one"]],
        ["end", ["one"]],
    ]
    assert (lease["Owner"], after["Owner"]) == (new.name, new.name)


def test_started_hosts_poll_again_after_the_poll_delay_and_renew_their_leases(
    ground: Ground, root: Path
) -> None:
    write_app(root, COUNT)
    timing = Timing(0.02, 0.05, 0.05, 60)

    with Host(root, ground.settings, timing=timing) as host:
        host.start()
        wait_until(lambda: bool(ground.lease_documents()))
        ground.write("one")
        wait_until(lambda: recorded(root) == [[["one"]]])
        [first] = ground.lease_documents()
        wait_until(lambda: ground.lease_documents()[0]["timestamp"] > first["timestamp"])
        ground.write("two")
        wait_until(lambda: recorded(root) == [[["one"]], [["two"]]])

    assert ground.lease_documents()[0]["Owner"] is None
    assert ground.lease_documents()[0]["ContinuationToken"] == '"2"'


def test_a_started_host_follows_a_split(ground: Ground, root: Path) -> None:
    write_app(root, COUNT)

    with Host(root, ground.settings, timing=Timing(0.02, 0.05, 0.05, 60)) as host:
        host.start()
        ground.write("one")
        wait_until(lambda: recorded(root) == [[["one"]]])
        ground.endpoint.split("db", "source")
        for user in range(10):
            ground.write_for(f"user-{user}", f"item-{user}")
        wait_until(lambda: sum(len(ids) for [ids] in recorded(root)) == 11)
        wait_until(lambda: len(host.counts()["f"].leases) == 2)
