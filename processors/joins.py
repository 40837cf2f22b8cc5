"""Joins: which interaction an incident is about, whichever of the two is heard of first.

An incident counts for every source that the interaction it names cites. The citations it was joined
to are part of its counted fact, so when the interaction arrives, changes or goes, the incident's
fact changes with it, in the same commit (views.md, section 6).
"""

from collections.abc import Callable

import msgspec

from cosmos_views.ledger.entries import entry_id
from cosmos_views.ledger.labels import digest
from processors.facts import IncidentFact, InteractionFact

INTERACTIONS = "user_interactions"
INCIDENTS = "abuse_incidents"
INTERACTION_PREFIX = "interaction_"
_KEY_CHARACTERS = 16


def normal_interaction_id(interaction_id: str) -> str:
    """An interaction's id without one leading `interaction_`."""
    return interaction_id.removeprefix(INTERACTION_PREFIX)


def join_key(normal_id: str) -> str:
    """The name under which a user's hot document lists incidents that name an interaction."""
    return digest(normal_id)[:_KEY_CHARACTERS]


def candidates(user: str, normal_id: str) -> list[str]:
    """Entry ids of every document that an incident of this user may mean, the smaller id first.

    A document of the user has the user, nothing, null or "" at its partition key.
    """
    document_ids = [INTERACTION_PREFIX + normal_id]
    if normal_interaction_id(normal_id) == normal_id:
        document_ids = sorted((normal_id, *document_ids))
    return [
        entry_id(INTERACTIONS, (partition_key,), document_id)
        for document_id in document_ids
        for partition_key in (user, msgspec.UNSET, None, "")
    ]


def joined(
    fact: IncidentFact, user: str, interaction_of: Callable[[str], InteractionFact | None]
) -> IncidentFact:
    """The incident's fact with the citations of the interaction it names, if that is counted."""
    cited: tuple[tuple[str, str, str], ...] = ()
    if fact.interaction is not None:
        for candidate in candidates(user, fact.interaction):
            interaction = interaction_of(candidate)
            if interaction is not None:
                cited = tuple(
                    (citation.source, citation.chapter, citation.verse)
                    for citation in interaction.citations
                )
                break
    return fact if fact.cited == cited else msgspec.structs.replace(fact, cited=cited)
