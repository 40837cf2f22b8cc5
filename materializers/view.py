"""What a view is: what it counts, under which keys, and how it is rendered.

A view is one file that fills in a `View`. Everything in it is pure. Contributions go to *state
keys* `{grain}:{period or name}`; the publisher merges the partials of all buckets under the keys a
view reads, and hands them to `render`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.facts import Fact
from ledger.users import User
from materializers.measures import Contribution, Measures

Partials = Mapping[str, Measures]
"""State key → merged measures, for every key a view declared to read and something is counted."""


@dataclass(frozen=True)
class Touched:
    """What a set of facts touched of one user's history."""

    days: frozenset[int]
    """Epoch days of the facts put in or taken out."""
    sources: frozenset[str]
    """Sources they cite."""


@dataclass(frozen=True)
class Reads:
    """The state keys one view document is rendered from."""

    keys: tuple[str, ...] = ()
    ranges: tuple[tuple[str, str], ...] = field(default=())
    """Half-open ranges [from, to) of state keys."""


@dataclass(frozen=True)
class View:
    """One materialized view.

    `of_fact` and `of_user` say what is contributed; `of_user` must at least cover every
    contribution that can differ because of what was touched. `keys_of` names the view keys to
    publish when a state key changes. `starts_at_seconds` is when a view key's period begins: it is
    published no sooner. `render` returns the document without its metadata, or None when nothing is
    counted under the key.
    """

    name: str
    partition_key: str
    pace_seconds: int
    ttl_seconds: int
    calculation_version: str
    of_fact: Callable[[Fact], Iterable[Contribution]]
    of_user: Callable[[User, Touched], Iterable[Contribution]]
    keys_of: Callable[[str], Iterable[str]]
    starts_at_seconds: Callable[[str], int]
    reads: Callable[[str], Reads]
    document_id: Callable[[str], str]
    partition: Callable[[str], str]
    render: Callable[[str, Partials], dict[str, Any] | None]
