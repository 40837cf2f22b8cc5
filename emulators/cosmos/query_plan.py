"""What a condition says about `id` and the partition key, so that queries seek instead of scan.

Guarantee: the documents a plan selects, filtered by its `residual`, are exactly the documents the
condition selects.
"""

from dataclasses import dataclass

from emulators.cosmos.partition_keys import Key, encode
from emulators.cosmos.query_syntax import And, Call, Compare, Expression, In, Literal, Or, Path

_ID = Path(("id",))

# Sorts after every permitted id: longer than 1023 bytes of the highest code point.
ID_CEILING = "\U0010ffff" * 256

Address = tuple[Key | None, str]
"""Partition key and id; the key is None where the condition does not say."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`addresses` None: unknown, look at all. The id range is half-open."""

    key: Key | None = None
    addresses: frozenset[Address] | None = None
    id_from: str = ""
    id_before: str = ID_CEILING
    residual: Expression | None = None


def plan(where: Expression | None, key_path: tuple[str, ...]) -> Plan:
    """Plans a bound condition."""
    if where is None:
        return Plan()
    planner = _Planner(Path(key_path))
    addresses, exact = planner.addresses(where)
    if addresses is not None:
        if key_path == _ID.segments:
            addresses = frozenset((encode(name), name) for _, name in addresses)
        return Plan(addresses=addresses, residual=None if exact else where)
    parts = where.parts if isinstance(where, And) else (where,)
    id_from, id_before = "", ID_CEILING
    key: Key | None = None
    residual: list[Expression] = []
    for part in parts:
        found_key = planner.key(part)
        bounds = _id_bounds(part)
        if found_key is not None and key in (None, found_key):
            key = found_key
        elif bounds is not None:
            id_from = max(id_from, bounds[0])
            id_before = min(id_before, bounds[1])
        else:
            residual.append(part)
    rest = None if not residual else residual[0] if len(residual) == 1 else And(tuple(residual))
    return Plan(key=key, id_from=id_from, id_before=id_before, residual=rest)


class _Planner:
    def __init__(self, key_path: Path) -> None:
        self._key_path = key_path

    def key(self, part: Expression) -> Key | None:
        """The partition key value that `part` demands, if that is all it does."""
        literal = _equal_to(part, self._key_path)
        if literal is None or isinstance(literal.value, list | dict):
            return None
        return encode(literal.value)

    def addresses(self, part: Expression) -> tuple[frozenset[Address] | None, bool]:
        """The only documents that can satisfy `part`, and whether they all do."""
        match part:
            case Or(parts):
                return self._union(parts)
            case And(parts):
                return self._intersection(parts)
            case _:
                names = _ids(part)
                return (
                    (None, False) if names is None else (frozenset((None, n) for n in names), True)
                )

    def _union(self, parts: tuple[Expression, ...]) -> tuple[frozenset[Address] | None, bool]:
        found: set[Address] = set()
        exact = True
        for part in parts:
            addresses, part_exact = self.addresses(part)
            if addresses is None:
                return None, False
            found |= addresses
            exact = exact and part_exact
        if len({key is None for key, _ in found}) > 1:
            return None, False
        return frozenset(found), exact

    def _intersection(
        self, parts: tuple[Expression, ...]
    ) -> tuple[frozenset[Address] | None, bool]:
        addresses: frozenset[Address] | None = None
        key: Key | None = None
        exact = True
        for part in parts:
            part_key = self.key(part)
            if part_key is not None and key is None:
                key = part_key
                continue
            part_addresses, part_exact = self.addresses(part)
            if part_addresses is not None and addresses is None:
                addresses = part_addresses
                exact = exact and part_exact
            else:
                exact = False
        if addresses is None or key is None:
            return addresses, exact
        if any(found not in (None, key) for found, _ in addresses):
            return addresses, False
        return frozenset((key, name) for _, name in addresses), exact


def _equal_to(part: Expression, path: Path) -> Literal | None:
    match part:
        case Compare("=", Path() as left, Literal() as right) if left == path:
            return right
        case Compare("=", Literal() as left, Path() as right) if right == path:
            return left
        case _:
            return None


def _ids(part: Expression) -> set[str] | None:
    """The ids that `part` lists, if listing ids is all it does. An id is always text."""
    literal = _equal_to(part, _ID)
    if literal is not None:
        return {literal.value} if isinstance(literal.value, str) else set()
    match part:
        case In(value, choices) if value == _ID:
            literals = [choice for choice in choices if isinstance(choice, Literal)]
            if len(literals) < len(choices):
                return None
            return {choice.value for choice in literals if isinstance(choice.value, str)}
        case Call("ARRAY_CONTAINS", (Literal(list() as members), value)) if value == _ID:
            return {member for member in members if isinstance(member, str)}
        case _:
            return None


def _id_bounds(part: Expression) -> tuple[str, str] | None:
    """The half-open id range that `part` demands, if that is all it does."""
    match part:
        case Compare(operator, value, Literal(str() as bound)) if value == _ID:
            # The next id after x in ordinal order is x followed by the lowest character.
            match operator:
                case ">=":
                    return bound, ID_CEILING
                case ">":
                    return bound + "\0", ID_CEILING
                case "<":
                    return "", bound
                case "<=":
                    return "", bound + "\0"
                case _:
                    return None
        case Call("STARTSWITH", (value, Literal(str() as prefix))) if value == _ID and prefix:
            return prefix, prefix + ID_CEILING
        case _:
            return None
