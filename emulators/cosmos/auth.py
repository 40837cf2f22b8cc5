"""Account-key authentication, as the service checks it.

Guarantee: a request signed with another key, or for another resource, is refused with 401.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import unquote

from emulators.cosmos.errors import Refused

# Published by Microsoft for its emulator; it protects nothing and is no secret.
DEFAULT_KEY = (
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
)


class AccountKey:
    """One account key and the check of `authorization` headers against it."""

    def __init__(self, key: str) -> None:
        try:
            self._secret = base64.b64decode(key, validate=True)
        except binascii.Error:
            raise ValueError("The account key must be base64.") from None
        self.text = key

    def verify(self, verb: str, segments: tuple[str, ...], headers: Mapping[str, str]) -> None:
        """Raises Refused(401) unless the header signs this verb, resource and date."""
        header = headers.get("authorization")
        if not header:
            raise Refused(401, "The request has no authorization header.")
        kind, link = _resource(segments)
        date = headers.get("x-ms-date", "").lower()
        text = f"{verb.lower()}\n{kind}\n{link}\n{date}\n\n"
        digest = hmac.digest(self._secret, text.encode(), hashlib.sha256)
        signature = base64.b64encode(digest).decode()
        expected = f"type=master&ver=1.0&sig={signature}"
        if not hmac.compare_digest(unquote(header).encode(), expected.encode()):
            raise Refused(
                401, "The authorization header was not signed with this endpoint's account key."
            )


def _resource(segments: tuple[str, ...]) -> tuple[str, str]:
    """Resource type and link that the client signs for a path.

    A path with an odd number of segments names a feed: its type is the last segment and its link
    is the owner. An even number names the resource itself.
    """
    if not segments:
        return "", ""
    if len(segments) % 2:
        return segments[-1].lower(), "/".join(segments[:-1])
    return segments[-2].lower(), "/".join(segments)
