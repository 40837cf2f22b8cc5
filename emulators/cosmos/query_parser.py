"""From query text to the tree of `query_syntax`.

Guarantee: text is either understood whole or refused with 501; nothing is skipped.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from emulators.cosmos.errors import Refused, unsupported
from emulators.cosmos.query_syntax import (
    AGGREGATES,
    FUNCTIONS,
    Aggregate,
    And,
    Array,
    Call,
    Column,
    Compare,
    Expression,
    In,
    Literal,
    Not,
    Object,
    Or,
    Order,
    Parameter,
    Path,
    Query,
)

_T = TypeVar("_T")

QUERY_LENGTH_MAX = 512 * 1024
DEPTH_MAX = 60

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<parameter>@[A-Za-z_]\w*)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<symbol><=|>=|!=|<>|\|\||\?\?|[-=<>()\[\],.*+/%&|^~?:{}])
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_COMPARISONS = {"=", "!=", "<>", "<", "<=", ">", ">="}
_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None}
# Words that end a FROM clause, so they are not taken for an alias.
_RESERVED = frozenset(
    ("AS", "FROM", "GROUP", "IN", "JOIN", "LIMIT", "OFFSET", "ORDER", "SELECT", "WHERE")
)


@lru_cache(maxsize=512)
def parse(text: str) -> Query:
    """Raises Refused(501) for anything outside the grammar."""
    if len(text) > QUERY_LENGTH_MAX:
        raise Refused(400, f"A query may hold {QUERY_LENGTH_MAX} characters.")
    return _Parser(text).query()


class _Parser:
    """Recursive descent over (kind, text) tokens."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0
        self._root = ""
        self._selecting = False

    def query(self) -> Query:
        self._need_word("SELECT")
        top = self._count() if self._word("TOP") else None
        # The FROM name is needed to read the columns, so they are read after it.
        columns_at = self._next
        self._skip_to_from()
        self._from()
        after_from = self._next
        self._next = columns_at
        self._selecting = True
        shape = self._columns()
        self._selecting = False
        self._expect_here(after_from)
        where = self._or() if self._word("WHERE") else None
        order = self._order()
        offset = limit = None
        if self._word("OFFSET"):
            if top is not None:
                raise Refused(400, "'TOP' may not be used with 'OFFSET LIMIT'.")
            offset = self._count()
            self._need_word("LIMIT")
            limit = self._count()
        if self._next < len(self._tokens):
            raise self._stopped()
        return replace(
            shape, root=self._root, where=where, order=order, top=top, offset=offset, limit=limit
        )

    def _skip_to_from(self) -> None:
        while self._next < len(self._tokens) and not self._is_word("FROM"):
            self._next += 1

    def _from(self) -> None:
        self._need_word("FROM")
        self._root = self._name()
        if self._word("AS") or self._is_name():
            self._root = self._name()

    def _expect_here(self, after_from: int) -> None:
        if not self._is_word("FROM"):
            raise self._stopped()
        self._next = after_from

    def _columns(self) -> Query:
        if self._symbol("*"):
            return Query(everything=True)
        if self._word("VALUE"):
            return Query(value=self._primary())
        columns = [self._column()]
        while self._symbol(","):
            columns.append(self._column())
        return Query(columns=tuple(columns))

    def _column(self) -> Column:
        expression = self._primary()
        if self._word("AS"):
            return Column(self._name(), expression)
        if isinstance(expression, Path) and expression.segments:
            return Column(expression.segments[-1], expression)
        raise unsupported("a query column without a name; write it as `expression AS name`")

    def _order(self) -> tuple[Order, ...]:
        if not self._word("ORDER"):
            return ()
        self._need_word("BY")
        orders = []
        while True:
            path = self._primary()
            if not isinstance(path, Path) or not path.segments:
                raise unsupported("ORDER BY of anything but a property")
            descending = self._word("DESC")
            if not descending:
                self._word("ASC")
            orders.append(Order(path.segments, descending))
            if not self._symbol(","):
                return tuple(orders)

    def _or(self) -> Expression:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise Refused(400, f"A query may nest {DEPTH_MAX} conditions.")
        parts = [self._and()]
        while self._word("OR"):
            parts.append(self._and())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Expression:
        parts = [self._not()]
        while self._word("AND"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Expression:
        negations = 0
        while self._word("NOT"):
            negations += 1
        found = self._comparison()
        # An even number of negations is none: NOT undefined stays undefined.
        return Not(found) if negations % 2 else found

    def _comparison(self) -> Expression:
        left = self._primary()
        kind, text = self._peek()
        if kind == "symbol" and text in _COMPARISONS:
            self._next += 1
            return Compare("!=" if text == "<>" else text, left, self._primary())
        if self._word("IN"):
            return self._choices(left)
        if self._is_word("NOT") and self._peek(1)[1].upper() == "IN":
            self._next += 2
            return Not(self._choices(left))
        return left

    def _choices(self, value: Expression) -> In:
        self._need_symbol("(")
        choices = [self._primary()]
        while self._symbol(","):
            choices.append(self._primary())
        self._need_symbol(")")
        return In(value, tuple(choices))

    def _primary(self) -> Expression:
        kind, text = self._peek()
        match kind:
            case "number":
                self._next += 1
                return Literal(float(text) if any(c in text for c in ".eE") else int(text))
            case "string":
                self._next += 1
                return Literal(_unquoted(text))
            case "parameter":
                self._next += 1
                return Parameter(text)
            case "word":
                return self._named(text)
            case _:
                return self._enclosed()

    def _enclosed(self) -> Expression:
        if self._symbol("("):
            inner = self._or()
            self._need_symbol(")")
            return inner
        if self._symbol("["):
            return Array(self._list(self._primary, "]"))
        if self._symbol("{"):
            return Object(self._list(self._member, "}"))
        raise self._stopped()

    def _list(self, one: Callable[[], _T], end: str) -> tuple[_T, ...]:
        """What stands between an opening symbol, already read, and its end."""
        found: list[_T] = []
        while not self._symbol(end):
            if found:
                self._need_symbol(",")
            found.append(one())
        return tuple(found)

    def _member(self) -> tuple[str, Expression]:
        kind, text = self._peek()
        if kind != "string":
            raise self._stopped()
        self._next += 1
        self._need_symbol(":")
        return _unquoted(text), self._primary()

    def _named(self, text: str) -> Expression:
        upper = text.upper()
        if upper in _CONSTANTS:
            self._next += 1
            return Literal(_CONSTANTS[upper])
        if self._peek(1) == ("symbol", "("):
            if upper in AGGREGATES and self._selecting:
                self._next += 2
                argument = self._primary()
                self._need_symbol(")")
                return Aggregate(upper, argument)
            if upper not in FUNCTIONS:
                raise unsupported(f"the query function {text}")
            self._next += 2
            arguments = [self._primary()]
            while self._symbol(","):
                arguments.append(self._primary())
            self._need_symbol(")")
            least, most = FUNCTIONS[upper]
            if not least <= len(arguments) <= most:
                raise unsupported(f"{upper} with {len(arguments)} arguments")
            return Call(upper, tuple(arguments))
        if text != self._root:
            raise self._stopped()
        self._next += 1
        return Path(self._segments())

    def _segments(self) -> tuple[str, ...]:
        segments: list[str] = []
        while True:
            if self._symbol("."):
                kind, text = self._peek()
                if kind != "word":
                    raise self._stopped()
                segments.append(text)
                self._next += 1
            elif self._symbol("["):
                kind, text = self._peek()
                if kind != "string":
                    raise unsupported("array positions in a query path")
                segments.append(_unquoted(text))
                self._next += 1
                self._need_symbol("]")
            else:
                return tuple(segments)

    def _count(self) -> int | Parameter:
        kind, text = self._peek()
        self._next += 1
        if kind == "parameter":
            return Parameter(text)
        if kind != "number" or not text.isdigit():
            self._next -= 1
            raise self._stopped()
        return int(text)

    def _peek(self, ahead: int = 0) -> tuple[str, str]:
        at = self._next + ahead
        return self._tokens[at] if at < len(self._tokens) else ("end", "")

    def _is_word(self, word: str) -> bool:
        kind, text = self._peek()
        return kind == "word" and text.upper() == word

    def _word(self, word: str) -> bool:
        found = self._is_word(word)
        self._next += found
        return found

    def _symbol(self, symbol: str) -> bool:
        found = self._peek() == ("symbol", symbol)
        self._next += found
        return found

    def _need_word(self, word: str) -> None:
        if not self._word(word):
            raise self._stopped()

    def _need_symbol(self, symbol: str) -> None:
        if not self._symbol(symbol):
            raise self._stopped()

    def _is_name(self) -> bool:
        kind, text = self._peek()
        return kind == "word" and text.upper() not in _RESERVED

    def _name(self) -> str:
        if not self._is_name():
            raise self._stopped()
        self._next += 1
        return self._tokens[self._next - 1][1]

    def _stopped(self) -> Refused:
        kind, text = self._peek()
        where = "the end of the query where it is" if kind == "end" else f"{text!r} in a query here"
        return unsupported(f"{where} (word {self._next + 1})")


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            if text[at:].lstrip().startswith("@"):
                near = text[at:].split()[0]
                raise Refused(400, f"Syntax error, incorrect syntax near '{near}'.")
            raise unsupported(f"{text[at : at + 10].strip()!r} in a query")
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        at = match.end()
    return tokens


def _unquoted(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        body = match.group(1)
        if len(body) > 1:
            return chr(int(body[1:], 16))
        return _ESCAPED.get(body, body)

    return _ESCAPE.sub(character, text[1:-1])
