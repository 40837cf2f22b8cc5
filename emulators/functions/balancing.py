"""Which leases a host should take: the platform's equal distribution.

Guarantee: pure. Every host aims at ⌈leases ÷ hosts⌉; free and expired leases come first, then one
at a time from the host that has most, so hosts that see the same leases settle.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from emulators.functions.leases import Lease


def is_free(lease: Lease, now: datetime, expiration_seconds: float) -> bool:
    return lease.owner is None or lease.timestamp + timedelta(seconds=expiration_seconds) < now


def leases_to_take(
    leases: Sequence[Lease], me: str, now: datetime, expiration_seconds: float
) -> list[Lease]:
    free = [lease for lease in leases if is_free(lease, now, expiration_seconds)]
    held = Counter(lease.owner for lease in leases if lease not in free)
    held.setdefault(me, 0)
    # As many hosts as leases or more: each holds one at most.
    target = -(-len(leases) // len(held))
    needed = target - held[me]
    if needed <= 0:
        return []
    if free:
        return free[:needed]
    richest, most = max(held.items(), key=lambda item: item[1])
    # One lease short, the host with most may keep its target; more short, it gives way sooner.
    if most <= target - (1 if needed > 1 else 0):
        return []
    return [next(lease for lease in leases if lease.owner == richest)]
