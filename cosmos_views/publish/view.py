"""What a view is: from which measures it is rendered, and when it is published.

A view is one file that fills in a `View`. Everything in it is pure. The publisher merges the
partials of all buckets under the state keys a view reads, and hands them to `render`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cosmos_views.publish.measures import Contribution, Measures

DAYS, MONTHS = "days", "months"


@dataclass(frozen=True)
class Reads:
    """What one view document is rendered from."""

    keys: tuple[str, ...] = ()
    """State keys."""
    ranges: tuple[tuple[str, str], ...] = ()
    """Half-open ranges [from, to) of state keys."""
    owner: str | None = None
    """An owner, as documents name it, for its history."""
    part: str = ""
    """The part of that history, such as a month."""


@dataclass(frozen=True)
class Inputs:
    """What was read, all buckets merged."""

    partials: Mapping[str, Measures] = field(default_factory=dict)
    """State key → measures, for every key that was asked for and under which something counts."""
    owner: Any = None
    """The owner's history; None where there is none."""

    def of(self, state_key: str) -> Mapping[str, list[int]]:
        """The measures of one state key; empty when nothing is counted under it."""
        return self.partials.get(state_key, {})

    def under(self, prefix: str) -> dict[str, Measures]:
        """Rest of the state key → measures, for every key with that prefix."""
        return {
            key[len(prefix) :]: measures
            for key, measures in self.partials.items()
            if key.startswith(prefix)
        }


@dataclass(frozen=True)
class View:
    """One materialized view.

    `keys_of` names the view keys to publish when a state key changes, neighbours included; a key
    that stands for several is a symbol, expanded by `expand` from what `reads` asks for it.
    `key_of` reads the key from a document of the view; what it makes of any other does not matter.
    `starts_at_seconds` is when a key's period begins, None without one: it is published no sooner.
    `render` returns the document without its metadata, or None when nothing is counted under the
    key.

    `of_fact` is for what no shared grain counts. A view that `names_owner` has the owner as its
    partition: an erasure of the owner deletes those documents.
    """

    name: str
    partition_key: str
    pace_seconds: int
    ttl_seconds: int
    calculation_version: str
    keys_of: Callable[[str], Iterable[str]]
    starts_at_seconds: Callable[[str], int | None]
    reads: Callable[[str], Reads]
    document_id: Callable[[str], str]
    partition: Callable[[str], str]
    key_of: Callable[[Mapping[str, Any]], str]
    render: Callable[[str, Inputs], dict[str, Any] | None]
    expand: Callable[[str, Inputs], list[str]] | None = None
    of_fact: Callable[[Any], Iterable[Contribution]] | None = None
    names_owner: bool = False
    periods: Sequence[str] = (MONTHS,)
    """What its keys are periods of, as far as they outlive the horizon of a rebuild: DAYS, MONTHS,
    both or neither."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Heading → dotted path of the figures that a table of its documents shows."""
    compared: Sequence[str] = ()
    """Paths of the fields that compare a period with the ones before it."""
    compared_days: int = 0
    """With so many days before it, where a day is compared."""

    def key_in(self, document: Mapping[str, Any]) -> str | None:
        """The key that the publisher writes this document under; None for one of somebody else's,
        or under an id that is not used any more."""
        try:
            key = self.key_of(document)
            place = self.document_id(key), self.partition(key)
            self.starts_at_seconds(key)
        except (LookupError, TypeError, ValueError, AttributeError):
            return None
        return key if place == (document["id"], document.get(self.partition_key)) else None


SYMBOL = "*:"
"""A view key that begins with this stands for several keys."""
