"""Users as the engine's kind of owner: what is remembered of one, and what follows from it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cosmos_views.ledger.commits import Write
from cosmos_views.ledger.owners import hot_id
from cosmos_views.ledger.plan import Documents, Memory, Plan, Planning
from cosmos_views.ledger.shards import SHARD_MARK, Shard
from cosmos_views.ledger.snapshots import Difference, Snapshot
from cosmos_views.publish.measures import Contribution, Delta, Turned
from materializers.users import carrying, proof
from materializers.users.documents import further_ids, load_user
from materializers.users.history import Carried, HotUser, User, UserMonth, month_id
from materializers.users.memory import UserMemory
from materializers.users.touched import Touched, touched_by
from processors.joins import INCIDENTS

OfUser = Callable[[User, Touched], Iterable[Contribution]]


@dataclass(frozen=True)
class Users:
    """The kind of owner `user`; `of_user` is everything that says what a history is worth."""

    of_user: Sequence[OfUser]
    name: str = "user"

    def memory(self, planning: Planning) -> Memory:
        """Incidents join interactions, facts count into the history."""
        return UserMemory(planning)

    def turned(self, plan: Plan) -> Turned:
        """What a plan changes in a user's history, and which of the user's months."""
        touched = touched_by(plan)
        return Turned(
            self._worth(plan.after, touched),
            self._worth(plan.before, touched),
            []
            if plan.after is None
            else [f"user:{month}:{plan.after.hot.user}" for month in touched.months],
        )

    def state_keys(self, hot: Mapping[str, Any]) -> list[str]:
        """The user's months."""
        return [f"user:{month}:{hot['user']}" for month in hot.get("active", {})]

    def ids(self, key: str, part: str) -> list[str]:
        """The hot document, and that of a month."""
        return [hot_id(key), month_id(key, part)]

    def further_ids(self, key: str, documents: Documents, parts: Iterable[str]) -> list[str]:
        """Shards of the hot document and of these months."""
        return further_ids(key, documents, parts)

    def load(self, key: str, documents: Documents, parts: Iterable[str]) -> User | None:
        """The history, with the blocks of these months."""
        return load_user(key, documents, parts)

    def whole_ids(self, key: str, documents: Documents) -> set[str]:
        """Every document of the history: months, and shards of all."""
        user = load_user(key, documents, ())
        if user is None:
            return set()
        months = [one for one in carrying.months_of(user) if one < user.hot.latest]
        return {month_id(key, one) for one in months} | {*further_ids(key, documents, months)}

    def entombed(self, hot: Mapping[str, Any]) -> HotUser:
        """The hot document, its counts kept until they have been taken back."""
        return msgspec.structs.replace(msgspec.convert(hot, HotUser, str_keys=True), erased=True)

    def given_up(self, key: str, documents: Documents) -> Delta:
        """What it takes to count nothing of a whole history any more."""
        user = load_user(key, documents, ())
        assert user is not None
        months = sorted(one for one in carrying.months_of(user) if one < user.hot.latest)
        user = load_user(key, documents, months)
        assert user is not None
        return carrying.given_up(user, self._worth)

    def retracted_first(self, source: str, fact: Any) -> tuple[bool, int]:
        """Incidents first, so that no join has to move; the latest days first, so that a first day
        changes only when nothing is left."""
        return source != INCIDENTS, -fact.day

    def carried(self, key: str, documents: Documents, horizon_seconds: int) -> Carried | None:
        """What periods since the horizon must know of days before it."""
        user = load_user(key, documents, ())
        return None if user is None else carrying.carried_of(user, horizon_seconds)

    def entering_ids(self, key: str, carried: Carried, documents: Documents) -> set[str]:
        """Documents that entering what is carried depends on."""
        return carrying.ids_needed(key, carried, documents)

    def entered(
        self,
        key: str,
        pk: str,
        owner: str,
        carried: Carried,
        horizon_seconds: int,
        documents: Documents,
    ) -> tuple[list[Write], Delta] | None:
        """What writes it into the generation that is built, and what it is worth."""
        return carrying.entered(key, pk, owner, carried, horizon_seconds, documents, self._worth)

    def form_of(self, document_id: str) -> type[msgspec.Struct]:
        """The form of one of a user's documents, tombstones aside."""
        if SHARD_MARK in document_id:
            return Shard
        return UserMonth if document_id.count(":") > 1 else HotUser

    def expected(
        self, key: str, snapshot: Snapshot, facts: Sequence[tuple[str, Any]], since: str
    ) -> User:
        """The history as these facts make it; of months before `since`, as it stands."""
        return proof.history(key, snapshot, facts, since)

    def worth(self, history: User) -> Iterable[Contribution]:
        """Everything that a history contributes."""
        return self._worth(history, proof.all_of(history))

    def changed_seconds(self, history: User, part: str) -> int:
        """When a month of a user was last changed."""
        return history.hot.changed.get(part, 0)

    def differences(self, key: str, expected: User | None, snapshot: Snapshot) -> list[Difference]:
        """What is wrong with the user's documents."""
        return proof.differences(key, expected, snapshot)

    def repaired(
        self, key: str, expected: User | None, snapshot: Snapshot
    ) -> Sequence[HotUser | UserMonth | Shard]:
        """The user's documents as they must be, the hot one first."""
        return proof.repaired(key, expected, snapshot)

    def _worth(self, user: User | None, touched: Touched) -> Iterable[Contribution]:
        if user is not None:
            for of_user in self.of_user:
                yield from of_user(user, touched)
