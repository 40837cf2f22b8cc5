"""Kinds of owners: what a pack remembers of the entities whose documents are planned together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from cosmos_views.ledger.commits import Write
from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.owners import hot_id
from cosmos_views.ledger.plan import Documents, Memory, Move, Plan, PlannedOwners, Planning
from cosmos_views.ledger.snapshots import Difference, Snapshot
from cosmos_views.publish.measures import Contribution, Delta, Turned


class OwnerKind(PlannedOwners, Protocol):
    """What is remembered of owners, and what follows from it. A history is the kind's own value.

    `documents` holds the state documents that were read, by id. Whoever calls reads the ids that a
    method names, asks again with what was found, and goes on when nothing new is named.
    """

    @property
    def name(self) -> str:
        """What an owner is called, such as `user`."""

    def turned(self, plan: Plan) -> Turned:
        """What a plan changes in its owner's history."""

    def state_keys(self, hot: Mapping[str, Any]) -> list[str]:
        """State keys `{kind}:{part}:{owner}` of everything published of one owner."""

    def ids(self, key: str, part: str) -> list[str]:
        """Ids of the hot document and of one part of the history."""

    def further_ids(self, key: str, documents: Documents, parts: Iterable[str]) -> list[str]:
        """Ids of what belongs to the hot document and these parts, as read."""

    def load(self, key: str, documents: Documents, parts: Iterable[str]) -> Any:
        """The history, as far as these parts; None where there is none."""

    def whole_ids(self, key: str, documents: Documents) -> set[str]:
        """Ids of all documents of a history, as far as they can be told."""

    def entombed(self, hot: Mapping[str, Any]) -> msgspec.Struct:
        """The hot document, marked as being erased, its counts as they are."""

    def given_up(self, key: str, documents: Documents) -> Delta:
        """What it takes to count nothing of a whole history any more."""

    def retracted_first(self, source: str, fact: Any) -> Any:
        """Sort key: in which order the facts of an owner are best taken back."""

    def carried(self, key: str, documents: Documents, horizon_seconds: int) -> Any:
        """What a new generation must know of the time before its horizon; None for nothing."""

    def entering_ids(self, key: str, carried: Any, documents: Documents) -> set[str]:
        """Ids of what entering this depends on."""

    def entered(
        self,
        key: str,
        pk: str,
        owner: str,
        carried: Any,
        horizon_seconds: int,
        documents: Documents,
    ) -> tuple[list[Write], Delta] | None:
        """What writes it, and what it is worth; None where it was entered before, or the owner was
        erased."""

    def form_of(self, document_id: str) -> type[msgspec.Struct]:
        """The form of one of an owner's documents, tombstones aside."""

    def expected(
        self, key: str, snapshot: Snapshot, facts: Sequence[tuple[str, Any]], since: str
    ) -> Any:
        """The history as these facts (entry id, fact) make it; before the month `since`, as it
        stands."""

    def worth(self, history: Any) -> Iterable[Contribution]:
        """Everything that a history contributes."""

    def changed_seconds(self, history: Any, part: str) -> int:
        """The greatest `_ts` among the versions that changed a part of a history; 0 if unknown."""

    def differences(self, key: str, expected: Any, snapshot: Snapshot) -> list[Difference]:
        """What is wrong with an owner's documents."""

    def repaired(self, key: str, expected: Any, snapshot: Snapshot) -> Sequence[Any]:
        """An owner's documents as they must be, the hot one first."""


class BareOwner(msgspec.Struct, omit_defaults=True):
    """The hot document of an owner of whom nothing is remembered."""

    id: str
    pk: str
    user: str
    """As documents name the owner."""
    erased: bool = False


@dataclass(frozen=True)
class Bare:
    """No memory: the hot document is there so that an erasure refuses what would count later."""

    name: str = "owner"

    def memory(self, planning: Planning) -> Memory:
        """Facts stand for themselves."""
        return _BareMemory(planning)

    def turned(self, _plan: Plan) -> Turned:
        """Nothing follows from a history."""
        return Turned((), (), ())

    def state_keys(self, _hot: Mapping[str, Any]) -> list[str]:
        """Nothing is published of an owner."""
        return []

    def ids(self, key: str, _part: str) -> list[str]:
        """The hot document."""
        return [hot_id(key)]

    def further_ids(self, _key: str, _documents: Documents, _parts: Iterable[str]) -> list[str]:
        """None."""
        return []

    def load(self, _key: str, _documents: Documents, _parts: Iterable[str]) -> None:
        """There is no history."""

    def whole_ids(self, _key: str, _documents: Documents) -> set[str]:
        """None."""
        return set()

    def entombed(self, hot: Mapping[str, Any]) -> BareOwner:
        """The hot document, marked as being erased."""
        return BareOwner(hot["id"], hot["pk"], hot["user"], erased=True)

    def given_up(self, _key: str, _documents: Documents) -> Delta:
        """Nothing beyond its facts."""
        return {}

    def retracted_first(self, _source: str, _fact: Any) -> int:
        """In any order."""
        return 0

    def carried(self, _key: str, _documents: Documents, _horizon_seconds: int) -> None:
        """Nothing."""

    def entering_ids(self, _key: str, _carried: Any, _documents: Documents) -> set[str]:
        """None."""
        return set()

    def entered(
        self,
        _key: str,
        _pk: str,
        _owner: str,
        _carried: Any,
        _horizon_seconds: int,
        _documents: Documents,
    ) -> None:
        """Nothing is carried."""

    def form_of(self, _document_id: str) -> type[BareOwner]:
        """The only form there is."""
        return BareOwner

    def expected(
        self, _key: str, _snapshot: Snapshot, _facts: Sequence[tuple[str, Any]], _since: str
    ) -> None:
        """No history."""

    def worth(self, _history: None) -> Iterable[Contribution]:
        """Nothing."""
        return ()

    def changed_seconds(self, _history: None, _part: str) -> int:
        """Not known."""
        return 0

    def differences(self, _key: str, _expected: None, _snapshot: Snapshot) -> list[Difference]:
        """A hot document cannot be wrong."""
        return []

    def repaired(self, key: str, _expected: None, snapshot: Snapshot) -> Sequence[BareOwner]:
        """The hot document as it stands."""
        return [msgspec.convert(snapshot.documents[hot_id(key)], BareOwner)]


class _BareMemory:
    def __init__(self, planning: Planning) -> None:
        self._planning = planning

    def ask(self) -> None:
        pass

    def resolve(self, fact: Fact | None) -> Fact | None:
        return fact

    def moves(self) -> list[Move]:
        return []

    def count(self, _plan: Plan) -> Iterable[BareOwner]:
        owner, hot = self._planning.owner, self._planning.hot
        assert owner.key is not None
        name = owner.name or (hot["user"] if hot else None)
        assert name is not None, "only a readable owner counts for the first time"
        return [BareOwner(hot_id(owner.key), owner.pk, name)]
