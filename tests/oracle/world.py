"""Everything that counts, and the questions the views ask about it.

A view is a function of the whole world: it filters what belongs to its period and computes.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from tests.oracle.documents import SourceDocument, standing
from tests.oracle.incidents import Incident, read_incident
from tests.oracle.interactions import Interaction, read_interaction
from tests.oracle.periods import month_of
from tests.oracle.pricing import Prices
from tests.oracle.sessions import Session, read_session
from tests.oracle.values import Invalid

Outcome = str | tuple[str, str]


@dataclass
class World:
    """The live, valid documents, grouped by day, with what depends on all of them at once."""

    interactions: dict[date, list[Interaction]] = field(default_factory=lambda: defaultdict(list))
    sessions: dict[date, list[Session]] = field(default_factory=lambda: defaultdict(list))
    incidents: dict[date, list[Incident]] = field(default_factory=lambda: defaultdict(list))
    first_day: dict[str, date] = field(default_factory=dict)
    """Of each user, over interactions, sessions and incidents."""
    first_day_of_source: dict[tuple[str, str], date] = field(default_factory=dict)
    """Of each (user, source) pair, over interactions citing the source."""
    by_join_key: dict[tuple[str, str], Interaction] = field(default_factory=dict)
    """(user, id without its prefix) → interaction; of two that match, the smaller id, then the
    partition key value that comes first."""

    def add_interaction(self, interaction: Interaction) -> None:
        self.interactions[interaction.day].append(interaction)
        user = interaction.user
        if user is None:
            return
        self._seen(user, interaction.day)
        for source in interaction.sources:
            pair = (user, source)
            known = self.first_day_of_source.get(pair, interaction.day)
            self.first_day_of_source[pair] = min(known, interaction.day)
        join_key = (user, without_prefix(interaction.id))
        rival = self.by_join_key.get(join_key, interaction)
        self.by_join_key[join_key] = min(
            rival, interaction, key=lambda each: (each.id, each.partition)
        )

    def add_session(self, session: Session) -> None:
        self.sessions[session.day].append(session)
        self._seen(session.user, session.day)

    def add_incident(self, incident: Incident) -> None:
        self.incidents[incident.day].append(incident)
        self._seen(incident.user, incident.day)

    def _seen(self, user: str | None, day: date) -> None:
        if user is not None:
            self.first_day[user] = min(self.first_day.get(user, day), day)

    def days(self) -> list[date]:
        return sorted({*self.interactions, *self.sessions, *self.incidents})

    def interactions_of(self, days: Iterable[date]) -> list[Interaction]:
        return [each for day in days for each in self.interactions.get(day, ())]

    def sessions_of(self, days: Iterable[date]) -> list[Session]:
        return [each for day in days for each in self.sessions.get(day, ())]

    def incidents_of(self, days: Iterable[date]) -> list[Incident]:
        return [each for day in days for each in self.incidents.get(day, ())]

    def days_of_month(self, month: date) -> list[date]:
        return [day for day in self.days() if month_of(day) == month]

    def active_users(self, days: Iterable[date]) -> set[str]:
        """Known users with an interaction or a started session on one of the days."""
        days = list(days)
        members: list[Interaction | Session] = [
            *self.interactions_of(days),
            *self.sessions_of(days),
        ]
        return {each.user for each in members if each.user is not None}

    def interaction_of(self, incident: Incident) -> Interaction | None:
        """The interaction the incident is about, if it is here and of the same user."""
        if incident.user is None or incident.interaction_id is None:
            return None
        return self.by_join_key.get((incident.user, without_prefix(incident.interaction_id)))


def without_prefix(interaction_id: str) -> str:
    return interaction_id.removeprefix("interaction_")


def add_document(world: World, document: SourceDocument, prices: Prices) -> Outcome:
    """Adds what counts; says what became of the document."""
    try:
        outcome = standing(document)
        if outcome != "live":
            return outcome
        if document.source == "user_interactions":
            world.add_interaction(read_interaction(document, prices))
        elif document.source == "user_sessions":
            world.add_session(read_session(document))
        else:
            world.add_incident(read_incident(document))
    except Invalid as invalid:
        return "dead", invalid.path
    return "counted"
