"""What a query request carries beside the text: its parameters.

Guarantee: a name that the service refuses is refused here, with its words.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from emulators.cosmos.errors import Refused

_PARAMETER = re.compile(r"@[A-Za-z_]\w*", re.ASCII)


class Body(msgspec.Struct):
    query: str
    parameters: list[dict[str, Any]] = []  # msgspec copies the empty default


def decoded(body: bytes) -> tuple[str, dict[str, Any]]:
    """(text, values by parameter name)."""
    try:
        request = msgspec.json.decode(body, type=Body)
    except msgspec.DecodeError as error:
        raise Refused(400, f"The query body is not valid: {error}.") from None
    return request.query, named(request.parameters)


def named(parameters: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Values by name. A parameter without a value is as if it was not given: undefined."""
    values: dict[str, Any] = {}
    seen: set[str] = set()
    for one in parameters:
        name = str(one.get("name"))
        if not _PARAMETER.fullmatch(name):
            raise Refused(
                400,
                f"Invalid query. Specified parameter name '{name}' is invalid. Parameter names"
                " should be in the format of symbol '@' followed by a valid identifier."
                " E.g. @param1",
            )
        if name in seen:
            raise Refused(400, f"Invalid query. Specified duplicate parameter name '{name}'.")
        seen.add(name)
        if "value" in one:
            values[name] = one["value"]
    return values
