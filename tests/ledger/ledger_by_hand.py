"""One owner's ledger as a dict of documents: reads what a plan asks for, applies what it writes."""

from typing import Any

import msgspec

from cosmos_views.ledger.entries import Outcome, Verdict, entry_id
from cosmos_views.ledger.owners import hot_id
from cosmos_views.ledger.plan import Owner, Plan, Unread, plan
from cosmos_views.ledger.versions import Version
from materializers.users.history import HotUser
from pack import PACK
from processors.facts import AnyFact, IncidentFact, InteractionFact

KEY = "k"
ADA = Owner("1:0", KEY, "ada")
NOBODY = Owner("1:0", None, None)


def source_of(fact: AnyFact) -> str:
    if isinstance(fact, InteractionFact):
        return "user_interactions"
    return "abuse_incidents" if isinstance(fact, IncidentFact) else "user_sessions"


def verdict(
    document: str,
    fact: AnyFact | None,
    *,
    source: str | None = None,
    ts: int = 1,
    outcome: Outcome | None = None,
    partition_key: object = "ada",
) -> Verdict:
    """What was decided of a version; without a fact, and unless said, a deletion."""
    source = source or ("user_interactions" if fact is None else source_of(fact))
    return Verdict(
        source=source,
        entry_id=entry_id(source, (partition_key,), document),
        document=document,
        version=Version(f'"{document}-{ts}"', ts, ts),
        outcome=outcome or (Outcome.DELETED if fact is None else Outcome.COUNTED),
        fact=fact,
        ttl=None,
    )


class Ledger:
    """What is stored; `decide` plans verdicts and applies the plan."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.read: set[str] = set()
        """Ids that the last plan was given."""
        self._etags = 0

    def plan(self, *verdicts: Verdict, owner: Owner = ADA) -> Plan:
        self.read = {one.entry_id for one in verdicts}
        if owner.key is not None:
            self.read.add(hot_id(owner.key))
        while True:
            known = {one: self.documents[one] for one in self.read if one in self.documents}
            try:
                return plan(PACK.owners, PACK.facts, owner, verdicts, known, self.read)
            except Unread as unread:
                more = unread.ids - self.read
            assert more, "asks for what was not read"
            self.read |= more

    def decide(self, *verdicts: Verdict, owner: Owner = ADA) -> Plan:
        made = self.plan(*verdicts, owner=owner)
        self.apply(made)
        return made

    def apply(self, made: Plan) -> None:
        for write in made.writes:
            known = self.documents.get(write.document_id)
            assert write.etag == (None if known is None else known["_etag"]), write.document_id
            self._etags += 1
            body = msgspec.json.decode(msgspec.json.encode(write.body))
            assert body["id"] == write.document_id
            self.documents[write.document_id] = {**body, "_etag": str(self._etags)}

    @property
    def hot(self) -> HotUser:
        return msgspec.convert(self.documents[hot_id(KEY)], HotUser, str_keys=True)

    def fact(self, one: Verdict) -> object:
        """What the entry of a document holds as counted."""
        return self.documents[one.entry_id].get("fact")
