"""Heads: one document per bucket that orders its folds and remembers what is to be published."""

from collections.abc import Iterable

import msgspec

from cosmos_views.publish.view import View

HEAD_ID = "h"
PENDING_KEYS_MAX = 5_000
PENDING_BYTES_MAX = 250_000


class Head(msgspec.Struct, omit_defaults=True):
    """The state document `h` of a bucket."""

    id: str
    pk: str
    sequence: int = 0
    """How many folds this bucket has had."""
    as_of: int = 0
    """The greatest `_ts` folded so far, in seconds."""
    pending: dict[str, int] = msgspec.field(default_factory=dict)
    """`{view}:{view key}` → when it is due, in seconds since 1970."""
    closed_for: int = 0
    """The number of the generation that takes this one's place; 0 while none does. Folds and clears
    refuse, because what they would change is not read any more."""
    parked: int = 0
    """How many keys of this bucket are parked (`parked.py`)."""
    looked_to: str = ""
    """The id that the next look at parked keys begins at; empty for the first."""
    building: bool = False
    """This generation is being built: folds enter nothing in `pending`, because every key is
    published when it comes into force."""

    def closed(self, successor: int | None) -> bool:
        """Whether it is closed for the generation of that number. One that was closed for a lower
        number is open again: that rebuild was aborted."""
        return successor is not None and self.closed_for >= successor

    @property
    def full(self) -> bool:
        """Whether folding must wait until some of what is pending is published."""
        return (
            len(self.pending) > PENDING_KEYS_MAX
            or len(msgspec.json.encode(self.pending)) > PENDING_BYTES_MAX
        )


def add_pending(
    views: Iterable[View],
    pending: dict[str, int],
    state_key: str,
    now_seconds: int,
    pace_seconds: int | None,
) -> None:
    """Enter what a change of a state key makes due: never later than it already is, and for a
    period that has not begun, at its start. `pace_seconds` overrides every view's own."""
    for view in views:
        pace = view.pace_seconds if pace_seconds is None else pace_seconds
        for key in view.keys_of(state_key):
            due = max(_next_multiple(now_seconds, pace), view.starts_at_seconds(key) or 0)
            name = f"{view.name}:{key}"
            pending[name] = min(pending.get(name, due), due)


def _next_multiple(now_seconds: int, pace: int) -> int:
    return -(-now_seconds // pace) * pace if pace else now_seconds
