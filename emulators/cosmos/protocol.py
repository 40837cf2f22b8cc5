"""One request and one answer, free of any HTTP library.

Guarantee: header names live here and in the modules that serve them; the HTTP server only carries
these two types.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

import msgspec

from emulators.cosmos import partition_keys
from emulators.cosmos.errors import Refused
from emulators.cosmos.partition_keys import Key

PARTITION_KEY = "x-ms-documentdb-partitionkey"
RANGE_ID = "x-ms-documentdb-partitionkeyrangeid"
CONTINUATION = "x-ms-continuation"
SESSION_TOKEN = "x-ms-session-token"  # noqa: S105  # a header's name
QUERY_PLAN = "x-ms-cosmos-is-query-plan-request"
CHARGE = "x-ms-request-charge"
SUBSTATUS = "x-ms-substatus"
RETRY_AFTER = "x-ms-retry-after-ms"


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `segments` are the decoded parts of its path."""

    verb: str
    segments: tuple[str, ...]
    headers: Mapping[str, str]
    body: bytes = b""

    def flag(self, name: str) -> bool:
        return self.headers.get(name, "").lower() == "true"

    def key(self) -> Key | None:
        header = self.headers.get(PARTITION_KEY)
        return None if header is None else partition_keys.from_header(header)

    def required_key(self) -> Key:
        key = self.key()
        if key is None:
            raise Refused(400, "This operation needs a partition key header.")
        return key

    def items_max(self) -> int | None:
        """Wanted page size; None where the client leaves it to the service."""
        header = self.headers.get("x-ms-max-item-count")
        if header is None:
            return None
        try:
            wanted = int(header)
        except ValueError:
            wanted = -2
        if wanted < -1:
            raise Refused(
                400,
                f"The input PageSize {header} is invalid. Ensure to pass a valid page size which"
                " must be a positive integer or -1 for a dynamic page size",
            )
        return UNLIMITED if wanted == -1 else wanted or None

    def json(self) -> object:
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            raise Refused(400, "The request body is not JSON.") from None


# A client that asks for -1 items takes whatever fits into the page's bytes.
UNLIMITED = 1_000_000


@dataclass(slots=True)
class Reply:
    """An answer. `charge` is in request units."""

    status: int
    body: bytes = b""
    charge: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


def segments(raw_path: str) -> tuple[str, ...]:
    """The parts of a percent-encoded path, without empty ones."""
    return tuple(unquote(part) for part in raw_path.split("?")[0].split("/") if part)


def refusal(refused: Refused, charge: float) -> Reply:
    """The error answer that the SDK parses."""
    headers = dict(refused.headers)
    if refused.substatus:
        headers[SUBSTATUS] = str(refused.substatus)
    if refused.status == 304:
        return Reply(304, b"", charge, headers)
    body = {"code": refused.code, "message": refused.sentence}
    if refused.additional:
        body["additionalErrorInfo"] = refused.additional
    return Reply(refused.status, msgspec.json.encode(body), charge, headers)
