"""Numbers as the service keeps them: integers of 64 bits exactly, all others as doubles.

Recorded of a hosted account: `1.0` comes back as `1`, `-0.0` as `0`, 0.1000000000000000055511 as
`0.1`, 123456789012345678901234567890 as `1.2345678901234568e+029`; 1e400 is refused.

Guarantee: text that the service would write itself stays byte for byte.
"""

import math
import re

from emulators.cosmos.errors import Refused

# A number that may have another text, or a string, which is skipped whole.
_SUSPECT = re.compile(rb"\d[.eE]|-0|\d{19}")
_STRING_OR_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*', re.DOTALL)
_INTEGERS = range(-(1 << 63), 1 << 64)


def as_stored(body: bytes) -> bytes:
    """The JSON with its numbers as the service would keep them. Raises Refused(400)."""
    return _STRING_OR_NUMBER.sub(_stored, body) if _SUSPECT.search(body) else body


def _stored(match: re.Match[bytes]) -> bytes:
    text = match.group()
    if text[:1] == b'"' or not _SUSPECT.search(text):
        return text
    if not set(b".eE") & set(text) and int(text) in _INTEGERS:
        return b"%d" % int(text)
    value = float(text)
    if math.isinf(value):
        raise Refused(
            400,
            "The request payload is invalid. Ensure to provide a valid request payload.",
        )
    if value == 0:
        return b"0"
    # Fifteen digits where they say it all, else seventeen; an exponent has three.
    shown = f"{value:.15g}"
    if float(shown) != value:
        shown = f"{value:.17g}"
    mantissa, e, exponent = shown.partition("e")
    return (f"{mantissa}e{exponent[0]}{exponent[1:]:>03}" if e else shown).encode()
