"""What query expressions mean, with Cosmos DB's undefined.

Guarantee: as in the service, a comparison across types is undefined, not false, and only a
condition that is exactly true selects a document.
"""

from collections.abc import Callable, Mapping
from typing import Any

from emulators.cosmos.errors import unsupported
from emulators.cosmos.query_syntax import (
    And,
    Array,
    Call,
    Compare,
    Expression,
    In,
    Literal,
    Not,
    Object,
    Or,
    Parameter,
    Path,
    replaced,
)


class Undefined:
    """The value of a property that is not there."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED = Undefined()

Value = Any
"""A JSON value or UNDEFINED."""

Evaluator = Callable[[Value], Value]
"""From a document to the value of an expression."""


def bind(expression: Expression, parameters: Mapping[str, Value]) -> Expression:
    """The same tree with literals in place of parameters."""

    def literal(part: Expression) -> Expression | None:
        # As in the service: what is not given is undefined.
        return (
            Literal(parameters.get(part.name, UNDEFINED)) if isinstance(part, Parameter) else None
        )

    return replaced(expression, literal)


def evaluator(expression: Expression) -> Evaluator:
    """Compiles a bound expression."""
    match expression:
        case Literal(value):
            return lambda _: value
        case Path(segments):
            return _path(segments)
        case Compare(operator, left, right):
            return _comparison(operator, evaluator(left), evaluator(right))
        case And(parts):
            return _every([evaluator(part) for part in parts], decisive=False)
        case Or(parts):
            return _every([evaluator(part) for part in parts], decisive=True)
        case Not(part):
            inner = evaluator(part)
            return lambda document: _negated(inner(document))
        case In(value, choices):
            return _membership(evaluator(value), choices)
        case Call(name, arguments):
            return _call(name, [evaluator(argument) for argument in arguments])
        case Array(items):
            return _array([evaluator(item) for item in items])
        case Object(members):
            return _object([(name, evaluator(member)) for name, member in members])
        case _:
            raise AssertionError(f"unbound expression {expression}")


def _array(items: list[Evaluator]) -> Evaluator:
    """As in the service: an undefined item is null, so that the others keep their places."""

    def value(document: Value) -> Value:
        found = (item(document) for item in items)
        return [None if one is UNDEFINED else one for one in found]

    return value


def _object(members: list[tuple[str, Evaluator]]) -> Evaluator:
    """An undefined member is left out."""

    def value(document: Value) -> Value:
        found = ((name, member(document)) for name, member in members)
        return {name: one for name, one in found if one is not UNDEFINED}

    return value


def _path(segments: tuple[str, ...]) -> Evaluator:
    def value(document: Value) -> Value:
        for segment in segments:
            if not isinstance(document, dict) or segment not in document:
                return UNDEFINED
            document = document[segment]
        return document

    return value


def _rank(value: Value) -> int:
    """Order of types in ORDER BY; equal ranks can be compared."""
    match value:
        case Undefined():
            return 0
        case None:
            return 1
        case bool():
            return 2
        case int() | float():
            return 3
        case str():
            return 4
        case list():
            return 5
        case _:
            return 6


def equal(left: Value, right: Value) -> Value:
    rank = _rank(left)
    if rank == 0 or rank != _rank(right):
        return UNDEFINED
    return left == right


def _comparison(operator: str, left: Evaluator, right: Evaluator) -> Evaluator:
    if operator in ("=", "!="):
        wanted = operator == "="

        def equality(document: Value) -> Value:
            found = equal(left(document), right(document))
            return found if found is UNDEFINED else found is wanted

        return equality

    def order(document: Value) -> Value:
        a, b = left(document), right(document)
        rank = _rank(a)
        if rank not in (2, 3, 4) or rank != _rank(b):
            return UNDEFINED
        match operator:
            case "<":
                return a < b
            case "<=":
                return a <= b
            case ">":
                return a > b
            case _:
                return a >= b

    return order


def _every(parts: list[Evaluator], *, decisive: bool) -> Evaluator:
    """OR where True decides, AND where False decides; otherwise undefined wins."""

    def value(document: Value) -> Value:
        result: Value = not decisive
        for part in parts:
            found = part(document)
            if found is decisive:
                return decisive
            if found is not (not decisive):
                result = UNDEFINED
        return result

    return value


def _negated(value: Value) -> Value:
    return not value if isinstance(value, bool) else UNDEFINED


def _membership(value: Evaluator, choices: tuple[Expression, ...]) -> Evaluator:
    if all(isinstance(choice, Literal) and isinstance(choice.value, str) for choice in choices):
        texts = {choice.value for choice in choices if isinstance(choice, Literal)}

        def among_texts(document: Value) -> Value:
            found = value(document)
            return found in texts if isinstance(found, str) else UNDEFINED

        return among_texts
    tests = [evaluator(choice) for choice in choices]
    return _every(
        [_comparison("=", value, test) for test in tests],
        decisive=True,
    )


def _call(name: str, arguments: list[Evaluator]) -> Evaluator:
    first = arguments[0]
    if name == "IS_DEFINED":
        return lambda document: first(document) is not UNDEFINED
    if name == "IS_OBJECT":
        return lambda document: isinstance(first(document), dict)
    second = arguments[1]
    if name == "STARTSWITH":

        def starts(document: Value) -> Value:
            text, prefix = first(document), second(document)
            if isinstance(text, str) and isinstance(prefix, str):
                return text.startswith(prefix)
            return UNDEFINED

        return starts

    def contains(document: Value) -> Value:
        array, wanted = first(document), second(document)
        if not isinstance(array, list) or wanted is UNDEFINED:
            return UNDEFINED
        return any(equal(member, wanted) is True for member in array)

    return contains


def order_key(value: Value) -> tuple[int, Any]:
    """Sort key across types: undefined, null, booleans, numbers, strings, arrays, objects."""
    rank = _rank(value)
    return rank, value if rank in (2, 3, 4) else 0


def aggregated(name: str, values: list[Value]) -> Value:
    """What an aggregate makes of the values that are defined."""
    if name == "COUNT":
        return len(values)
    ranks = {_rank(value) for value in values}
    if name in ("MIN", "MAX"):
        if ranks & {5, 6}:
            raise unsupported(f"{name} over arrays or objects")
        best = max if name == "MAX" else min
        return best(values, key=order_key) if values else UNDEFINED
    # One value that is not a number makes the whole undefined.
    if not ranks <= {3}:
        return UNDEFINED
    if name == "SUM":
        return sum(values)
    return sum(values) / len(values) if values else UNDEFINED
