"""The queries of the stores: the model knows their forms and refuses every other."""

import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from tests.simulation.cosmos import EVERY_ID, Document, Ids

_NAME = r"c(?:\.(\w+)|\[\"(\w+)\"\])"
_FIELD = re.compile(_NAME)
_CONDITION = re.compile(
    rf"{_NAME} (=|<=|>=|<|>|IN) (\(.*?\)|@\w+|\".*?\")|ARRAY_CONTAINS\(c\.(\w+), (@\w+)\)"
)
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    ">=": operator.ge,
    "<=": operator.le,
    "IN": lambda have, wanted: have in wanted,
    "CONTAINS": lambda have, wanted: wanted in have,
}


@lru_cache(1_000)
def _parsed(query: str) -> tuple[str, list[list[tuple[str, str, str]]], str]:
    """(what is selected, alternatives of (field, comparison, value asked for), the order)."""
    head, _, rest = query.partition(" FROM c")
    where, _, ordered = rest.partition(" ORDER BY ")
    alternatives = [
        [
            (found[1] or found[2] or found[5], found[3] or "CONTAINS", found[4] or found[6])
            for found in _CONDITION.finditer(alternative)
        ]
        for alternative in where.split(" OR ")
    ]
    known = sum(map(len, alternatives))
    assert known == len(_FIELD.findall(where)), f"the model does not know {query!r}"
    return head.removeprefix("SELECT "), alternatives, ordered.removeprefix("c.")


class Query:
    """A query of the stores: it knows their forms and no other."""

    def __init__(self, query: str, values: Mapping[str, Any]) -> None:
        self._shown, asked, self._ordered = _parsed(query)
        self._alternatives = [
            [(name, compares, _value(wanted, values)) for name, compares, wanted in conditions]
            for conditions in asked
        ]

    @property
    def ids(self) -> Ids:
        """What the conditions on ids say, or more; without a look at the documents."""
        if len(self._alternatives) > 1:
            return EVERY_ID
        names, start, end = EVERY_ID
        for name, compares, value in self._alternatives[0]:
            if name == "id":
                match compares:
                    case "IN" | "=":
                        names = value if compares == "IN" else frozenset({value})
                    case ">" | ">=":
                        start = value
                    case "<":
                        end = value
        return Ids(names, start, end)

    def selected(self, documents: list[Document]) -> list[Any]:
        """What the query answers, of these documents."""
        documents = [
            one
            for one in documents
            if any(
                all(name in one and _COMPARED[how](one[name], value) for name, how, value in each)
                for each in self._alternatives
            )
        ]
        if self._ordered:
            documents = sorted(documents, key=lambda one: str(one[self._ordered]))
        if self._shown == "*":
            return documents
        if self._shown == "VALUE COUNT(1)":
            return [len(documents)]
        names = [found[1] or found[2] for found in _FIELD.finditer(self._shown)]
        return [{name: one[name] for name in names if name in one} for one in documents]


def _value(asked: str, values: Mapping[str, Any]) -> Any:
    if asked.startswith("("):
        return frozenset(values[one.strip()] for one in asked.strip("()").split(","))
    return asked.strip('"') if asked.startswith('"') else values[asked]
