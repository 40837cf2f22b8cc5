"""Replay: ordinary code that asks the store, one question after the other, without a thread.

A program is a pure function of the answers it got, so what it asks next is worked out once for each
history of answers, by running it again up to there, and then known. An actor is only a place in the
tree of such histories, and can be left and gone on from at will.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from cosmos_views.ledger.commits import (
    Committed,
    Conflict,
    Operation,
    Transient,
    UnknownOutcome,
    Write,
)
from tests.interleaved.questions import (
    LOST,
    Commit,
    Ended,
    Question,
    ReadClock,
    ReadGeneration,
    ReadPage,
    ReadState,
    WritePage,
)
from tests.interleaved.store import Refused, Stored, changes_of, decoded


class _Asked(BaseException):
    """The program has come to a question that was not answered yet."""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question


class Whole(NamedTuple):
    """Stands for all answers that a part of a program got: what came of them is all that is left
    of them, so histories that differ only in how they got there are one."""

    came_of_it: Any
    depth: int
    """Within how many other parts."""


class Frozen:
    """What came of a part, where that is no value by itself; equal where it looks equal."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self._looks = repr(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and self._looks == other._looks

    def __hash__(self) -> int:
        return hash(self._looks)


class Outside:
    """All ports of a program; answers what it was told, then stops the program."""

    def __init__(self, answers: tuple[Any, ...]) -> None:
        self.answers = answers
        self._given = 0
        self._depth = 0

    def ask(self, ask: Callable[[], Question]) -> Any:
        if self._given == len(self.answers):
            raise _Asked(ask())
        self._given += 1
        return self.answers[self._given - 1]

    def whole(self, part: Callable[[], Any]) -> Any:
        """Go through a part of a program of which nothing stays but what it returns."""
        start, depth = self._given, self._depth
        known = self.answers[start] if start < len(self.answers) else None
        if isinstance(known, Whole) and known.depth == depth:
            self._given += 1
            return known.came_of_it
        self._depth += 1
        came_of_it = part()
        self._depth = depth
        passed = Whole(came_of_it, depth)
        self.answers = (*self.answers[:start], passed, *self.answers[self._given :])
        self._given = start + 1
        return came_of_it

    def read(
        self, pk: str, ids: Collection[str], session_token: str | None = None
    ) -> tuple[dict[str, dict[str, Any]], str | None]:
        found, lsn = self.ask(
            lambda: ReadState(pk, tuple(sorted(ids)), "", "", int(session_token or 0), None)
        )
        return {one.id: decoded(one) for one in found}, str(lsn)

    def read_range(
        self,
        pk: str,
        start: str,
        end: str,
        session_token: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        found, _ = self.ask(lambda: ReadState(pk, None, start, end, int(session_token or 0), limit))
        return [decoded(one) for one in found]

    def commit(self, pk: str, operations: Sequence[Operation]) -> Committed:
        answer = self.ask(lambda: Commit(pk, changes_of(operations)))
        if isinstance(answer, Refused):
            raise Conflict(answer.id)
        if answer == LOST:
            raise UnknownOutcome("simulated")
        etags = {one.document_id: str(answer) for one in operations if isinstance(one, Write)}
        return Committed(etags, str(answer))

    def nonce(self) -> str:
        """The same whenever this history is gone through again."""
        return str(self._given)

    def generation(self) -> int:
        return int(self.ask(ReadGeneration))

    def now_ms(self) -> int:
        return 1_000 * int(self.ask(ReadClock))

    # The feed is only there to save request units: nobody here is the wiser for it.

    def position(self, _pk: str) -> str:
        return ""

    def moved(self, _pk: str, _position: str) -> bool:
        return True


class Views:
    """The view container; its methods are named like those of the state."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def read(self, _view: str, _document_id: str, _partition: str) -> dict[str, Any] | None:
        version, body = self._outside.ask(ReadPage)
        return None if body is None else decoded(Stored("", str(version), body))

    def write(self, _view: str, body: dict[str, Any], etag: str | None) -> None:
        answer = self._outside.ask(lambda: WritePage(msgspec.json.encode(body), etag))
        if isinstance(answer, Refused):
            raise Conflict(answer.id)
        if answer == LOST:
            raise Transient("simulated")


Program = Callable[[Outside], None]


@dataclass(eq=False)
class Place:
    """Where a program stands: what it asks next, after some answers."""

    tree: "Tree"
    program: Program
    runs: int
    """How many times it runs, this one included."""
    answers: tuple[Any, ...]
    question: Question
    number: int
    """Places are numbered as they are found."""
    _after: "dict[Any, Place]" = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        return isinstance(self.question, Ended)

    def after(self, answer: Any) -> "Place":
        found = self._after.get(answer)
        if found is None:
            answers = (*self.answers, answer)
            found = self._after[answer] = self.tree.place(self.program, self.runs, answers)
        return found


class Tree:
    """All places that programs can come to; equal ones are the same object."""

    def __init__(self) -> None:
        self._places: dict[tuple[Program, int, tuple[Any, ...]], Place] = {}

    def __len__(self) -> int:
        return len(self._places)

    def place(self, program: Program, runs: int, answers: tuple[Any, ...] = ()) -> Place:
        """Run a program up to its first question that is not answered."""
        outside = Outside(answers)
        question: Question
        try:
            program(outside)
            question = Ended("")
        except _Asked as asked:
            question = asked.question
        except Transient as failure:
            question = Ended(str(failure))
        key = program, runs, outside.answers
        found = self._places.get(key)
        if found is None:
            found = Place(self, program, runs, outside.answers, question, len(self._places))
            self._places[key] = found
        return found
