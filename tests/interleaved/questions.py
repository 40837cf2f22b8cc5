"""What a program can ask of the world: each question is one step, and others may go first."""

from typing import NamedTuple

from tests.interleaved.store import Change


class ReadState(NamedTuple):
    """Documents of a bucket."""

    pk: str
    ids: tuple[str, ...] | None
    """None for a range."""
    start: str
    end: str
    session: int
    """No older than this write."""
    limit: int | None


class Commit(NamedTuple):
    """An atomic commit to a bucket."""

    pk: str
    changes: tuple[Change, ...]


class Upsert(NamedTuple):
    """One document anew, whatever was there."""

    pk: str
    id: str
    body: bytes


class Remove(NamedTuple):
    """One document gone; the answer is whether it was there."""

    pk: str
    id: str


class ReadPage(NamedTuple):
    """The view's document."""


class WritePage(NamedTuple):
    """The view's document anew: a create where `etag` is None, else a replace of that version."""

    body: bytes
    etag: str | None


class ReadGeneration(NamedTuple):
    """Which generation is in force."""


class Switch(NamedTuple):
    """Another generation comes into force."""

    generation: int


class ReadRebuilt(NamedTuple):
    """Whether the rebuild has ended."""


class EndRebuild(NamedTuple):
    """It has."""


class ReadClock(NamedTuple):
    """Seconds since 1970."""


class Tick(NamedTuple):
    """Time passes."""

    seconds: int


class Pause(NamedTuple):
    """Until all others have ended."""


class Ended(NamedTuple):
    """The program asks nothing any more."""

    failure: str
    """Why it broke off; empty where it did not."""


Question = (
    ReadState
    | Commit
    | Upsert
    | Remove
    | ReadPage
    | WritePage
    | ReadGeneration
    | Switch
    | ReadRebuilt
    | EndRebuild
    | ReadClock
    | Tick
    | Pause
    | Ended
)
LOST = "lost"
"""The answer to a write of which nobody knows whether it was applied."""
