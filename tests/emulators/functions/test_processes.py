"""Hosts as processes: crashes, sharing, and the way they end."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from emulators.functions import Host
from tests.emulators.functions.apps import recorded, write_app
from tests.emulators.functions.conftest import Ground
from tests.emulators.functions.processes import FAST, host_process
from tests.emulators.functions.waiting import wait_until

HOLDS = """
TRIGGER
def f(changes: str) -> None:
    record("begin", os.getpid(), ids(changes))
    while not (ROOT / "go").exists():
        time.sleep(0.01)
    record("end", os.getpid(), ids(changes))
"""


def test_a_host_killed_before_its_checkpoint_has_its_batch_delivered_again(
    ground: Ground, root: Path
) -> None:
    write_app(root, HOLDS)
    ground.write("one")
    with host_process(root, ground.settings, "--no-http", *FAST) as process:
        wait_until(lambda: len(recorded(root)) == 1)
        process.kill()

    (root / "go").touch()
    with Host(root, ground.settings) as host:
        host.run_until_idle(steal=True)

    assert [(event, ids) for event, _, ids in recorded(root)] == [
        ("begin", ["one"]),
        ("begin", ["one"]),
        ("end", ["one"]),
    ]


def test_two_hosts_share_four_leases_and_one_takes_over_all_when_the_other_is_killed(
    grounds: Callable[[int], Ground], root: Path
) -> None:
    ground = grounds(4)
    write_app(root, "TRIGGER\ndef f(changes: str) -> None: record(ids(changes))")
    users = [f"user-{user}" for user in range(20)]

    def shares() -> list[int]:
        owners = [lease["Owner"] for lease in ground.lease_documents()]
        return sorted(Counter(owner for owner in owners if owner).values())

    with (
        host_process(root, ground.settings, "--no-http", *FAST) as first,
        host_process(root, ground.settings, "--no-http", *FAST) as second,
    ):
        wait_until(lambda: shares() == [2, 2])
        for user in users:
            ground.write_for(user, f"shared-{user}")
        wait_until(lambda: sum(len(ids) for [ids] in recorded(root)) >= len(users))
        first.kill()
        for user in users:
            ground.write_for(user, f"alone-{user}")
        wait_until(lambda: shares() == [4])
        delivered = {f"{when}-{user}" for user in users for when in ("shared", "alone")}
        wait_until(lambda: {one for [ids] in recorded(root) for one in ids} == delivered)
        assert second.terminate() == 0


def test_sigterm_lets_the_batch_in_flight_end_checkpoints_it_and_frees_the_lease(
    ground: Ground, root: Path
) -> None:
    write_app(root, HOLDS)
    ground.write("one")

    with host_process(root, ground.settings, "--no-http", *FAST) as process:
        wait_until(lambda: len(recorded(root)) == 1)
        process.ask_to_stop()
        process.wait_for_line("Stopping")
        (root / "go").touch()
        assert process.wait() == 0

    [lease] = ground.lease_documents()
    assert (lease["Owner"], lease["ContinuationToken"]) == (None, '"1"')
    assert [event for event, _, _ in recorded(root)] == ["begin", "end"]
    assert "Stopped" in process.output


def test_a_host_that_cannot_run_its_app_says_why_and_exits_with_one(tmp_path: Path) -> None:
    with host_process(tmp_path, {}, "--no-http") as process:
        assert process.wait() == 1

    assert f"There is no function_app.py in {tmp_path}." in process.output
