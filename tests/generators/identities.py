"""Who a document is: container, id and user fields, the same in all its versions.

The writers promise that a document's user and its partition key value never change, so both are a
function of the slot that a step picks.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

USERS = ("ada", "Ada\t\n", "a/b\\c?d#e%2F~", "यूज़र-道", "/~\x01" * 300)
STAMPS = (
    *("2025-01-02T03:04:05.600Z", "2025-01-02T03:04:05.6Z"),
    *("2025-01-02T05:04:05.6+02:00", "2025-01-02T03:04:05.6+00:00", "/Date(1735787045600)/"),
    *("2025-01-02T03:04:05.600", "2025-01-02T03:04:05.6", "2025-01-02T24:00:00Z"),
)
"""Texts that the host rewrites, and what it writes for them: several come out as one."""
NOT_IN_A_PATH = ("a%2Fb", "foo 1/2", ".", "..")
"""Ids that the service has and a path does not find."""
INTERACTIONS, SESSIONS, INCIDENTS = "user_interactions", "user_sessions", "abuse_incidents"
_SOURCES = (INTERACTIONS, INTERACTIONS, INTERACTIONS, SESSIONS, SESSIONS, INCIDENTS)


@dataclass(frozen=True)
class Identity:
    source: str
    id: str
    user_fields: dict[str, Any]
    """Of `user_id`, `userId`, `partition_key`: those the document has."""
    user: str | None


def identity(slot: int) -> Identity:
    """Slots are laid out so that ids, users and containers meet in every combination."""
    if slot >= _PLAIN_SLOTS:
        return _HOSTILE[slot - _PLAIN_SLOTS]
    source = _SOURCES[slot % len(_SOURCES)]
    user = USERS[slot // 2 % len(USERS)] if slot % 7 != 6 else None
    prefix = "interaction_" if slot % 4 == 0 and source == INTERACTIONS else ""
    name = f"{prefix}{'joined' if slot % 3 == 0 else 'document'}-{slot // 6 % 3} é"
    return Identity(source, name, _user_fields(slot, user), user)


def interaction_ids(user: str | None) -> list[str]:
    """Of the user's interactions, which incidents may name."""
    slots = map(identity, range(SLOTS))
    return [each.id for each in slots if each.source == INTERACTIONS and each.user == user]


def _user_fields(slot: int, user: str | None) -> dict[str, Any]:
    random = Random(slot)
    if user is None:
        empty: list[dict[str, Any]] = [
            {},
            {"user_id": None},
            {"user_id": ""},
            {"user_id": "", "userId": None, "partition_key": ""},
            {"userId": ""},
        ]
        return random.choice(empty)
    named: list[dict[str, Any]] = [
        {"user_id": user},
        {"user_id": user},
        {"user_id": user, "partition_key": user},
        {"user_id": user, "userId": "somebody else"},
        {"userId": user},
        {"user_id": None, "partition_key": user},
        {"user_id": "", "userId": user, "partition_key": "somebody else"},
    ]
    return random.choice(named)


_PLAIN_SLOTS = 30
_HOSTILE = (
    *(Identity(INTERACTIONS, stamp, {"user_id": "ada"}, "ada") for stamp in STAMPS),
    *(Identity(INTERACTIONS, "of a stamp", {"user_id": stamp}, stamp) for stamp in STAMPS[:3]),
    Identity(SESSIONS, "of a stamp", {"userId": STAMPS[0]}, STAMPS[0]),
    Identity(SESSIONS, "of another", {"userId": STAMPS[1]}, STAMPS[1]),
    *(Identity(INCIDENTS, stamp, {}, None) for stamp in STAMPS[:2]),
    Identity(INCIDENTS, "of ada", {"user_id": "ada"}, "ada"),
    *(Identity(INTERACTIONS, name, {"user_id": "bob"}, "bob") for name in NOT_IN_A_PATH),
    *(Identity(SESSIONS, name, {"user_id": None}, None) for name in NOT_IN_A_PATH[:1]),
)
SLOTS = _PLAIN_SLOTS + len(_HOSTILE)
