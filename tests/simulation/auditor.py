"""The auditor: what must hold at every commit, and what must hold when everything has come to rest.

It looks at the containers themselves, never through a worker. At every step it is content with laws
(nothing is counted without its measures, no measure is negative, no view goes back); at rest the
oracle says what every view has to be.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from cosmos_views.intake.dead_letters import LETTER_BYTES_MAX
from cosmos_views.ledger.buckets import bucket_pk
from cosmos_views.ledger.commits import encoded_bytes
from cosmos_views.ledger.entries import entry_id
from cosmos_views.ledger.generations import BEFORE_SWITCH
from cosmos_views.ledger.owners import hot_id, is_bare, owner_key
from cosmos_views.ledger.snapshots import Snapshot
from cosmos_views.store.erased import ERASED_PK
from cosmos_views.upkeep.archive.copies import is_segment_of, place_of
from cosmos_views.upkeep.reconcile import proof
from pack import PACK
from tests.oracle import Prices, SourceDocument, classify, comparable, compute_views
from tests.oracle.documents import read_user
from tests.oracle.values import Fields, Invalid
from tests.simulation.cosmos import Document, Key, Operation, Version, key_of
from tests.simulation.notes import is_note
from tests.simulation.world import SOURCES, World

COMMITS_PER_PROOF = 10
DIFFERENCES_SHOWN = 5
SYSTEM_BYTES_MAX = 500
"""Of system properties, which nobody sends."""


class Untrue(BaseException):
    """Something that must hold does not. Nothing of the worker's catches it, whatever it catches:
    it is raised amidst the worker's own writes."""


@cache
def _prices() -> Prices:
    return Prices()


class Auditor:
    """Watches one world."""

    def __init__(self, world: World, commits_per_proof: int = COMMITS_PER_PROOF) -> None:
        self._world = world
        self._commits_per_proof = commits_per_proof
        self.commits = 0
        self.proofs = 0
        self._unproven: set[Key] = set()
        """Buckets that were written to since their last proof."""
        world.containers["state"].on_commit.append(self._state_written)
        for view in PACK.views:
            world.containers[view].on_commit.append(self._view_written)

    # At every step.

    def _state_written(self, key: Key, written: Sequence[tuple[Operation, Version | None]]) -> None:
        self.commits += 1
        for operation, known in written:
            if known is None or known.body is None or operation.body is None:
                continue
            after = operation.body
            if operation.document_id == "h":
                before = msgspec.json.decode(known.body)
                if after.get("sequence", 0) < before.get("sequence", 0):
                    raise Untrue(f"the head of {key} went back")
            elif operation.document_id.startswith("e:"):
                self._entry_moved(msgspec.json.decode(known.body), after)
        if any(one[0].document_id[1:2] == ":" for one in written):
            self._unproven.add(key)
            if self.commits % self._commits_per_proof == 0:
                self.prove(key)

    def _entry_moved(self, before: Document, after: Document) -> None:
        """A decided version is never overruled by one that was written before it."""
        source = after["id"].split(":")[1]
        orders = self._world.orders[source]
        old, new = orders.get(before.get("etag")), orders.get(after.get("etag"))
        if old is None or new is None:
            raise Untrue(f"{after['id']}: nobody wrote {after.get('etag')}")
        if new < old and after.get("etag") not in self._world.current_again:
            raise Untrue(f"{after['id']} went back from {before['etag']} to {after['etag']}")
        outcomes = {before["outcome"], after["outcome"]}
        if new == old and len(outcomes) > 1 and "dead" not in outcomes:
            raise Untrue(f"{after['id']}: {before['etag']} was decided twice")

    def _view_written(self, key: Key, written: Sequence[tuple[Operation, Version | None]]) -> None:
        for operation, known in written:
            body = operation.body
            if body is None or known is None or known.body is None or "stamp" not in body:
                continue
            before, after = msgspec.json.decode(known.body)["stamp"], body["stamp"]
            if before[0] > after[0] or (
                before[0] == after[0]
                and any(old > new for old, new in zip(before[1:], after[1:], strict=True))
            ):
                raise Untrue(f"{operation.document_id} went back from {before} to {after}")

    def prove(self, key: Key) -> None:
        """Partials and journal of a bucket are the sum of what its entries and users contribute,
        as long as it is of a generation that is counted into or may be."""
        if key not in self._unproven or not self._is_kept(key):
            return
        self._unproven.remove(key)
        self.proofs += 1
        documents = {
            one["id"]: one for one in self._world.containers["state"].under(key) if not is_note(one)
        }
        snapshot = Snapshot(msgspec.json.decode(key), documents)
        must = proof.expected(PACK, snapshot)
        differences = proof.measure_differences(must.measures, proof.found_measures(snapshot))
        for of_user in proof.owner_differences(PACK, must, snapshot).values():
            differences += of_user
        if differences:
            shown = "\n".join(map(str, differences[:DIFFERENCES_SHOWN]))
            raise Untrue(f"bucket {key}: {len(differences)} sums are wrong\n{shown}")
        for state_key, measures in proof.found_measures(snapshot).items():
            for cell, row in measures.items():
                if any(value < 0 for value in row):
                    raise Untrue(f"{state_key} {cell} is negative: {row}")

    def _is_kept(self, key: Key) -> bool:
        """Whether a bucket is of the generation in force, or of one that is built."""
        now = self._world.generation()
        kept = {now.generation}
        if now.building is not None and now.building.phase in BEFORE_SWITCH:
            kept.add(now.building.generation)
        number, mark, _ = msgspec.json.decode(key).partition(":")
        return mark == ":" and int(number) in kept

    # At rest.

    def assert_true(self) -> None:
        """Everything that is published is as the oracle has it."""
        world = self._world
        entries = self._entries()
        documents = self._standing_documents() + self._gone_documents(entries)
        self._assert_decided(documents, entries)
        for pk in self._pks():
            self.prove(key_of(pk))
        if left := self._state("j:"):
            raise Untrue(f"{len(left)} journal documents are left")
        expected = compute_views(
            documents, now_seconds=world.now_seconds(), views=tuple(PACK.views), prices=_prices()
        )
        differences = []
        for view in PACK.views:
            found = {
                one["id"]: comparable(one)
                for _, one in world.containers[view].latest()
                if not (is_note(one) or one.get("empty"))
                and one.get("metric_type") != "change_feed"
            }
            for name in sorted({*expected[view], *found}):
                differences += compared(name, expected[view].get(name), found.get(name))
        if differences:
            shown = "\n".join(differences[:DIFFERENCES_SHOWN])
            raise Untrue(f"{len(differences)} differences\n{shown}")

    def assert_letters(self) -> None:
        """Every dead document has its letter, and no letter is pending without reason; where the
        source no longer holds what the letter is about, only an operator can tell."""
        status = {
            (one["source"], _key_of_letter(one), one["document_id"], one["version"]["etag"]): one
            for _, one in self._world.containers["poison_messages"].latest()
            if not is_note(one)
        }
        etags = {}
        for document in self._standing_documents():
            body = document.body
            place = document.source, key_of(body.get("user_id", msgspec.UNSET)), body["id"]
            etags[place] = body["_etag"]
            letter = status.get((*place, body["_etag"]))
            shown = None if letter is None else letter["status"]
            dead = isinstance(classify(document), tuple)
            if (shown == "pending") != dead:
                raise Untrue(f"{document.identity}: dead is {dead}, its letter is {shown}")
        for (*at, etag), letter in status.items():
            if encoded_bytes(letter) > LETTER_BYTES_MAX + SYSTEM_BYTES_MAX:
                raise Untrue(f"{at}: a letter of {encoded_bytes(letter)} bytes")
            if letter["status"] == "pending" and etags.get((at[0], at[1], at[2]), etag) != etag:
                raise Untrue(f"{at}: a letter of an old version is pending")

    def assert_forgotten(self) -> None:
        """Nothing of an erased user stands anywhere but in the sources and the registry: only the
        tombstone, which says nothing."""
        world = self._world
        for user in world.erased:
            key = owner_key(user)
            for name in ("state", "poison_messages", *PACK.views):
                for at, document in world.containers[name].latest():
                    if at == key_of(ERASED_PK):
                        continue
                    if name == "state" and document["id"] == hot_id(key) and is_bare(document):
                        continue
                    if mentioned(document, user, key):
                        raise Untrue(f"{name} still knows an erased user: {document}")
            for path, blob in world.blobs.stored.items():
                if is_segment_of(place_of(path).owner, user) or blob.tags.get("user") == key:
                    raise Untrue(f"a copy of an erased user is left: {path}")

    def assert_archived(self) -> None:
        """Every document that is not deleted has a copy of its latest version."""
        held = {blob.metadata["etag"] for blob in self._world.blobs.stored.values()}
        for document in self._standing_documents():
            body = document.body
            deleted = body.get("deleted") is True or body.get("is_deleted") is True
            if not deleted and body["_etag"].strip('"') not in held:
                raise Untrue(f"{document.identity} has aged and is not archived")

    def _entries(self) -> dict[str, list[Document]]:
        entries: dict[str, list[Document]] = {}
        for entry in self._state("e:"):
            entries.setdefault(entry["id"], []).append(entry)
        return entries

    def _pks(self) -> list[str]:
        """Partition key values of the generation in force."""
        now = self._world.generation()
        return [bucket_pk(now.generation, bucket) for bucket in range(now.buckets)]

    def _state(self, prefix: str) -> list[Document]:
        pks = set(self._pks())
        return [one for one in self._world.state(prefix) if one["pk"] in pks and not is_note(one)]

    def _is_erased(self, body: Document) -> bool:
        """Whether a version is, or may be, of a user of whom nothing must be left."""
        try:
            names = [body.get("user_id"), read_user(Fields(body))]
        except Invalid:
            names = [body.get(one) for one in ("user_id", "userId", "partition_key")]
        return any(isinstance(one, str) and one in self._world.erased for one in names)

    def _standing_documents(self) -> list[SourceDocument]:
        """What the sources hold of whom nobody erased, where no failover made it doubtful. A
        version that names nobody is still of whom earlier ones named, as long as the ledger knows
        it: whether that was erased before or after it came is nobody's to tell."""
        return [
            SourceDocument(source, _as_written(versions, current[key, name]))
            for source in SOURCES
            if (current := self._current(source)) is not None
            for (key, name), versions in self._world.versions[source].items()
            if (key, name) in current and (source, key, name) not in self._world.rolled_back
            if not any(map(self._is_erased, versions))
        ]

    def _gone_documents(self, entries: dict[str, list[Document]]) -> list[SourceDocument]:
        """What was counted of documents that expired, or of which a failover lost versions: that
        stands, whichever version it was."""
        documents = []
        for source in SOURCES:
            current = self._current(source)
            for (key, name), versions in self._world.versions[source].items():
                rolled_back = (source, key, name) in self._world.rolled_back
                if (key, name) in current and not rolled_back:
                    continue
                for entry in entries.get(_entry_id(source, versions[0]), ()):
                    if entry["outcome"] == "counted":
                        decided = _as_written(versions, entry["etag"])
                        documents.append(SourceDocument(source, decided))
        return documents

    def _current(self, source: str) -> dict[tuple[Key, str], str]:
        current = self._world.containers[source].latest_versions()
        return {(key, one.id): one.etag for key, one in current}

    def _assert_decided(
        self, documents: Sequence[SourceDocument], entries: dict[str, list[Document]]
    ) -> None:
        for document in documents:
            outcome = classify(document)
            expected = "dead" if isinstance(outcome, tuple) else outcome
            of_document = entries.get(_entry_id(document.source, document.body), [])
            found = [one for one in of_document if one.get("etag") == document.body["_etag"]]
            if {one["outcome"] for one in found} != {expected}:
                raise Untrue(
                    f"{document.identity} must be {expected}, its entries say "
                    f"{[(one['outcome'], one.get('etag')) for one in of_document]}, "
                    f"it is {document.body['_etag']}"
                )
            if any(one["outcome"] == "counted" for one in of_document if one not in found):
                raise Untrue(f"{document.identity} is counted twice")


def mentioned(value: Any, user: str, key: str) -> bool:
    """Whether JSON holds a user's id, as a text of its own or as a part of a name, or the key."""
    match value:
        case str():
            return key in value or user in value.split(":")
        case dict():
            return any(mentioned(one, user, key) for pair in value.items() for one in pair)
        case list():
            return any(mentioned(one, user, key) for one in value)
    return False


def _key_of_letter(letter: Document) -> Key:
    (wired,) = letter["partition_key"]
    return key_of(msgspec.UNSET if wired == {} else wired)


def _as_written(versions: Sequence[Document], etag: str) -> Document:
    return next(one for one in versions if one["_etag"] == etag)


def _entry_id(source: str, body: Document) -> str:
    return entry_id(source, (body.get("user_id", msgspec.UNSET),), body["id"])


def compared(path: str, expected: Any, found: Any) -> list[str]:
    """Where two JSON values differ, by path."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            difference
            for name in {**expected, **found}
            for difference in compared(f"{path}.{name}", expected.get(name), found.get(name))
        ]
    if expected == found:
        return []
    expected, found = ("a document" if isinstance(one, dict) else one for one in (expected, found))
    return [f"{path}: expected {expected!r}, found {found!r}"]
