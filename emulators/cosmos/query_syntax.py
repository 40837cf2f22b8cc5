"""The supported part of the SQL grammar, as a tree.

    SELECT [TOP n] * | VALUE expression | expression [AS name], ...   aggregates among them
    FROM name [WHERE condition] [ORDER BY path [ASC|DESC], ...] [OFFSET n LIMIT m]

Guarantee: what is not written here does not parse; the parser answers 501 and names the word it
stopped at.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

AGGREGATES = frozenset(("AVG", "COUNT", "MAX", "MIN", "SUM"))
FUNCTIONS = {
    "STARTSWITH": (2, 2),
    "IS_DEFINED": (1, 1),
    "IS_OBJECT": (1, 1),
    "ARRAY_CONTAINS": (2, 2),
}


@dataclass(frozen=True, slots=True)
class Literal:
    value: object


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str


@dataclass(frozen=True, slots=True)
class Path:
    """A property of the document; no segments means the document itself."""

    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Expression"


@dataclass(frozen=True, slots=True)
class In:
    value: "Expression"
    choices: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Array:
    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Object:
    members: tuple[tuple[str, "Expression"], ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value of all documents that are selected; only in what is selected, never nested."""

    name: str
    argument: "Expression"


Expression = (
    Literal | Parameter | Path | Compare | And | Or | Not | In | Call | Array | Object | Aggregate
)


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Order:
    path: tuple[str, ...]
    descending: bool


Count = int | Parameter


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT. Exactly one of `everything`, `value`, `columns` is set; OFFSET and LIMIT come
    together."""

    everything: bool = False
    value: Expression | None = None
    columns: tuple[Column, ...] = ()
    root: str = "c"
    where: Expression | None = None
    order: tuple[Order, ...] = ()
    top: Count | None = None
    offset: Count | None = None
    limit: Count | None = None

    def aggregates(self) -> tuple[Aggregate, ...]:
        """Those in what is selected, each once."""
        shown = [column.expression for column in self.columns]
        if self.value is not None:
            shown.append(self.value)
        found = (part for one in shown for part in _parts(one) if isinstance(part, Aggregate))
        return tuple(dict.fromkeys(found))


def replaced(
    expression: Expression, change: Callable[[Expression], Expression | None]
) -> Expression:
    """The same tree with whatever `change` gives something for in that one's place."""
    changed = change(expression)
    if changed is not None:
        return changed

    def every(parts: tuple[Expression, ...]) -> tuple[Expression, ...]:
        return tuple(replaced(part, change) for part in parts)

    match expression:
        case Compare(operator, left, right):
            return Compare(operator, *every((left, right)))
        case And(parts):
            return And(every(parts))
        case Or(parts):
            return Or(every(parts))
        case Not(part):
            return Not(replaced(part, change))
        case In(value, choices):
            return In(replaced(value, change), every(choices))
        case Call(name, arguments):
            return Call(name, every(arguments))
        case Array(items):
            return Array(every(items))
        case Object(members):
            return Object(tuple((name, replaced(part, change)) for name, part in members))
        case Aggregate(name, argument):
            return Aggregate(name, replaced(argument, change))
        case _:
            return expression


def _parts(expression: Expression) -> Iterator[Expression]:
    found: list[Expression] = []
    # A change that changes nothing sees every part.
    replaced(expression, found.append)
    return iter(found)
