"""Source documents, and which of them count: kind first, then soft delete, then validity."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.oracle.values import Fields, Invalid

NEWEST_SCHEMA = 1
KINDS = {
    "user_interactions": ("user_interaction", "interaction", "usage_tracking"),
    "user_sessions": ("user_session", "session"),
    "abuse_incidents": ("abuse_incident",),
}


@dataclass(frozen=True)
class SourceDocument:
    """One version of a document of a source container."""

    source: str
    """user_interactions, user_sessions or abuse_incidents."""
    body: dict[str, Any]

    @property
    def identity(self) -> tuple[str, str, str]:
        """(container, partition key value, id); absent, null and "" are three values."""
        body = self.body
        partition = repr(body["user_id"]) if "user_id" in body else "absent"
        return self.source, partition, str(body["id"])


def latest_versions(versions: Iterable[SourceDocument]) -> list[SourceDocument]:
    """The last version written of each document."""
    latest = {version.identity: version for version in versions}
    return list(latest.values())


def standing(document: SourceDocument) -> str:
    """`ignored`, `deleted` or `live`; raises `Invalid` for a kind that is not text."""
    fields = Fields(document.body)
    kind = fields.text("document_type")
    if kind is None:
        kind = fields.text("type")
    if kind is not None and kind not in KINDS[document.source]:
        return "ignored"
    if fields.raw("is_deleted") is True or fields.raw("deleted") is True:
        return "deleted"
    return "live"


def check_common_fields(fields: Fields) -> None:
    """The fields of every kind that `standing` may not have looked at, the version first."""
    version = fields.number("schema_version")
    if version is not None and (version.denominator != 1 or version > NEWEST_SCHEMA):
        raise Invalid(fields.path("schema_version"))
    fields.name("id")
    fields.text("type")
    fields.boolean("is_deleted")
    fields.boolean("deleted")


def read_user(fields: Fields) -> str | None:
    """None for the anonymous. Every candidate is checked, also one that loses."""
    candidates = []
    for name in ("user_id", "userId", "partition_key"):
        user = fields.name(name)
        if user is not None and len(user.encode("utf-8", "surrogatepass")) > 900:
            raise Invalid(fields.path(name))
        candidates.append(user)
    return next((user for user in candidates if user is not None), None)


def read_event_time(fields: Fields, candidates: dict[str, int | None]) -> tuple[int, bool]:
    """(microseconds, whether the document has a time of its own). `candidates` are path → time."""
    written_at = fields.time("_ts")
    for path, at in {**candidates, "_ts": written_at}.items():
        if at is None:
            continue
        if written_at is not None and at > written_at + 86_400 * 1_000_000:
            raise Invalid(path)
        return at, path != "_ts"
    raise Invalid("_ts")
