"""The one algorithm of stage 1: a batch of changes becomes state, and nothing of it is lost.

When `process` returns, every change of the batch is counted, deleted, ignored, dead-lettered or
superseded, and its entry says so; or it is gone, and no entry does. When it raises, whatever was
committed stays committed, and the same batch delivered again finds it done. It raises for transient
failures and for defects of ours, never for a poison document.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from cosmos_views.intake.dead_letters import dead_letter, letter_id
from cosmos_views.intake.documents import Change, coalesced, raw_documents, read_batch
from cosmos_views.intake.doubts import Doubt, settle
from cosmos_views.intake.identities import as_stored
from cosmos_views.intake.judging import Breaker, Judged, judge, oversize
from cosmos_views.intake.ownership import (
    Layout,
    Work,
    copied,
    counts_nothing,
    owned,
    strangers,
    version_of,
)
from cosmos_views.intake.packing import Planned, packed
from cosmos_views.intake.ports import Poison, Sources, State
from cosmos_views.intake.report import Report
from cosmos_views.intake.worker_version import worker_version
from cosmos_views.ledger.commits import (
    CommitError,
    Conflict,
    TooLarge,
    Transient,
    UnknownOutcome,
    Write,
)
from cosmos_views.ledger.entries import Outcome
from cosmos_views.ledger.facts import Fact
from cosmos_views.ledger.instants import iso
from cosmos_views.ledger.owners import hot_id, is_erased, owner_key
from cosmos_views.ledger.plan import Documents, Unread, plan
from cosmos_views.ledger.versions import Order, order
from cosmos_views.pack import Pack
from cosmos_views.publish.journal import journal_of
from cosmos_views.source import Source

ATTEMPTS_MAX = 12
"""A conflict is planned again this often before the batch is left to redelivery."""
CONFLICT_PAUSE_SECONDS = 0.02


class Redrive(Enum):
    """Which versions a batch may decide although the ledger has decided them."""

    NONE = "none"
    CURRENT = "current"
    """Those it decided `dead`: the batch is what the source holds now."""
    STALE = "stale"
    """The same, and no other: the batch is what a dead letter kept of documents that are gone."""


@dataclass(frozen=True)
class Outside:
    """Everything that stage 1 needs and that is not pure."""

    pack: Pack
    state: State
    sources: Sources
    poison: Poison
    layout: Callable[[], Layout]
    """The generation in force; raises when this worker must not run on it."""
    now_ms: Callable[[], int]
    nonce: Callable[[], str]
    jitter: Callable[[], float]
    """A random number from 0 to 1."""
    wait: Callable[[float], None]
    """Pause for so many seconds."""


@dataclass
class Processor:
    """Stage 1 of one source; one object serves all batches of a worker."""

    source: Source[Any]
    container_ttl: int
    outside: Outside
    breaker: Breaker = field(default_factory=Breaker)

    def process(
        self,
        text: str,
        correlation: Mapping[str, str],
        redrive: Redrive = Redrive.NONE,
        *,
        as_stored: bool = False,
    ) -> Report:
        """Apply one batch (a JSON array of documents). Raises Transient or TooManyDefects.

        `as_stored`: no Functions host stood between the source and this text.
        """
        return _Run(self, text, correlation, redrive, as_stored=as_stored).apply()


class _Run:
    """One batch on its way through stage 1."""

    def __init__(
        self,
        processor: Processor,
        text: str,
        correlation: Mapping[str, str],
        redrive: Redrive,
        *,
        as_stored: bool,
    ) -> None:
        self.source = processor.source
        self.ttl = processor.container_ttl
        self.outside = processor.outside
        self.breaker = processor.breaker
        self.text = text
        self.correlation = correlation
        self.redrive = redrive
        self.as_stored = as_stored
        self.report = Report(notes=Counter(dict.fromkeys(self.source.notes, 0)))
        self.strayed: dict[str, Judged] = {}
        """By entry: read from their source, and found to be another owner's than was delivered."""

    def apply(self) -> Report:
        changes = read_batch(self.source, self.text)
        self.report.delivered = len(changes)
        now_seconds = self.outside.now_ms() // 1_000
        self.report.lags_seconds = [
            now_seconds - change.version.ts for change in changes if change.version.ts is not None
        ]
        if not self.as_stored:
            changes, self.report.gone = as_stored(
                self.source, changes, self.outside.sources, now_seconds, self.outside.wait
            )
        newest, self.report.duplicates, self.report.superseded = coalesced(changes)
        judged = [judge(self.source, change, self.ttl) for change in newest]
        if self.redrive is Redrive.NONE:
            # What is redriven counts nothing yet, so a defect cannot retract the world.
            self.breaker.check([one.defect for one in judged])
        while judged:
            self.strayed = {}
            layout = self.outside.layout()
            for works_of in (copied(judged, layout), owned(judged, layout)):
                for pk, works in works_of.items():
                    self._settle(pk, works)
            judged = list(self.strayed.values())
        assert self.report.ended == self.report.delivered, "every change ends in exactly one way"
        return self.report

    def _settle(self, pk: str, works: list[Work]) -> None:
        """Commit what is new in one bucket; what conflicts is read and planned again."""
        groups = deque([works])
        while groups:
            group = groups.popleft()
            for chunk in packed(self._planned(pk, group)):
                try:
                    self._commit(pk, chunk)
                except CommitError as failure:
                    self._put_back(chunk, failure)
            left = [work for work in group if work.judged]
            groups.extend([work] for work in left if work.alone)
            if together := [work for work in left if not work.alone]:
                groups.append(together)

    def _planned(self, pk: str, works: list[Work]) -> list[Planned]:
        """Read what these owners' plans depend on, and plan what the ledger does not know yet."""
        taken = [(work, work.take()) for work in works]
        ids = {one.verdict.entry_id for _, judged in taken for one in judged}
        ids |= {hot_id(work.owner.key) for work in works if work.owner.key is not None}
        documents, token = self.outside.state.read(pk, ids)
        planned = []
        for work, judged in taken:
            works += strangers(work, judged, documents)
            if work.owner.key is not None and is_erased(documents.get(hot_id(work.owner.key))):
                self._ignore_erased(work, judged)
                continue
            undecided = self._undecided(work, judged, documents)
            if self._write_dead_letters(undecided) and self._erased_by_now(work):
                self._ignore_erased(work, undecided)
            elif undecided:
                planned.append(self._plan(work, undecided, documents, token))
        return planned

    def _ignore_erased(self, work: Work, judged: list[Judged]) -> None:
        """Nothing is kept of an owner who was erased, also no letter that a worker, this one or one
        that crashed, has written beside the erasure. What is only counted under the owner, and
        names another or none, may have a letter of another generation: that one stays."""
        for one in judged:
            owner = one.change.owner
            if one.rejected and owner is not None and owner_key(owner) == work.owner.key:
                self.outside.poison.delete(one.change.source, letter_id(one.change))
        self.report.of_erased(sum(not one.copy for one in judged))

    def _erased_by_now(self, work: Work) -> bool:
        """A commit that counts conflicts with an erasure; a letter has to look for it."""
        owner = work.owner
        if owner.key is None:
            return False
        name = hot_id(owner.key)
        return is_erased(self.outside.state.read(owner.pk, [name])[0].get(name))

    def _undecided(self, work: Work, judged: list[Judged], documents: Documents) -> list[Judged]:
        """The version rule: what the ledger has not decided yet, doubts settled."""
        undecided = []
        doubtful = []
        for one in judged:
            known = documents.get(one.verdict.entry_id)
            decided = None if known is None else version_of(known)
            standing = order(one.verdict.version, decided)
            doubt = standing is Order.DOUBTFUL or one.change.doubtful
            if self.redrive is Redrive.STALE and standing is not Order.DUPLICATE:
                self.report.superseded += not one.copy
            elif doubt and one.copy and known is not None and counts_nothing(known):
                # What is decided here keeps older versions out just as well.
                continue
            elif doubt and not one.settled:
                doubtful.append((one, Doubt(one.change, decided)))
            elif standing is not Order.DUPLICATE or self._again(known):
                undecided.append(one)
            elif work.uncertain:
                self._settled(one, None, one.verdict.fact)
            else:
                self.report.duplicates += not one.copy
        if doubtful:
            doubts = [doubt for _, doubt in doubtful]
            found_now = settle(self.source, doubts, self.outside.sources, self.outside.wait)
            for (one, _), change in zip(doubtful, found_now, strict=True):
                if change is None:
                    self.report.superseded += not one.copy
                    continue
                found = judge(self.source, change, self.ttl)
                found.copy = one.copy
                if _names(change) == _names(one.change):
                    found.settled = True
                    undecided.append(found)
                else:
                    # The source names another owner than the delivered version did, or none. Of a
                    # version and its copies one is enough, and last comes the version. Where it
                    # belongs, what is decided has not been read yet: a doubt there begins anew.
                    self.strayed[found.verdict.entry_id] = found
        return undecided

    def _settled(self, one: Judged, old: Fact | None, new: Fact | None) -> None:
        if not one.copy:
            self.report.settled(self.source, one, old, new)

    def _again(self, known: Mapping[str, Any] | None) -> bool:
        """Whether the very version an entry decided is to be decided again."""
        dead = known is not None and known["outcome"] == Outcome.DEAD
        return dead and self.redrive is not Redrive.NONE

    def _write_dead_letters(self, judged: list[Judged]) -> bool:
        """Before the commit that decides `dead`: a crash in between repeats the letter. Whether
        any was written."""
        written = False
        for one in judged:
            if one.rejected is not None and not one.lettered and not one.copy:
                raw = one.change.raw or raw_documents(self.text)[one.change.position]
                at = iso(self.outside.now_ms() * 1_000)
                worker = worker_version(self.outside.pack)
                self.outside.poison.write(
                    dead_letter(self.source, one, raw, at, self.correlation, worker)
                )
                one.lettered = written = True
        return written

    def _plan(
        self, work: Work, judged: list[Judged], documents: Documents, token: str | None
    ) -> Planned:
        verdicts = [one.verdict for one in judged]
        owner, pack = work.owner, self.outside.pack
        read = {verdict.entry_id for verdict in verdicts}
        read |= {hot_id(owner.key)} if owner.key is not None else set()
        while True:
            try:
                return Planned(
                    work, judged, plan(pack.owners, pack.facts, owner, verdicts, documents, read)
                )
            except Unread as more:
                # Later than the hot document, and never older: its ETag orders them all.
                found, token = self.outside.state.read(owner.pk, more.ids, token)
                documents = {**documents, **found}
                read |= more.ids

    def _commit(self, pk: str, chunk: list[Planned]) -> None:
        operations = [write for planned in chunk for write in planned.plan.writes]
        plans = [planned.plan for planned in chunk]
        journal = journal_of(
            self.outside.pack, pk, plans, self.outside.now_ms(), self.outside.nonce()
        )
        if journal is not None:
            operations.append(Write(journal, journal.id, None))
        self.outside.state.commit(pk, operations)
        self.report.commits += 1
        for planned in chunk:
            for one, (old, new) in planned.plan.settled(planned.judged):
                self._settled(one, old, new)
            planned.work.attempts = 0
            if planned.plan.partial:
                planned.work.put_back(planned.judged)

    def _put_back(self, chunk: list[Planned], failure: CommitError) -> None:
        """Arrange that a chunk that was not committed is read and planned again."""
        self.report.conflicts += 1
        for planned in chunk:
            work = planned.work
            work.attempts += 1
            if work.attempts > ATTEMPTS_MAX:
                raise Transient(f"{ATTEMPTS_MAX} commits in a row failed: {failure}") from failure
            match failure:
                case TooLarge() if len(chunk) > 1:
                    work.alone = True
                case TooLarge() if len(planned.judged) > 1:
                    work.slice_size = len(planned.judged) // 2
                case TooLarge():
                    planned.judged = [oversize(one) for one in planned.judged]
                case Conflict(document_id=named) if work.attempts > 1:
                    work.alone |= any(write.document_id == named for write in planned.plan.writes)
                case UnknownOutcome():
                    work.uncertain = True
            work.put_back(planned.judged)
        attempts = max(planned.work.attempts for planned in chunk)
        self.outside.wait(CONFLICT_PAUSE_SECONDS * 2 ** min(attempts, 6) * self.outside.jitter())


def _names(change: Change) -> str | bool:
    """The owner that a version names. One that names none is decided in one bucket, and where its
    owner cannot be read in all of them."""
    return change.owner or change.owner_readable
