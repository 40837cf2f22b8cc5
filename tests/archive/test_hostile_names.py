"""Whatever a user or a document is called, its copy is written, found, read and deleted.

Azurite takes more names than the service does; that ours are among those the service takes is held
by `test_names`.
"""

import itertools
import json

import pytest
from azure.storage.blob import BlobServiceClient

from cosmos_views.ledger.owners import owner_key
from cosmos_views.store.archive import ArchiveStore
from cosmos_views.upkeep.archive.copies import change_of, copy_of
from pack import PACK
from tests.worker.ground import INTERACTIONS
from tests.worker.stories import interaction

HOSTILE = (
    "a\tb\r\nc",
    "\x00\x1f\x7f\x81",
    "a%2Fb",
    "100 % sûr?",
    "..",
    "ends.",
    "ends/",
    "a\\b#c?d&e=f+g",
    "~anonymous",
    "क" * 341,
    "%41" * 341,
    " ",
    "CON",
)


@pytest.mark.parametrize("name", HOSTILE, ids=itertools.count())
def test_a_copy_of_any_name_is_written_found_read_and_deleted(
    blobs: BlobServiceClient, name: str
) -> None:
    body = {**interaction(name, user_id=name), "_etag": '"e"', "_ts": 1_773_144_000, "_lsn": 1}
    copy = copy_of(PACK.source(INTERACTIONS), change_of(PACK.source(INTERACTIONS), body), body)
    store = ArchiveStore(blobs)

    assert store.write([copy]) == ["archived"]
    assert [copy.path] == list(store.paths()) == list(store.paths_of_owner(owner_key(name)))
    assert name == json.loads(store.read(copy.path))["id"]
    assert store.delete(copy.path)
    assert list(store.paths()) == []
