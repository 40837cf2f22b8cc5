"""HTTP routes as the platform reads them: templates with parameters, constraints and a catch-all.

Guarantee: pure. Paths match without regard to case; of several matching routes the more literal
wins.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from emulators.functions.errors import HostError

_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)(?::(\w+)[^}?]*)?(\?)?\}")
_CONSTRAINTS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "alpha": r"[A-Za-z]+",
    "bool": r"(?i:true|false)",
    "guid": r"[0-9A-Fa-f]{8}(?:-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}",
    "decimal": r"-?\d+(?:\.\d+)?",
    "datetime": r"[^/]+",
}


@dataclass(frozen=True, slots=True)
class Route:
    """`rank` sorts more literal routes first."""

    pattern: re.Pattern[str]
    rank: tuple[int, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """The route parameters of a path without outer slashes; None where it does not match."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        return {name: value for name, value in found.groupdict().items() if value is not None}


def parse_route(prefix: str, template: str) -> Route:
    segments = [part for part in f"{prefix}/{template}".split("/") if part]
    pattern, rank = "", []
    for index, segment in enumerate(segments):
        text, optional, kind = _segment(segment, template)
        separator = "/" if index else ""
        pattern += f"(?:{separator}{text})?" if optional else f"{separator}{text}"
        rank.append(kind)
    return Route(re.compile(pattern, re.IGNORECASE), tuple(rank))


def best_route(routes: Sequence[tuple[Route, str]], path: str) -> tuple[str, dict[str, str]] | None:
    """The name and the parameters of the most literal route that matches."""
    for route, name in sorted(routes, key=lambda one: one[0].rank):
        parameters = route.match(path.strip("/"))
        if parameters is not None:
            return name, parameters
    return None


def _segment(segment: str, template: str) -> tuple[str, bool, int]:
    whole = _PARAMETER.fullmatch(segment)
    if whole is None:
        pieces = _PARAMETER.split(segment)
        if len(pieces) == 1 and "{" not in segment:
            return re.escape(segment), False, 0
        # Text and parameters in one segment, such as report-{day}.json.
        text = _PARAMETER.sub(lambda one: f"\0{one.group(2)}\0", segment)
        parts = text.split("\0")
        if "{" in text:
            raise HostError(f"The route {template!r} cannot be read.")
        pattern = "".join(
            f"(?P<{part}>[^/]+?)" if index % 2 else re.escape(part)
            for index, part in enumerate(parts)
        )
        return pattern, False, 1
    stars, name, constraint, optional = whole.groups()
    if stars:
        return f"(?P<{name}>.*)", True, 4
    if constraint and constraint not in _CONSTRAINTS:
        raise HostError(
            f"The route {template!r} uses the constraint {constraint!r}, not known here."
        )
    inner = _CONSTRAINTS[constraint] if constraint else "[^/]+"
    return f"(?P<{name}>{inner})", bool(optional), 2 if constraint else 3
