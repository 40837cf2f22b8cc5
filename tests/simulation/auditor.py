"""The auditor: what must hold at every commit, and what must hold when everything has come to rest.

It looks at the containers themselves, never through a worker. At every step it is content with laws
(nothing is counted without its measures, no measure is negative, no view goes back); at rest the
oracle says what every view has to be.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from ledger.entries import entry_id
from materializers import proof
from materializers.registry import VIEWS
from tests.oracle import Prices, SourceDocument, classify, comparable, compute_views
from tests.simulation.cosmos import Document, Key, Operation, Version, key_of
from tests.simulation.world import SOURCES, World

COMMITS_PER_PROOF = 10
DIFFERENCES_SHOWN = 5


class Untrue(AssertionError):
    """Something that must hold does not."""


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
        for view in VIEWS:
            world.containers[view].on_commit.append(self._view_written)

    # At every step.

    def _state_written(self, key: Key, written: Sequence[tuple[Operation, Version | None]]) -> None:
        self.commits += 1
        for operation, known in written:
            if known is None or known.body is None or operation.body is None:
                continue
            after = operation.body
            if operation.document_id == "h":
                if after["sequence"] < msgspec.json.decode(known.body)["sequence"]:
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
        """Partials and journal of a bucket are the sum of what its entries and users contribute."""
        if key not in self._unproven:
            return
        self._unproven.remove(key)
        self.proofs += 1
        documents = {one["id"]: one for one in self._world.containers["state"].under(key)}
        snapshot = proof.Snapshot(msgspec.json.decode(key), documents)
        must = proof.expected(snapshot)
        differences = proof.measure_differences(must.measures, proof.found_measures(snapshot))
        for of_user in proof.user_differences(must, snapshot).values():
            differences += of_user
        if differences:
            shown = "\n".join(map(str, differences[:DIFFERENCES_SHOWN]))
            raise Untrue(f"bucket {key}: {len(differences)} sums are wrong\n{shown}")
        for state_key, measures in proof.found_measures(snapshot).items():
            for cell, row in measures.items():
                if any(value < 0 for value in row):
                    raise Untrue(f"{state_key} {cell} is negative: {row}")

    # At rest.

    def assert_true(self) -> None:
        """Everything that is published is as the oracle has it."""
        world = self._world
        entries = self._entries()
        documents = self._standing_documents() + self._gone_documents(entries)
        self._assert_decided(documents, entries)
        for bucket in range(world.buckets):
            self.prove(f'"1:{bucket}"')
        if left := world.state("j:"):
            raise Untrue(f"{len(left)} journal documents are left")
        expected = compute_views(
            documents, now_seconds=world.now_seconds(), views=tuple(VIEWS), prices=_prices()
        )
        differences = []
        for view in VIEWS:
            found = {
                one["id"]: comparable(one)
                for _, one in world.containers[view].latest()
                if not one.get("empty") and one.get("metric_type") != "change_feed"
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
            if letter["status"] == "pending" and etags.get((at[0], at[1], at[2]), etag) != etag:
                raise Untrue(f"{at}: a letter of an old version is pending")

    def _entries(self) -> dict[str, list[Document]]:
        entries: dict[str, list[Document]] = {}
        for entry in self._world.state("e:"):
            entries.setdefault(entry["id"], []).append(entry)
        return entries

    def _standing_documents(self) -> list[SourceDocument]:
        """What the sources hold, where no failover made it doubtful."""
        return [
            SourceDocument(source, _as_written(versions, current[key, name]))
            for source in SOURCES
            if (current := self._current(source)) is not None
            for (key, name), versions in self._world.versions[source].items()
            if (key, name) in current and (source, key, name) not in self._world.rolled_back
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


def _key_of_letter(letter: Document) -> Key:
    (wired,) = letter["partition_key"]
    return key_of(msgspec.UNSET if wired == {} else wired)


def _as_written(versions: Sequence[Document], etag: str) -> Document:
    return next(one for one in versions if one["_etag"] == etag)


def _entry_id(source: str, body: Document) -> str:
    return entry_id(source, body.get("user_id", msgspec.UNSET), body["id"])


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
