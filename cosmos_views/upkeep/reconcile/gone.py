"""Documents that are gone: counted, not found in their source, and their TTL has not passed.

Somebody deleted them outright, which no feed shows, or they never stood there under the identity
they were counted by. Entries are read some at a time, and their sources asked for these ids: memory
stays as it is however large a source is. What is not found is looked for once more after a pause,
with its entry read again: so what is written, moved or expires meanwhile is not taken for gone.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from azure.cosmos import DatabaseProxy

from cosmos_views.intake.raw_json import as_text
from cosmos_views.ledger.entries import TTL_AFTER_SOURCE_SECONDS, Outcome, entry_id
from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.plan import counted_fact
from cosmos_views.pack import Pack
from cosmos_views.store import catalogue
from cosmos_views.store.queries import in_query
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.reconcile.proof import ENTRY_PREFIX

PAGE_ENTRIES = 200
"""One query of each source asks for so many ids at most."""
PAUSE_SECONDS = 5.0
"""After so long every replica shows what was written."""
EXPIRY_MARGIN_SECONDS = 3_600
"""So shortly before it expires a document counts as expired: clocks differ."""
ENTRY_TO = "e;"

Entry = Mapping[str, Any]


@dataclass
class Gone:
    """Looks for documents that are gone."""

    pack: Pack
    database: DatabaseProxy
    state: StateStore
    pks: Sequence[str]
    in_flight_seconds: int
    pace: Callable[[], None]
    noted: Callable[[int], None]
    wait: Callable[[float], None] = time.sleep

    def entries(self) -> Iterator[Entry]:
        """The entries of documents that are gone. Raises Transient."""
        self._ttls = {
            one.name: self.database.get_container_client(one.name).read().get("defaultTtl")
            for one in catalogue.of(self.pack).with_role(catalogue.Role.SOURCE)
        }
        looked_at = 0
        for pk in self.pks:
            after = ENTRY_PREFIX
            while page := self.state.read_range(pk, after, ENTRY_TO, None, PAGE_ENTRIES):
                after = f"{page[-1]['id']}\0"
                looked_at += len(page)
                missing = self._missing(page)
                if missing:
                    self.wait(PAUSE_SECONDS)
                    again = self.state.read(pk, {one["id"] for one in missing})[0]
                    etags = {name: one.get("etag") for name, one in again.items()}
                    yield from self._missing(
                        [one for one in missing if etags.get(one["id"]) == one["etag"]]
                    )
                self.noted(looked_at)
                self.pace()

    def _missing(self, entries: Sequence[Entry]) -> list[Entry]:
        by_source: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if self._should_stand(entry):
                by_source[_source(entry)].append(entry)
        missing: list[Entry] = []
        for source, some in by_source.items():
            stand = self._standing(source, {one["document"] for one in some})
            missing += [one for one in some if one["id"] not in stand]
        return missing

    def _should_stand(self, entry: Entry) -> bool:
        """Whether its source must hold the document that an entry counts."""
        if entry.get("outcome") != Outcome.COUNTED or entry.get("etag") is None:
            return False
        source = _source(entry)
        if source not in self._ttls or not isinstance(entry.get("ts"), int):
            return False
        now_seconds = int(time.time())
        if entry["ts"] > now_seconds - self.in_flight_seconds:
            return False
        ends_at = entry["ts"] + self._lifetime(source, entry)
        return bool(now_seconds + EXPIRY_MARGIN_SECONDS < ends_at)

    def _lifetime(self, source: str, entry: Entry) -> float:
        """For how many seconds the document stands after its last write, at least: an operator may
        have given its container a shorter TTL."""
        container_ttl = self._ttls[source]
        if container_ttl is None:
            return float("inf")
        if entry.get("own_ttl") is not None:
            return float(entry["own_ttl"])
        if entry.get("ttl") is None:
            return float("inf")
        known = entry["ttl"] - TTL_AFTER_SOURCE_SECONDS
        # Longer than its container's only where it is the document's own.
        is_own = known > catalogue.of(self.pack).named(source).default_ttl
        return float(known if is_own or container_ttl == -1 else min(known, container_ttl))

    def _standing(self, source: str, ids: Collection[str]) -> set[str]:
        """Entry ids of the documents of these ids that stand, under whatever partition key value:
        by a query, because not every id can be read by point."""
        names = [f"@p{place}" for place in range(len(ids))]
        key = self.pack.source(source).key
        parts = [f"{in_query(path)} AS k{place}" for place, path in enumerate(key)]
        rows = self.database.get_container_client(source).query_items(
            f"SELECT c.id, {', '.join(parts)} FROM c WHERE c.id IN ({', '.join(names)})",  # noqa: S608 - names only
            parameters=[
                {"name": name, "value": one} for name, one in zip(names, sorted(ids), strict=True)
            ],
            enable_cross_partition_query=True,
        )
        found = msgspec.json.decode(as_text(list(rows)))
        return {
            entry_id(
                source,
                [one.get(f"k{place}", msgspec.UNSET) for place, _ in enumerate(key)],
                one["id"],
            )
            for one in found
        }


def day_of(pack: Pack, entry: Entry) -> int:
    """The epoch day that an entry counts its document in."""
    fact: Fact = counted_fact(pack.facts, _source(entry), entry)
    return fact.day


def where(entry: Entry) -> str:
    """How the document of an entry is named."""
    return f"{_source(entry)}/{entry['document']}"


def _source(entry: Entry) -> str:
    return str(entry["id"]).split(":")[1]
