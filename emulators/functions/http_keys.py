"""Access keys of HTTP functions.

Guarantee: `function` accepts the host key or the master key, `admin` the master key only,
`anonymous` anything. Core Tools ignores these levels; here they count, so that a forgotten key is
found before Azure finds it.
"""

import hmac
import secrets
from dataclasses import dataclass, field

from emulators.functions.triggers import AuthLevel


def _new_key() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class HttpKeys:
    """New keys for every host unless given."""

    function: str = field(default_factory=_new_key)
    master: str = field(default_factory=_new_key)

    def allow(self, level: AuthLevel, given: str | None) -> bool:
        if level == "anonymous":
            return True
        accepted = [self.master] if level == "admin" else [self.master, self.function]
        presented = (given or "").encode()
        return any(hmac.compare_digest(presented, key.encode()) for key in accepted)
