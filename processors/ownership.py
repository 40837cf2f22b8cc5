"""Ownership: whose documents a batch holds, and in which bucket they live."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.buckets import bucket_of, bucket_pk
from ledger.entries import Outcome
from ledger.plan import Documents, Owner
from ledger.users import user_key
from ledger.versions import Order, Version, order
from processors.judging import Judged
from processors.ports import State

CHANGES_OF_ONE_OWNER_MAX = 80
"""Planned together at most: with hot document, months and journal they stay under one commit."""


@dataclass(frozen=True)
class Layout:
    """Where state lies: the generation in force and its number of buckets."""

    generation: int
    buckets: int

    def pk(self, bucket: int) -> str:
        """The partition key value of a bucket of this generation."""
        return bucket_pk(self.generation, bucket)

    def pk_of(self, name: str) -> str:
        """The partition key value of the bucket that a user key or anonymous entry id lives in."""
        return self.pk(bucket_of(name, self.buckets))


@dataclass
class Work:
    """One owner's changes that are still to be settled, in delivered order."""

    owner: Owner
    judged: list[Judged] = field(default_factory=list)
    attempts: int = 0
    alone: bool = False
    """Commit without others: a conflict or the size of the commit asks for it."""
    uncertain: bool = False
    """A commit was sent and not answered: what is found decided may be our own."""
    slice_size: int = CHANGES_OF_ONE_OWNER_MAX

    def take(self) -> list[Judged]:
        """The next changes to plan; they leave the work until put back."""
        taken, self.judged = self.judged[: self.slice_size], self.judged[self.slice_size :]
        return taken

    def put_back(self, judged: list[Judged]) -> None:
        """Return changes that could not be settled; doubts about them begin anew."""
        for one in judged:
            one.settled = False
        self.judged = judged + self.judged


def owned(judged: Iterable[Judged], layout: Layout, state: State) -> dict[str, list[Work]]:
    """The work of a batch by bucket.

    A change whose user cannot be read may still have counted for one: its entry is looked for in
    every bucket, so that what an earlier version counted is retracted where it was counted.
    """
    works: dict[tuple[str, str], Work] = {}
    unreadable: dict[str, Judged] = {}
    for one in judged:
        change = one.change
        if change.user is not None:
            key = user_key(change.user)
            _add(works, Owner(layout.pk_of(key), key, change.user), one)
        elif change.user_readable:
            _add(works, Owner(layout.pk_of(change.entry_id), None, None), one)
        else:
            unreadable[change.entry_id] = one
    for entry_id, owner in _owners_found(unreadable, layout, state).items():
        _add(works, owner, unreadable.pop(entry_id))
    for entry_id, one in unreadable.items():
        _add(works, Owner(layout.pk_of(entry_id), None, None), one)
    _look_elsewhere(works.values(), layout, state)
    by_bucket: dict[str, list[Work]] = defaultdict(list)
    for work in works.values():
        by_bucket[work.owner.pk].append(work)
    return by_bucket


def _owners_found(
    unreadable: Mapping[str, Judged], layout: Layout, state: State
) -> dict[str, Owner]:
    """Whose the documents are, as the ledger has it. Of several entries the one that decided this
    very version speaks for its document, else a counted one, else the latest."""
    found: dict[str, tuple[tuple[bool, bool, int, int], Owner]] = {}
    for bucket in range(layout.buckets) if unreadable else ():
        pk = layout.pk(bucket)
        for entry_id, entry in state.read(pk, unreadable.keys())[0].items():
            version = version_of(entry)
            same = order(unreadable[entry_id].verdict.version, version) is Order.DUPLICATE
            counted = entry["outcome"] == Outcome.COUNTED
            rank = (same, counted, version.ts or 0, version.lsn or 0)
            if entry_id not in found or rank > found[entry_id][0]:
                found[entry_id] = rank, Owner(pk, entry.get("user"), None)
    return {entry_id: owner for entry_id, (_, owner) in found.items()}


def _look_elsewhere(works: Iterable[Work], layout: Layout, state: State) -> None:
    """A version without a readable user that was heard of first has its entry in the bucket of
    the document, not of the user. It can only be where the partition key does not name the user."""
    if layout.buckets == 1:
        return
    elsewhere: dict[str, dict[str, Judged]] = defaultdict(dict)
    for work in works:
        for one in work.judged:
            pk = layout.pk_of(one.change.entry_id)
            named = isinstance(one.change.partition_key, str) and one.change.partition_key
            if work.owner.key is not None and not named and pk != work.owner.pk:
                elsewhere[pk][one.change.entry_id] = one
    for pk, sought in elsewhere.items():
        for entry_id, entry in state.read(pk, sought.keys())[0].items():
            sought[entry_id].elsewhere = entry


def version_of(entry: Mapping[str, Any]) -> Version:
    """The version an entry decided."""
    return Version(entry.get("etag"), entry.get("ts"), entry.get("lsn"))


def strangers(work: Work, judged: list[Judged], documents: Documents) -> list[Work]:
    """Take out changes whose document the ledger has counted under another owner.

    Writers promise that a document's user never changes; where one breaks the promise the ledger's
    owner stays, so that what was counted can always be retracted. An entry that counts nothing
    binds nobody.
    """
    moved: list[Work] = []
    for one in list(judged):
        entry = documents.get(one.verdict.entry_id)
        if (
            entry is not None
            and entry["outcome"] == Outcome.COUNTED
            and entry.get("user") != work.owner.key
        ):
            judged.remove(one)
            moved.append(Work(Owner(work.owner.pk, entry.get("user"), None), [one]))
    return moved


def _add(works: dict[tuple[str, str], Work], owner: Owner, one: Judged) -> None:
    name = owner.key or one.change.entry_id
    works.setdefault((owner.pk, name), Work(owner)).judged.append(one)
