"""Redrive: what could not be applied goes through stage 1 again, once the reason may be gone.

The source is asked for the document as it is now, and the ordinary path decides it, with `dead`
taken for undecided; so a redrive may run beside live changes, other redrives and crashes, and what
it has done it finds done. Only where the source is gone is the letter's own document used, and only
for the very version that the ledger holds as dead.

    pending ──redrive──► redriven    this version is counted, deleted or ignored
       │  ▲          ├─► superseded  another version has taken its place, or the document is gone
       │  └──────────┘               still failing: the letter tells the latest failure
       └──discard──────► discarded
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from cosmos_views.intake.batch import Processor, Redrive
from cosmos_views.intake.dead_letters import OMITTED, DeadLetter, Status, letter_id
from cosmos_views.intake.documents import read_document
from cosmos_views.intake.doubts import DOUBT_PAUSE_SECONDS
from cosmos_views.intake.report import Report
from cosmos_views.intake.worker_version import worker_version
from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.instants import iso
from cosmos_views.ledger.labels import LABEL_CHARACTERS_MAX
from cosmos_views.ledger.owners import hot_id, is_erased, owner_key
from cosmos_views.upkeep.notes import Note

LETTERS_PER_SOURCE_MAX = 500
"""One run looks at so many letters of each source; the next run goes on behind them."""
RUN_SECONDS_MAX = 120

KEPT_WHOLE = frozenset({"invalid", "oversize", "defect"})
"""Letters of these, unless truncated, hold all that a fact needs. A malformed value is not kept,
and of an unsupported version only what the older worker knew to read."""

_LONG = OMITTED * (LABEL_CHARACTERS_MAX // len(OMITTED) + 1)


class RedriveOutcome(StrEnum):
    """What became of a letter."""

    REDRIVEN = "redriven"
    SUPERSEDED = "superseded"
    STILL_FAILING = "still failing"
    ERASED = "erased"
    """Its owner was erased, and the letter with it."""


@dataclass(frozen=True)
class Redriven:
    """One letter that was redriven."""

    letter: DeadLetter
    outcome: RedriveOutcome
    why: str


class Letters(Protocol):
    """The poison container, as redrive uses it."""

    def pending(self, source: str, after: str, most: int) -> list[DeadLetter]:
        """Pending letters of one source, by id, from behind `after`."""

    def resolve(self, letter: DeadLetter, status: Status, resolution: str, at: str) -> bool:
        """Give the letter this status; False where it is gone or has it already."""

    def delete(self, source: str, letter_id: str) -> bool:
        """Whether there was such a letter."""


@dataclass
class Run:
    """What one run of the timer did."""

    looked_at: int = 0
    outcomes: Counter[RedriveOutcome] = field(default_factory=Counter)
    broken: int = 0
    """Letters on which redrive itself failed; the others are redriven all the same."""


@dataclass
class Redriver:
    """Redrives letters of all sources; one object serves a worker."""

    processors: Mapping[str, Processor]
    letters: Letters
    note: Note
    """Source → the last letter that was looked at; what is new behind it waits for one round."""
    on_failure: Callable[[DeadLetter, Exception], None] = lambda _letter, _error: None

    def redrive(self, letter: DeadLetter, correlation: Mapping[str, str]) -> Redriven:
        """Send one letter's document through stage 1 again, now. Raises Transient."""
        processor = self.processors[letter.source]
        if letter.user is not None and _is_erased(processor, letter.user):
            return self._erased(letter)
        raw = self._current(letter)
        if raw is not None:
            result = _of_current(processor, letter, raw, correlation)
        else:
            result = _of_letter(processor, letter, correlation)
        if result.outcome is RedriveOutcome.ERASED:
            return self._erased(letter)
        # Last, and only a note: a crash before it makes the next redrive find the version decided.
        if result.outcome is not RedriveOutcome.STILL_FAILING:
            at = iso(processor.outside.now_ms() * 1_000)
            self.letters.resolve(letter, Status(result.outcome), result.why, at)
        return result

    def run(self, correlation: Mapping[str, str]) -> Run:
        """Look at pending letters, some at a time, and redrive those whose reason may be gone.

        Each worker version tries each version of a document once; beyond that only a document that
        has changed, or is gone, is worth a try. Raises Transient.
        """
        result = Run()
        looked_at = self.note.read()
        try:
            self._look(correlation, looked_at, result)
        finally:
            self.note.leave(looked_at)
        return result

    def _look(self, correlation: Mapping[str, str], looked_at: dict[str, str], result: Run) -> None:
        for source, processor in self.processors.items():
            started_ms = processor.outside.now_ms()
            after = looked_at.get(source, "")
            letters = self.letters.pending(source, after, LETTERS_PER_SOURCE_MAX)
            for letter in letters:
                if processor.outside.now_ms() - started_ms >= RUN_SECONDS_MAX * 1_000:
                    break
                looked_at[source] = letter.id
                result.looked_at += 1
                try:
                    if self._worth_a_try(letter):
                        result.outcomes[self.redrive(letter, correlation).outcome] += 1
                except Transient:
                    raise
                except Exception as error:  # one letter that breaks us does not stop the others
                    result.broken += 1
                    self.on_failure(letter, error)
            else:
                if len(letters) < LETTERS_PER_SOURCE_MAX:
                    looked_at.pop(source, None)

    def _erased(self, letter: DeadLetter) -> Redriven:
        self.letters.delete(letter.source, letter.id)
        return Redriven(
            letter, RedriveOutcome.ERASED, "the owner was erased; the letter is deleted"
        )

    def _worth_a_try(self, letter: DeadLetter) -> bool:
        pack = self.processors[letter.source].outside.pack
        if letter.worker_version != worker_version(pack):
            return True
        raw = self._read(letter)
        if raw is None:
            return not _is_whole(letter)
        return bool(msgspec.json.decode(raw)["_etag"] != letter.version["etag"])

    def _current(self, letter: DeadLetter) -> bytes | None:
        """The document as its source holds it; None when two readings do not find it. A reading
        that finds nothing or an older version may lag, so one more, after a pause, decides."""
        found = self._read(letter)
        if not _is_current(found, letter):
            self.processors[letter.source].outside.wait(DOUBT_PAUSE_SECONDS)
            found = self._read(letter)
        return found

    def _read(self, letter: DeadLetter) -> bytes | None:
        key = [
            msgspec.UNSET if isinstance(part, dict | list) else part
            for part in letter.partition_key
        ]
        sources = self.processors[letter.source].outside.sources
        return sources.read(letter.source, letter.document_id, key)


def _is_current(raw: bytes | None, letter: DeadLetter) -> bool:
    """Whether a reading plainly is the letter's version, or a later one."""
    if raw is None:
        return False
    document, ts = msgspec.json.decode(raw), letter.version["ts"]
    return document["_etag"] == letter.version["etag"] or (ts is not None and document["_ts"] > ts)


def _is_erased(processor: Processor, key: str) -> bool:
    pk = processor.outside.layout().pk_of(key)
    return is_erased(processor.outside.state.read(pk, [hot_id(key)])[0].get(hot_id(key)))


def _of_current(
    processor: Processor, letter: DeadLetter, raw: bytes, correlation: Mapping[str, str]
) -> Redriven:
    document = msgspec.json.decode(raw)
    same = document["_etag"] == letter.version["etag"]
    if same and letter.version["lsn"] is not None:
        # A point read does not show it, and the entry keeps it.
        document["_lsn"] = letter.version["lsn"]
    report = processor.process(_batch(document), correlation, Redrive.CURRENT, as_stored=True)
    if report.erased:
        return Redriven(letter, RedriveOutcome.ERASED, "")
    if not same:
        return Redriven(letter, RedriveOutcome.SUPERSEDED, f"a newer version {_decided(report)}")
    return _of_same_version(letter, report, f"the document {_decided(report)}")


def _of_letter(
    processor: Processor, letter: DeadLetter, correlation: Mapping[str, str]
) -> Redriven:
    document = stale_document(processor, letter)
    if document is None:
        why = "the source is gone, and the letter does not hold enough of it"
        return Redriven(letter, RedriveOutcome.SUPERSEDED, why)
    report = processor.process(_batch(document), correlation, Redrive.STALE, as_stored=True)
    if report.erased:
        return Redriven(letter, RedriveOutcome.ERASED, "")
    return _of_same_version(letter, report, f"the source is gone; the letter {_decided(report)}")


def _of_same_version(letter: DeadLetter, report: Report, why: str) -> Redriven:
    if report.dead:
        return Redriven(letter, RedriveOutcome.STILL_FAILING, why)
    if report.superseded:
        return Redriven(letter, RedriveOutcome.SUPERSEDED, why)
    return Redriven(letter, RedriveOutcome.REDRIVEN, why)


def _decided(report: Report) -> str:
    """How a batch of one document ended, as the end of a sentence."""
    if report.dead:
        return f"cannot be applied: {next(iter(report.dead))}"
    if report.superseded:
        return "is not what the ledger has decided last"
    if report.duplicates:
        return "had been decided already"
    return "is counted" if report.counted else "is deleted" if report.deleted else "is ignored"


def _is_whole(letter: DeadLetter) -> bool:
    """Whether the letter holds all that a fact needs of its document."""
    kept = letter.category in KEPT_WHOLE and isinstance(letter.document, dict)
    return kept and not letter.truncated


def stale_document(processor: Processor, letter: DeadLetter) -> dict[str, Any] | None:
    """The letter's document with the identity and version it had; None where that is not enough.

    Omitted text was a label of more than 128 characters or is only asked for its presence, so any
    text as long means the same. An owner that is not shown is not made up.
    """
    if not _is_whole(letter):
        return None
    document: dict[str, Any] = _lengthened(letter.document)
    document |= {"id": letter.document_id}
    document |= {f"_{name}": value for name, value in letter.version.items() if value is not None}
    for path, part in zip(processor.source.key, letter.partition_key, strict=True):
        _put(document, path.split("/"), part)
    change = read_document(processor.source, msgspec.json.encode(document))
    known = letter_id(change), owner_key(change.owner) if change.owner else None
    return document if known == (letter.id, letter.user) else None


def _put(document: dict[str, Any], path: list[str], part: Any) -> None:
    """A part of the key in its place; what is no value of a key there is taken away."""
    *objects, name = path
    for one in objects:
        inner: Any = document.get(one)
        if inner is None:
            inner = document[one] = {}
        if not isinstance(inner, dict):
            return
        document = inner
    if isinstance(part, dict | list):
        document.pop(name, None)
    else:
        document[name] = part


def _lengthened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lengthened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_lengthened(inner) for inner in value]
    return _LONG if value == OMITTED else value


def _batch(document: dict[str, Any]) -> str:
    return msgspec.json.encode([document]).decode()
