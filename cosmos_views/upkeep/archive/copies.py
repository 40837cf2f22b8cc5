"""Archive: immutable copies of aged documents, named and encoded here, written by `store/archive`.

A copy's blob is named

    archived/{source}/{yyyy}/{mm}/{dd}/{owner}/{document_id}.json

The date is that of the *event*, as the views count it, in UTC; where it cannot be read, that of
`_ts`. So a correction lands on the copy it corrects, and restoring a period means the same days as
the views. A correction that moves the event to another day leaves the older copy where it was;
restoring takes the newest version of a document. One document never shares a name with another.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, Protocol

import msgspec

from cosmos_views.intake.documents import Change, read_document
from cosmos_views.intake.raw_json import as_text
from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.copies import REFUSED, ROOT, Copy, CopyRefused
from cosmos_views.ledger.feeds import Document
from cosmos_views.ledger.instants import DAY_SECONDS
from cosmos_views.ledger.labels import digest
from cosmos_views.ledger.owners import owner_key
from cosmos_views.source import Source
from cosmos_views.upkeep.archive.refused import RefusedCopies
from cosmos_views.upkeep.trailing import PAGE_DOCUMENTS

ANONYMOUS = "~anonymous"
"""The segment of documents without an owner; no owner's segment can be this, nor begin with it."""
SEGMENT_CHARACTERS_MAX = 300
"""A blob's name takes 1 024; a longer segment is cut and ends in its hash."""
EPOCH = date(1970, 1, 1)
KEPT_PROPERTIES = frozenset({"_etag", "_ts"})
"""System properties that are the same for everybody who reads the same version."""
SYSTEM_PROPERTIES = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"})

_OTHER_KEY = "~(?:absent|null|empty|[0-9a-f]{8})"
"""What follows the owner where the partition key value is not the owner itself."""
_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


ALARMING = (REFUSED, "still_refused", "refused_expired", "refused_gone")
"""What counts that is not archived."""


class Archive(Protocol):
    """Where copies are kept."""

    def write(self, copies: Sequence[Copy]) -> list[str]:
        """Write what is new or newer; how each copy ended, REFUSED too. Safe to repeat."""

    def delete(self, path: str) -> bool:
        """Whether there was such a copy. Raises CopyRefused."""


class Place(NamedTuple):
    """What a copy's name says."""

    source: str
    day: date
    owner: str
    """The owner's segment."""
    document: str
    """The document's segment."""


Erased = Callable[[Collection[str]], Collection[str]]
"""Those of some owners (by key) who were erased."""


@dataclass
class Archiving:
    """Archives documents; soft-deleted ones are skipped, and those of owners who were `erased`. A
    copy made before a document was soft-deleted stays.

    No copy of an erased owner stays: an erasure that begins before the last look here is seen by
    it, one that begins later finds the copies; and a page whose handling broke off is handled
    again."""

    source: Source[Any]
    archive: Archive
    erased: Erased = lambda _: ()
    refused: RefusedCopies | None = None
    """None: whatever is refused keeps the cursor where it is."""

    def __call__(self, documents: Sequence[Document]) -> Counter[str]:
        """Archive a page; what is refused of it is noted. Where nothing else is in it, that may be
        an outage: Transient, as for everything that fails."""
        done, refused = self._archive(documents)
        if refused:
            if self.refused is None or len(refused) + done["skipped_deleted"] == len(documents):
                raise Transient(f"every copy of a page is refused, {len(refused)} in all")
            self.refused.note(refused)
        return done

    def again(self, now_seconds: int, ttl_seconds: int) -> Counter[str]:
        """Try again what was refused in earlier runs. Raises CommitError, Transient."""
        done: Counter[str] = Counter()
        if self.refused is None:
            return done
        notes = self.refused.noted()
        expired = [one for one in notes if 0 < ttl_seconds <= now_seconds - one.ts]
        self.refused.forget(expired)
        done["refused_expired"] = len(expired)
        for start in range(len(expired), len(notes), PAGE_DOCUMENTS):
            some = notes[start : start + PAGE_DOCUMENTS]
            found = self.refused.read(some)
            ended, refused = self._archive(list(found.values()))
            left = {one["_rid"] for one in refused}
            ended["still_refused"] = ended.pop(REFUSED, 0)
            # Written anew since, then the feed has it again; else nobody can archive it any more.
            ended["refused_gone"] = sum(one.rid not in found for one in some)
            self.refused.forget(one for one in some if one.rid not in left)
            done.update(ended)
        return +done

    def _archive(self, documents: Sequence[Document]) -> tuple[Counter[str], list[Document]]:
        """(how many ended how, those that were refused)."""
        copies: list[tuple[Copy, Document]] = []
        done: Counter[str] = Counter()
        refused = []
        for document in documents:
            change = change_of(self.source, document)
            if change.deleted:
                done["skipped_deleted"] += 1
            else:
                copies.append((copy_of(self.source, change, document), document))
        keys = {copy.owner_key for copy, _ in copies if copy.owner_key is not None}
        gone = set(self.erased(keys))
        if wanted := [one for one in copies if one[0].owner_key not in gone]:
            endings = self.archive.write([copy for copy, _ in wanted])
            done.update(endings)
            refused = [
                document
                for (copy, document), ended in zip(wanted, endings, strict=True)
                if ended == REFUSED
            ]
        gone |= set(self.erased(keys - gone))
        for copy, document in copies:
            if copy.owner_key in gone:
                try:
                    self.archive.delete(copy.path)
                    done["skipped_erased"] += 1
                except CopyRefused:
                    if document not in refused:
                        refused.append(document)
                        done[REFUSED] += 1
        return done, refused


def change_of(source: Source[Any], document: Document) -> Change:
    """A document as stage 1 reads it."""
    return read_document(source, as_text(document).encode())


def copy_of(source: Source[Any], change: Change, document: Document) -> Copy:
    """The copy of a document's version."""
    owner = _named(change)
    kept = {
        name: value
        for name, value in document.items()
        if name in KEPT_PROPERTIES or name not in SYSTEM_PROPERTIES
    }
    return Copy(
        path=path_of(
            Place(
                source.container,
                event_day(source, change),
                owner_segment(change),
                segment(change.document_id),
            )
        ),
        content=as_json(kept),
        version=change.version,
        owner_key=owner_key(owner) if owner else None,
    )


def path_of(place: Place) -> str:
    """The name of a copy's blob."""
    day = f"{place.day.year:04}/{place.day.month:02}/{place.day.day:02}"
    return f"{ROOT}/{place.source}/{day}/{place.owner}/{place.document}.json"


def place_of(path: str) -> Place:
    """What a blob's name says. ValueError for a name that is no copy's."""
    root, source, year, month, day, owner, document = path.split("/")
    if root != ROOT or not document.endswith(".json"):
        raise ValueError(f"{path} is no copy")
    return Place(
        source, date(int(year), int(month), int(day)), owner, document.removesuffix(".json")
    )


def places_of(paths: Iterable[str]) -> Iterator[Place]:
    """What the names of copies say; blobs that somebody else has put there are none."""
    for path in paths:
        with suppress(ValueError):
            yield place_of(path)


def event_day(source: Source[Any], change: Change) -> date:
    """The day whose views count the document, else the day it was last written."""
    if change.document is not None and change.rejected is None:
        try:
            return EPOCH + timedelta(days=source.to_fact(change.document).day)
        except Exception:  # noqa: S110 - poison and defects are archived too; stage 1 reports them
            pass
    return datetime.fromtimestamp((change.version.ts or 0) // DAY_SECONDS * DAY_SECONDS, UTC).date()


def owner_segment(change: Change) -> str:
    """The owner's segment; where the partition key value is not the owner itself it says what it
    is, because documents of different partition key values are different documents."""
    owner = _named(change)
    named = segment(owner) if owner else ANONYMOUS
    key = change.key
    if key == ((owner,) if owner else (msgspec.UNSET,)):
        return named
    if len(key) == 1:
        (part,) = key
        if part is msgspec.UNSET:
            return f"{named}~absent"
        if part is None:
            return f"{named}~null"
        return f"{named}~{'empty' if part == '' else digest(json.dumps(part))[:8]}"
    parts = [{} if part is msgspec.UNSET else part for part in key]
    return f"{named}~{digest(json.dumps(parts))[:8]}"


def _named(change: Change) -> str | None:
    """Whom the document names, so that an erasure finds its copy: the key's owner, also where stage
    1 cannot take the document's own, such as one of more bytes than it counts for."""
    if change.owner is None and change.key_names_owner:
        return next(part for part in change.key if isinstance(part, str) and part)
    return change.owner


def segment(text: str) -> str:
    """The text as one safe part of a blob's name: ASCII letters, digits, `-` and `_` as they are,
    every other byte of its UTF-8 percent-encoded, dots too (a part of dots would be a way up)."""
    encoded = "".join(
        chr(byte) if byte in _SAFE else f"%{byte:02X}"
        for byte in text.encode("utf-8", "surrogatepass")
    )
    if len(encoded) <= SEGMENT_CHARACTERS_MAX:
        return encoded or "~"
    name = digest(text)
    return f"{encoded[: SEGMENT_CHARACTERS_MAX - len(name) - 1]}~{name}"


def is_segment_of(named: str, owner: str) -> bool:
    """Whether a segment is this owner's, whatever the partition key of the document."""
    own = segment(owner)
    return named == own or re.fullmatch(re.escape(own) + _OTHER_KEY, named) is not None


def as_json(document: Document) -> bytes:
    """Compact JSON; readable, unless half a surrogate pair forbids UTF-8."""
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":")).encode()


def restored(content: bytes) -> Document:
    """The document of a copy, without system properties."""
    document: Document = json.loads(content)
    return {name: value for name, value in document.items() if name not in SYSTEM_PROPERTIES}
