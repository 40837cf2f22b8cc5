"""The physical partitions of one container: who owns which hash, and which LSN comes next.

Guarantee: the live partitions cover every hash exactly once, and an LSN only ever grows within
a partition and its children.
"""

from bisect import bisect_right
from dataclasses import dataclass

from emulators.cosmos.errors import RANGE_GONE, Refused
from emulators.cosmos.partition_keys import EPK_MAXIMUM, EPK_MINIMUM


@dataclass(slots=True)
class Partition:
    """One physical partition. `version` is the routing version that brought it."""

    number: int
    minimum: str
    maximum: str
    parents: tuple[int, ...]
    version: int
    lsn: int

    @property
    def id(self) -> str:
        return str(self.number)

    def session_token(self, lsn: int | None = None) -> str:
        return f"{self.number}:-1#{self.lsn if lsn is None else lsn}"


class Partitions:
    """The routing table of a container."""

    def __init__(self, live: list[Partition], gone: set[int]) -> None:
        self._live = sorted(live, key=lambda partition: partition.minimum)
        self._minimums = [partition.minimum for partition in self._live]
        self._gone = gone
        # Not an assertion on input: a routing table with a hole would lose documents silently.
        assert self._live[0].minimum == EPK_MINIMUM
        assert self._live[-1].maximum == EPK_MAXIMUM

    @property
    def live(self) -> list[Partition]:
        return self._live

    @property
    def version(self) -> int:
        return max(partition.version for partition in self._live)

    @property
    def next_number(self) -> int:
        numbers = {partition.number for partition in self._live} | self._gone
        return max(numbers) + 1

    def owning(self, epk: str) -> Partition:
        return self._live[bisect_right(self._minimums, epk) - 1]

    def named(self, range_id: str) -> Partition:
        """The live partition with this id; 410/1002 once it was split."""
        for partition in self._live:
            if partition.id == range_id:
                return partition
        if range_id.isdigit() and int(range_id) in self._gone:
            raise Refused(
                410,
                f"The partition key range {range_id} was split; read the ranges again.",
                substatus=RANGE_GONE,
            )
        raise Refused(410, f"There is no partition key range {range_id!r}.", substatus=RANGE_GONE)

    def overlapping(self, minimum: str, maximum: str) -> list[Partition]:
        return [p for p in self._live if p.minimum < maximum and minimum < p.maximum]
