"""What a container was asked to be: partition key path, time to live, indexing.

Guarantee: a definition that asks for something the endpoint does not do is refused with 501 when
it is created, not ignored until a test depends on it.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from emulators.cosmos.errors import Refused, unsupported

TTL_SECONDS_MAX = 2_147_483_647

_KNOWN = {"id", "partitionKey", "defaultTtl", "indexingPolicy"}
_IGNORED_POLICIES = ("conflictResolutionPolicy", "geospatialConfig")

_DEFAULT_INDEXING: dict[str, Any] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}],
}

Path = tuple[str, ...]

T = TypeVar("T")


class _KeyDefinition(msgspec.Struct):
    paths: list[str] = []
    kind: str = "Hash"
    version: int = 1


class _IndexedPath(msgspec.Struct):
    path: str
    order: str = "ascending"


class _Policy(msgspec.Struct, rename="camel"):
    indexing_mode: str = "consistent"
    included_paths: list[_IndexedPath] = []
    excluded_paths: list[_IndexedPath] = []
    composite_indexes: list[list[_IndexedPath]] = []


@dataclass(frozen=True, slots=True)
class Indexing:
    """Which paths are indexed, as far as charges and ORDER BY need to know.

    With `everything`, all leaves are indexed; otherwise only those at or below `included`.
    Excluded paths beside an included `/*` are not modelled.
    """

    everything: bool
    included: tuple[Path, ...]
    composites: tuple[tuple[tuple[Path, bool], ...], ...] = ()

    def covers(self, path: Path) -> bool:
        """Whether ORDER BY on this path has an index. `id` and `_ts` always have one."""
        if self.everything or path in (("id",), ("_ts",)):
            return True
        return any(path[: len(prefix)] == prefix for prefix in self.included)

    def covers_order(self, order: tuple[tuple[Path, bool], ...]) -> bool:
        """Whether a composite index serves this order, as it stands or read backwards."""
        backwards = tuple((path, not descending) for path, descending in order)
        return order in self.composites or backwards in self.composites

    def paths_indexed(self, document: Any) -> int:
        """Leaves of a document that a write has to index."""
        if self.everything:
            return _leaves(document)
        return sum(_leaves(_at(document, path)) for path in self.included)


def _leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_leaves(member) for member in value.values())
    if isinstance(value, list):
        return sum(_leaves(member) for member in value)
    return 0 if value is _Absent else 1


class _Absent:
    """Marks a path that a document does not have."""


def _at(document: Any, path: Path) -> Any:
    for name in path:
        if not isinstance(document, dict) or name not in document:
            return _Absent
        document = document[name]
    return document


@dataclass(frozen=True, slots=True)
class Definition:
    """A container's settings, checked."""

    id: str
    key_path: Path
    key_text: str
    default_ttl: int | None
    indexing: Indexing
    policy: dict[str, Any] = field(compare=False)

    def properties(self) -> dict[str, Any]:
        """The user-set part of what a container read returns."""
        shown: dict[str, Any] = {
            "id": self.id,
            "indexingPolicy": self.policy,
            "partitionKey": {"paths": [self.key_text], "kind": "Hash", "version": 2},
        }
        if self.default_ttl is not None:
            shown["defaultTtl"] = self.default_ttl
        return shown


def parse(body: Any) -> Definition:
    """Checks the body of a container create or replace."""
    if not isinstance(body, dict) or not isinstance(body.get("id"), str) or not body["id"]:
        raise Refused(400, "A container needs an id.")
    for name, value in body.items():
        known = name in _KNOWN or name.startswith("_") or name in _IGNORED_POLICIES
        if not known and value not in (None, {}, []):
            raise unsupported(f"the container property {name!r}")
    key_text = _key_text(body.get("partitionKey"))
    policy = body.get("indexingPolicy") or _DEFAULT_INDEXING
    return Definition(
        id=body["id"],
        key_path=_path(key_text),
        key_text=key_text,
        default_ttl=_default_ttl(body.get("defaultTtl")),
        indexing=_indexing(policy),
        policy=policy,
    )


def _key_text(value: Any) -> str:
    definition = _converted(value or {}, _KeyDefinition, "partitionKey")
    if not definition.paths:
        raise Refused(400, "A container needs a partition key.")
    if len(definition.paths) > 1 or definition.kind != "Hash":
        raise unsupported("hierarchical partition keys")
    if definition.version != 2:
        raise unsupported("partition key hash version 1; ask for version 2")
    return definition.paths[0]


def _converted(value: Any, kind: type[T], name: str) -> T:
    try:
        return msgspec.convert(value, type=kind)
    except msgspec.ValidationError as error:
        raise Refused(400, f"{name} is not valid: {error}.") from None


def _default_ttl(value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not (value == -1 or 1 <= value <= TTL_SECONDS_MAX):
        raise Refused(400, "defaultTtl must be -1 or a positive number of seconds.")
    return value


def _path(text: str) -> Path:
    """`/a/b/?` or `/a/b/*` as ("a", "b")."""
    if not text.startswith("/"):
        raise Refused(400, f"The path {text!r} does not start with a slash.")
    names = [name.strip('"') for name in text[1:].split("/")]
    if names[-1] in ("?", "*"):
        names.pop()
    if not names or not all(names):
        raise Refused(400, f"The path {text!r} names no property.")
    if any("[" in name for name in names):
        raise unsupported(f"the path {text!r}, which goes through an array")
    return tuple(names)


def _indexing(value: Any) -> Indexing:
    policy = _converted(value, _Policy, "indexingPolicy")
    mode = policy.indexing_mode.lower()
    if mode not in ("consistent", "none"):
        raise unsupported(f"the indexing mode {mode!r}")
    if mode == "none":
        return Indexing(everything=False, included=())
    included = [entry.path for entry in policy.included_paths]
    excluded = [entry.path for entry in policy.excluded_paths]
    return Indexing(
        everything=bool({"/*", "/"} & {*included}) or (not included and "/*" not in excluded),
        included=tuple(_path(path) for path in included if path not in ("/*", "/")),
        composites=tuple(
            tuple((_path(part.path), part.order == "descending") for part in parts)
            for parts in policy.composite_indexes
        ),
    )
