"""Facts: what one document version says, compact, frozen, text-free, in the current shape."""

from typing import Protocol


class Fact(Protocol):
    """A struct that is stored as a JSON array; each source has a type of its own, and only its pack
    looks inside."""

    @property
    def day(self) -> int:
        """Epoch day of the event, UTC."""
