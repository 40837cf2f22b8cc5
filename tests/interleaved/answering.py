"""What the store answers, and how the world stands after that; each worked out once."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.interleaved import laws
from tests.interleaved.questions import (
    Commit,
    EndRebuild,
    Pause,
    Question,
    ReadClock,
    ReadGeneration,
    ReadPage,
    ReadRebuilt,
    ReadState,
    Remove,
    Switch,
    Tick,
    Upsert,
    WritePage,
)
from tests.interleaved.store import (
    NOTHING,
    Partition,
    Refused,
    Stored,
    World,
    applied,
    counts_under,
    paged,
    plus,
    put_by,
)


@dataclass
class Answering:
    """Makes worlds from worlds; equal ones are the same object."""

    check_commit: Callable[[Partition, Partition], None] = laws.check_commit
    _worlds: dict[Any, World] = field(default_factory=dict)
    _partitions: dict[Any, Partition] = field(default_factory=dict)
    _commits: dict[tuple[Partition, Commit], Partition | Refused] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._worlds)

    def answer(self, world: World, question: Question, age: int = 0) -> tuple[Any, World]:
        """(the answer, the world after it). A reading may be one write old (`age` 1); it is None
        where that cannot be."""
        if isinstance(question, ReadState):
            partition = world.partition(question.pk)
            lsn = partition.lsn - age
            if lsn < max(question.session, 0):
                return None, world
            found = partition.at(age)
            if question.ids is not None:
                return (tuple(one for one in found if one.id in question.ids), lsn), world
            within = tuple(one for one in found if question.start <= one.id < question.end)
            return (within[: question.limit], 0), world
        if isinstance(question, ReadPage):
            page = world.page
            return (page.before if age else (page.version, page.body)), world
        if age:
            return None, world
        return self._written(world, question)

    def _written(self, world: World, question: Question) -> tuple[Any, World]:
        if isinstance(question, Commit):
            before = world.partition(question.pk)
            partition = self._committed(before, question)
            if isinstance(partition, Refused):
                return partition, world
            return partition.lsn, self._with(world, before, partition)
        if isinstance(question, (Upsert, Remove)):
            return self._put(world, question)
        if isinstance(question, WritePage):
            page = paged(world.page, question.body, question.etag)
            if isinstance(page, Refused):
                return page, world
            return page.version, self.known(replace(world, page=page))
        if isinstance(question, ReadGeneration):
            return world.generation, world
        if isinstance(question, Switch):
            return None, self.known(replace(world, generation=question.generation))
        if isinstance(question, EndRebuild):
            return None, self.known(replace(world, rebuilt=True))
        if isinstance(question, ReadRebuilt):
            return world.rebuilt, world
        if isinstance(question, Pause):
            return None, world
        if isinstance(question, Tick):
            return None, self.later(world, question.seconds)
        assert isinstance(question, ReadClock)
        return world.now_seconds, world

    def _put(self, world: World, question: Upsert | Remove) -> tuple[Any, World]:
        before = world.partition(question.pk)
        left = [one for one in before.documents if one.id != question.id]
        was_there = len(left) < len(before.documents)
        if isinstance(question, Upsert):
            left.append(Stored(question.id, str(before.lsn + 1), question.body))
        elif not was_there:
            return False, world
        documents = tuple(sorted(left))
        content = before.pk, before.lsn + 1, documents, before.documents, NOTHING, before.folded
        after = self._partitions.setdefault(content, Partition(*content))
        return was_there, self._with(world, before, after)

    def _with(self, world: World, before: Partition, after: Partition) -> World:
        partitions = tuple(after if one is before else one for one in world.partitions)
        return self.known(replace(world, partitions=partitions))

    def later(self, world: World, seconds: int) -> World:
        return self.known(replace(world, now_seconds=world.now_seconds + seconds))

    def known(self, world: World) -> World:
        """The one object that stands for this world."""
        content = world.partitions, world.page, world.generation, world.now_seconds, world.rebuilt
        return self._worlds.setdefault(content, world)

    def _committed(self, before: Partition, commit: Commit) -> Partition | Refused:
        known = self._commits.get((before, commit))
        if known is None:
            known = self._commit(before, commit)
            if isinstance(known, Partition):
                self.check_commit(before, known)
            self._commits[before, commit] = known
        return known

    def _commit(self, before: Partition, commit: Commit) -> Partition | Refused:
        documents = applied(before, commit.changes)
        if isinstance(documents, Refused):
            return documents
        old, new = (laws.head_of(one).get("sequence", 0) for one in (before.documents, documents))
        folded, written = before.folded, before.written
        if new > old:
            folded = (*folded, counts_under(documents, "p:"))
        if (put := put_by(commit.changes)) is not None:
            written = plus(written, put)
        content = before.pk, before.lsn + 1, documents, before.documents, written, folded
        return self._partitions.setdefault(content, Partition(*content))
