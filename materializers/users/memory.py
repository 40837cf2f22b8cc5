"""A user within one plan: incidents joined to interactions, facts counted into the history."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.entries import Entry
from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.instants import month_label
from cosmos_views.ledger.plan import Move, Plan, Planning
from cosmos_views.ledger.shards import Shard
from materializers.users.documents import (
    further_ids,
    hot_documents,
    load_user,
    month_documents,
    months_among,
)
from materializers.users.history import HotUser, MonthsMissing, User, UserMonth, month_id
from processors.facts import IncidentFact, InteractionFact
from processors.joins import (
    INCIDENTS,
    INTERACTIONS,
    candidates,
    join_key,
    joined,
    normal_interaction_id,
)


class UserMemory:
    """What is remembered of the user of one plan."""

    def __init__(self, planning: Planning) -> None:
        self._planning = planning
        self._key = planning.owner.key
        hot = planning.hot
        self._hot = hot
        self._user = planning.owner.name or (hot["user"] if hot else None)

    def ask(self) -> None:
        """What the incidents may mean."""
        if self._user is not None:
            self._planning.require(
                candidate
                for verdict in self._planning.verdicts
                if isinstance(verdict.fact, IncidentFact) and verdict.fact.interaction is not None
                for candidate in candidates(self._user, verdict.fact.interaction)
            )

    def resolve(self, fact: Fact | None) -> Fact | None:
        """An incident's fact with the citations of the interaction it names."""
        if not isinstance(fact, IncidentFact) or self._user is None:
            return fact
        if fact.interaction is not None:
            self._planning.require(candidates(self._user, fact.interaction))
        return joined(fact, self._user, self._interaction)

    def moves(self) -> list[Move]:
        """Incidents that name an interaction decided here and now join other citations."""
        joins = self._joins()
        if not joins:
            return []
        planning = self._planning
        concerned = [
            incident_id
            for verdict in planning.verdicts
            if verdict.source == INTERACTIONS
            for incident_id in joins.get(join_key(normal_interaction_id(verdict.document)), ())
            if incident_id not in planning.decided
        ]
        planning.require(concerned)
        moves = []
        for incident_id in sorted(set(concerned)):
            old = planning.counted(INCIDENTS, incident_id)
            new = self.resolve(old)
            if old != new:
                entry = msgspec.convert(planning.documents[incident_id], Entry)
                moves.append(Move(entry, old, new))
        return moves

    def count(self, plan: Plan) -> Iterable[HotUser | UserMonth | Shard]:
        """Count the plan's facts into the user's history."""
        retracted, counted = plan.retracted, plan.counted
        self._require_months({month_label(fact.day) for fact in (*retracted, *counted)})
        before = plan.before = self._load()
        after = plan.after = before.copy() if before else self._new(counted)
        try:
            for fact in retracted:
                after.count(fact, -1)
            # In order of time, because a user's latest month only ever advances.
            for fact in sorted(counted, key=lambda fact: fact.day):
                after.count(fact, 1)
        except MonthsMissing as missing:
            self._require_months(missing.months)
            # Every earlier month was read, so the hot document is older than its months.
            raise Transient("a user's documents were read out of date") from missing
        changed = {month_label(fact.day) for fact in (*retracted, *counted)}
        if before is not None and before.first_day != after.first_day:
            # Whose first month it is decides tiers, so those months count anew.
            firsts = (before.first_day, after.first_day)
            moved = {month_label(day) for day in firsts if day is not None}
            self._require_months(moved)
            changed |= moved
        for month in sorted(changed):  # a set differs from process to process
            after.hot.changed[month] = max(after.hot.changed.get(month, 0), plan.as_of)
        for verdict, (old, new) in plan.settled(self._planning.verdicts):
            if verdict.source == INCIDENTS:
                after.list_join(verdict.entry_id, _named(old), _named(new))
        return self._documents(after)

    def _interaction(self, interaction_id: str) -> InteractionFact | None:
        """What will be counted of an interaction once this plan is committed."""
        planning = self._planning
        if interaction_id in planning.decided:
            fact: Any = planning.decided[interaction_id]
        elif planning.documents.get(interaction_id, {}).get("user") == self._key:
            fact = planning.counted(INTERACTIONS, interaction_id)
        else:
            # Of nobody, or of another user whose documents have no partition key value either.
            fact = None
        return fact if isinstance(fact, InteractionFact) else None

    def _joins(self) -> Mapping[str, list[str]]:
        """Join key → incidents that name it, from the shards too where the user has some."""
        if self._hot is not None and self._hot.get("shards"):
            user = self._load()
            assert user is not None
            return user.hot.joins
        return self._hot.get("joins", {}) if self._hot else {}

    def _load(self) -> User | None:
        assert self._key is not None
        planning = self._planning
        months = months_among(self._key, planning.read)
        planning.require(further_ids(self._key, planning.documents, months))
        return load_user(self._key, planning.documents, months)

    def _new(self, counted: Iterable[Any]) -> User:
        owner = self._planning.owner
        assert owner.key is not None
        assert owner.name is not None, "only a readable user counts for the first time"
        earliest = min(month_label(fact.day) for fact in counted)
        return User.new(owner.key, owner.pk, owner.name, earliest)

    def _documents(self, user: User) -> Iterable[HotUser | UserMonth | Shard]:
        """The hot document always, so that one ETag orders everything about the user, also shards
        that were only read; and every month that was read or begun, also unchanged."""
        documents: list[HotUser | UserMonth | Shard] = [*hot_documents(user)]
        known = self._planning.documents
        for month in sorted(user.months):
            if month == user.hot.latest:
                continue
            if month in user.touched or month_id(user.key, month) in known:
                documents.extend(month_documents(user, month))
        return documents

    def _require_months(self, months: set[str]) -> None:
        """Months before the latest have documents of their own."""
        if self._hot is not None and self._key is not None:
            latest = self._hot["latest"]
            self._planning.require(month_id(self._key, month) for month in months if month < latest)


def _named(fact: Any) -> str | None:
    """The interaction that an incident names."""
    return fact.interaction if isinstance(fact, IncidentFact) else None
