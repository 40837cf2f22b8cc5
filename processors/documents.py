"""What every document of the conversation platform has: who, which kind, whether it is deleted."""

from typing import Any

import msgspec

from cosmos_views.source import Kinds, SourceDocument
from cosmos_views.texts import Label, Time, Word

KEY = ("user_id",)
OWNER = ("user_id", "userId", "partition_key")
DELETED = ("is_deleted", "deleted")
SCHEMA = ("schema_version", 1)


class Written(SourceDocument, kw_only=True, gc=False):
    """A document of any of the platform's writers."""

    user_id: Label | msgspec.UnsetType | None = msgspec.UNSET
    user_alias: Label | None = msgspec.field(name="userId", default=None)
    partition_key: Label | None = None
    document_type: Word | None = None
    type: Word | None = None
    is_deleted: bool | None = None
    deleted: bool | None = None
    created_at: Time | None = None
    schema_version: Any = None


def kinds(*accepted: str) -> Kinds:
    """These kinds; the first is what a document is that does not say."""
    return Kinds(("document_type", "type"), accepted)
