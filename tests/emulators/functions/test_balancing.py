"""Which leases a host takes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from emulators.functions.balancing import leases_to_take
from emulators.functions.leases import Lease

NOW = datetime(2026, 11, 21, 7, tzinfo=UTC)


def lease(token: str, owner: str | None, age_seconds: float = 0) -> Lease:
    timestamp = (NOW - timedelta(seconds=age_seconds)).isoformat()
    return Lease({"id": token, "LeaseToken": token, "Owner": owner, "timestamp": timestamp})


def taken(leases: list[Lease], me: str) -> list[str]:
    return [one.token for one in leases_to_take(leases, me, NOW, expiration_seconds=60)]


def test_a_host_alone_takes_every_free_lease() -> None:
    assert taken([lease("a", None), lease("b", None)], "me") == ["a", "b"]


def test_an_expired_lease_is_free_and_a_live_one_is_not() -> None:
    leases = [lease("a", "other", age_seconds=61), lease("b", "other", age_seconds=59)]

    assert taken(leases, "me") == ["a"]


def test_a_new_host_takes_one_lease_at_a_time_from_the_host_that_has_most() -> None:
    leases = [lease(token, "rich") for token in "abcd"]

    assert taken(leases, "me") == ["a"]


def test_a_host_with_its_share_takes_nothing() -> None:
    leases = [lease("a", "me"), lease("b", "me"), lease("c", "other"), lease("d", "other")]

    assert taken(leases, "me") == []


@given(lease_count=st.integers(1, 12), host_count=st.integers(1, 5), seed=st.randoms())
def test_hosts_that_take_turns_settle_with_shares_that_differ_by_one_at_most(
    lease_count: int, host_count: int, seed: object
) -> None:
    owners: dict[str, str | None] = {f"{index:02}": None for index in range(lease_count)}
    hosts = [f"host{index}" for index in range(host_count)]
    for _ in range(lease_count * host_count + 2):
        before = dict(owners)
        for host in hosts:
            current = [lease(token, owner) for token, owner in owners.items()]
            for token in taken(current, host):
                owners[token] = host
        if before == owners:
            break
    else:
        raise AssertionError(f"never settled: {owners}")
    shares = [list(owners.values()).count(host) for host in hosts]
    assert max(shares) <= -(-lease_count // host_count)
