"""Seeded fault injection: which request fails, and how.

Guarantee: with the same seed, the same rules and the same sequence of requests, the same requests
fail. Every rule draws from its own generator, so adding one rule does not move another's dice.
"""

import random
from typing import Literal

import msgspec

OPERATIONS = (
    "create",
    "read",
    "replace",
    "upsert",
    "delete",
    "batch",
    "query",
    "read_feed",
    "change_feed",
    "metadata",
)

Moment = Literal["before", "after"]


class FaultRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to fail. A rule with neither `status` nor `drop` only delays.

    `operation` is one of OPERATIONS, or `*` for every operation on items. `moment` says whether
    the operation takes effect: `before` = it does not, `after` = it does, but the client is told
    otherwise. `times` bounds how often the rule fires, `skip` lets the first matches pass.
    """

    operation: str = "*"
    container: str = "*"
    probability: float = 1.0
    times: int | None = None
    skip: int = 0
    moment: Moment = "before"
    status: int | None = None
    substatus: int = 0
    retry_after_ms: int | None = None
    drop: bool = False
    delay_ms: int = 0

    def __post_init__(self) -> None:
        if self.operation != "*" and self.operation not in OPERATIONS:
            raise ValueError(f"A fault operation is * or one of {', '.join(OPERATIONS)}.")
        if not 0 <= self.probability <= 1:
            raise ValueError("A fault probability lies between 0 and 1.")
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError("A fault status lies between 400 and 599.")
        if self.status is not None and self.drop:
            raise ValueError("A fault either answers a status or drops the connection.")
        if self.skip < 0 or self.delay_ms < 0 or (self.times is not None and self.times < 0):
            raise ValueError("A fault's skip, times and delay_ms are not negative.")

    def matches(self, operation: str, container: str) -> bool:
        # Metadata fails only when asked for by name: a client that cannot start proves little.
        named = self.operation == operation
        if not named and (self.operation != "*" or operation == "metadata"):
            return False
        return self.container in ("*", container)


class _Armed:
    """A rule with its own dice and counters."""

    def __init__(self, number: int, rule: FaultRule, seed: int) -> None:
        self.number = number
        self.rule = rule
        self.matched = 0
        self.fired = 0
        self._dice = random.Random(f"{seed}:{number}")

    def fires(self) -> bool:
        self.matched += 1
        if self.matched <= self.rule.skip:
            return False
        if self.rule.times is not None and self.fired >= self.rule.times:
            return False
        # Drawn for every match, so that `times` does not change which later match is hit.
        hit = self._dice.random() < self.rule.probability
        self.fired += hit
        return hit


class RuleReport(msgspec.Struct, frozen=True):
    """What the admin API shows of one rule."""

    id: int
    matched: int
    fired: int
    rule: FaultRule


class Faults:
    """The rules in force, asked once per request."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._next = 1
        self._armed: list[_Armed] = []

    def add(self, rule: FaultRule) -> int:
        number = self._next
        self._next += 1
        self._armed.append(_Armed(number, rule, self._seed))
        return number

    def remove(self, number: int) -> bool:
        kept = [armed for armed in self._armed if armed.number != number]
        removed = len(kept) < len(self._armed)
        self._armed = kept
        return removed

    def clear(self) -> None:
        self._armed.clear()

    def report(self) -> list[RuleReport]:
        return [RuleReport(a.number, a.matched, a.fired, a.rule) for a in self._armed]

    def strike(self, operation: str, container: str) -> tuple[float, FaultRule | None]:
        """Seconds to wait, and the first rule that fails this request, if any."""
        wait_ms = 0
        for armed in self._armed:
            if armed.rule.matches(operation, container) and armed.fires():
                wait_ms += armed.rule.delay_ms
                if armed.rule.drop or armed.rule.status is not None:
                    return wait_ms / 1000, armed.rule
        return wait_ms / 1000, None
