"""Foreign documents: what lies in our containers and is not of our form.

Whoever reads a container skips them, so that a note that somebody left there stops nothing; who
asks (`skipping`) is told how many were skipped and where. Their content is never shown.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Skipped:
    """What was skipped, each document once."""

    def __init__(self) -> None:
        self._ids: dict[str, set[str]] = {}

    def add(self, container: str, document_id: str) -> None:
        self._ids.setdefault(container, set()).add(document_id)

    @property
    def by_container(self) -> dict[str, int]:
        """How many, by container; nothing where there were none."""
        return {name: len(ids) for name, ids in sorted(self._ids.items())}


_SKIPPED: ContextVar[Skipped | None] = ContextVar("skipped", default=None)


@contextmanager
def skipping() -> Iterator[Skipped]:
    """Be told what is skipped in this thread."""
    skipped = Skipped()
    token = _SKIPPED.set(skipped)
    try:
        yield skipped
    finally:
        _SKIPPED.reset(token)


def skipped_so_far() -> dict[str, int]:
    """How many were skipped, by container, since somebody asked."""
    skipped = _SKIPPED.get()
    return {} if skipped is None else skipped.by_container


def skip(container: str, document: Mapping[str, Any]) -> None:
    """Take note of a foreign document."""
    skipped = _SKIPPED.get()
    if skipped is not None:
        skipped.add(container, str(document.get("id")))


def of_form(document: Mapping[str, Any], form: type[T], container: str) -> T | None:
    """The document in its form; None, and noted as skipped, where it is foreign."""
    try:
        return msgspec.convert(document, form)
    except msgspec.ValidationError:
        skip(container, document)
        return None
