"""Ownership: whose documents a batch holds, and in which bucket they live."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cosmos_views.intake.judging import Judged
from cosmos_views.ledger.buckets import bucket_of, bucket_pk
from cosmos_views.ledger.entries import Outcome
from cosmos_views.ledger.owners import owner_key
from cosmos_views.ledger.plan import Documents, Owner
from cosmos_views.ledger.versions import Version

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
        """The partition key value of the bucket that an owner key or anonymous entry id lives
        in."""
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


def owned(judged: Iterable[Judged], layout: Layout) -> dict[str, list[Work]]:
    """The work of a batch by bucket."""
    works: dict[tuple[str, str], Work] = {}
    for one in judged:
        name = one.change.owner
        key = None if name is None else owner_key(name)
        pk = layout.pk_of(key or one.change.entry_id)
        _work(works, pk, key, name, one).judged.append(one)
    return _by_bucket(works)


def copied(judged: Iterable[Judged], layout: Layout) -> dict[str, list[Work]]:
    """What has to be decided in other buckets as well, and before its own: there an entry says
    that all is done.

    A version whose owner cannot be read, and whose partition key names none either, may come before
    or after versions that name one, and those are decided in that owner's bucket. Decided in every
    bucket, it meets them there in one commit.
    """
    works: dict[tuple[str, str], Work] = {}
    for one in judged:
        change = one.change
        if change.owner is None and not change.owner_readable and not change.key_names_owner:
            own = layout.pk_of(change.entry_id)
            for pk in map(layout.pk, range(layout.buckets)):
                if pk != own:
                    copy = msgspec.structs.replace(one, copy=True)
                    _work(works, pk, None, None, copy).judged.append(copy)
    return _by_bucket(works)


def _by_bucket(works: dict[tuple[str, str], Work]) -> dict[str, list[Work]]:
    by_bucket: dict[str, list[Work]] = defaultdict(list)
    for work in works.values():
        by_bucket[work.owner.pk].append(work)
    return by_bucket


def version_of(entry: Mapping[str, Any]) -> Version:
    """The version an entry decided."""
    return Version(entry.get("etag"), entry.get("ts"), entry.get("lsn"))


def counts_nothing(entry: Mapping[str, Any]) -> bool:
    """Whether what an entry decided retracted the document, or never counted it."""
    return bool(entry["outcome"] != Outcome.COUNTED)


def strangers(work: Work, judged: list[Judged], documents: Documents) -> list[Work]:
    """Take out changes whose document the ledger has counted under another owner.

    Writers promise that a document's owner never changes; where one breaks the promise the ledger's
    owner stays, so that what was counted can always be retracted. An entry that counts nothing
    binds nobody.
    """
    moved: list[Work] = []
    for one in list(judged):
        entry = documents.get(one.verdict.entry_id)
        if entry is not None and not counts_nothing(entry) and entry.get("user") != work.owner.key:
            judged.remove(one)
            moved.append(Work(Owner(work.owner.pk, entry.get("user"), None), [one]))
    return moved


def _work(
    works: dict[tuple[str, str], Work], pk: str, key: str | None, owner: str | None, one: Judged
) -> Work:
    """The work of a change's owner, begun where it is the first."""
    name = (pk, key or one.change.entry_id)
    work = works.get(name)
    if work is None:
        work = works[name] = Work(Owner(pk, key, owner))
    return work
