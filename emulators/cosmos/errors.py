"""How the endpoint says no.

Guarantee: every refusal carries a status, the sub-status the SDK branches on, and one sentence
that a developer can act on.
"""

CODES = {
    304: "NotModified",
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    408: "RequestTimeout",
    409: "Conflict",
    410: "Gone",
    412: "PreconditionFailed",
    413: "RequestEntityTooLarge",
    424: "FailedDependency",
    429: "TooManyRequests",
    449: "RetryWith",
    500: "InternalServerError",
    501: "NotImplemented",
    503: "ServiceUnavailable",
}

PARTITION_KEY_MISMATCH = 1001
RANGE_GONE = 1002
OWNER_NOT_FOUND = 1003
CROSS_PARTITION_NOT_SERVABLE = 1004
CONTAINER_RECREATED = 1024
REQUEST_RATE_TOO_LARGE = 3200


class Refused(Exception):
    """A request the endpoint answers with `status` instead of a result.

    `additional`: what the service hands over as `additionalErrorInfo`.
    """

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        substatus: int = 0,
        headers: dict[str, str] | None = None,
        additional: str = "",
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.substatus = substatus
        self.headers = headers or {}
        self.additional = additional

    @property
    def code(self) -> str:
        return CODES.get(self.status, str(self.status))


def unsupported(what: str) -> Refused:
    """501: honest about a gap, so that a test never passes on a guess."""
    return Refused(501, f"The local Cosmos DB endpoint does not support {what}.")
