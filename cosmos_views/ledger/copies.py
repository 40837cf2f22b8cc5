"""Copies: what is archived of one version of one document, as values."""

import gzip
from dataclasses import dataclass
from hashlib import sha256

from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.versions import Version

ROOT = "archived"
"""What every name of a copy begins with."""
REFUSED = "refused"
"""How a copy ended that the service does not take."""


@dataclass(frozen=True)
class Copy:
    """One version of one document, ready to be written."""

    path: str
    content: bytes
    """JSON, not compressed."""
    version: Version
    owner_key: str | None
    """The owner's hash, by which all copies of an owner are found; None for an anonymous
    document."""

    @property
    def sha256(self) -> str:
        """Of the JSON, hexadecimal."""
        return sha256(self.content).hexdigest()

    @property
    def compressed(self) -> bytes:
        """The same version compresses to the same bytes."""
        return gzip.compress(self.content, compresslevel=6, mtime=0)


class CopyFailed(Transient):
    """A call failed. The message names no copy, because its path names an owner: `path` does, for
    who asked from a command line; empty where the call is about many."""

    def __init__(self, reason: str, path: str) -> None:
        super().__init__(reason)
        self.path = path


class CopyRefused(CopyFailed):
    """The service does not take, or delete, this one copy: its blob is under a lease or immutable,
    or its name is not acceptable. Only somebody who changes that helps."""
