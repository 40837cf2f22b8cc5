"""A tree of `query_syntax` as text again, for the query that a plan has the client send.

Guarantee: the text reads back as the same tree.
"""

import re

import msgspec

from emulators.cosmos.query_syntax import (
    Aggregate,
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
)

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def path(root: str, segments: tuple[str, ...]) -> str:
    return root + "".join(
        f".{name}" if _NAME.fullmatch(name) else f"[{_json(name)}]" for name in segments
    )


def expression(tree: Expression, root: str) -> str:
    def text(part: Expression) -> str:
        return expression(part, root)

    def listed(parts: tuple[Expression, ...], between: str = ", ") -> str:
        return between.join(map(text, parts))

    match tree:
        case Literal(value):
            return _json(value)
        case Parameter(name):
            return name
        case Path(segments):
            return path(root, segments)
        case Compare(operator, left, right):
            return f"({text(left)} {operator} {text(right)})"
        case And(parts):
            return f"({listed(parts, ' AND ')})"
        case Or(parts):
            return f"({listed(parts, ' OR ')})"
        case Not(part):
            return f"(NOT {text(part)})"
        case In(value, choices):
            return f"({text(value)} IN ({listed(choices)}))"
        case Call(name, arguments):
            return f"{name}({listed(arguments)})"
        case Aggregate(name, argument):
            return f"{name}({text(argument)})"
        case Array(items):
            return f"[{listed(items)}]"
        case Object(members):
            shown = (f"{_json(name)}: {text(member)}" for name, member in members)
            return f"{{{', '.join(shown)}}}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
