"""The supported part of the SQL grammar, as a tree.

    SELECT [TOP n] * | VALUE expression | expression [AS name], ...
    FROM name [WHERE condition] [ORDER BY path [ASC|DESC], ...] [OFFSET n LIMIT m]

Guarantee: what is not written here does not parse; the parser answers 501 and names the word it
stopped at.
"""

from dataclasses import dataclass

AGGREGATES = frozenset(("COUNT", "MAX", "MIN"))
FUNCTIONS = {"STARTSWITH": (2, 2), "IS_DEFINED": (1, 1), "ARRAY_CONTAINS": (2, 2)}


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


Expression = Literal | Parameter | Path | Compare | And | Or | Not | In | Call


@dataclass(frozen=True, slots=True)
class Aggregate:
    """COUNT(1), COUNT(path), MAX(path) or MIN(path)."""

    name: str
    argument: Expression


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Order:
    path: tuple[str, ...]
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT. Exactly one of `everything`, `value`, `aggregate`, `columns` is set."""

    everything: bool = False
    value: Expression | None = None
    aggregate: Aggregate | None = None
    columns: tuple[Column, ...] = ()
    where: Expression | None = None
    order: tuple[Order, ...] = ()
    offset: int | Parameter = 0
    limit: int | Parameter | None = None
