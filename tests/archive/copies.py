"""Archive readers at the endpoint's clock, and what is in the archive."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from cosmos_views import worker as wiring
from cosmos_views.ledger.instants import DAY_SECONDS
from cosmos_views.settings import BlobConnection
from cosmos_views.store.archive import CONTAINER, ArchiveStore
from cosmos_views.store.change_feed import ChangeFeedStore
from cosmos_views.store.sources import SourceStore
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.archive.copies import Archiving
from cosmos_views.upkeep.archive.refused import RefusedCopies
from cosmos_views.upkeep.trailing import Reading, TrailingReader
from pack import PACK
from tests.audit.readers import allowance
from tests.worker.ground import INTERACTIONS, Document, Ground


def archiver(
    ground: Ground,
    blobs: BlobServiceClient,
    source: str = INTERACTIONS,
    erased: Callable[[Any], Any] = lambda _: set(),
) -> TrailingReader:
    """The archive's reader of a source, with its default age."""
    database = ground.connect().get_database_client(ground.database)
    state = StateStore(database.get_container_client("state"))
    refused = RefusedCopies(state, SourceStore(database), source)
    archiving = Archiving(PACK.source(source), ArchiveStore(blobs), erased, refused)
    return TrailingReader(
        name=lambda: "archive",
        container=source,
        ttl_seconds=365 * DAY_SECONDS,
        delay_seconds=(PACK.source(source).archive_after_days or 0) * DAY_SECONDS,
        feed=ChangeFeedStore(database),
        state=state,
        handle=archiving,
        again=archiving.again,
        now_ms=lambda: int(ground.endpoint.clock.now() * 1_000),
    )


def wired(ground: Ground, connection: str) -> wiring.Worker:
    """A worker with an archive, as its settings make it."""
    configured = replace(ground.settings(), blob=BlobConnection(connection))
    return wiring.build(PACK, ground.connect(), configured)


def run(reader: TrailingReader) -> Reading:
    reading = reader.run(allowance())
    for failure in reading.failures:
        raise failure
    assert reading.caught_up
    return reading


def age(ground: Ground, source: str = INTERACTIONS) -> None:
    """So that everything written until now is old enough."""
    ground.later((PACK.source(source).archive_after_days or 0) * DAY_SECONDS + 1)


def archived(blobs: BlobServiceClient) -> dict[str, Document]:
    """Every copy by its name; each is whole."""
    container = blobs.get_container_client(CONTAINER)
    found = {}
    try:
        for each in container.list_blobs():
            stream = container.download_blob(each.name, decompress=False)
            content = gzip.decompress(stream.readall())
            assert stream.properties.metadata["sha256"] == sha256(content).hexdigest()
            found[each.name] = json.loads(content)
    except ResourceNotFoundError:
        return {}
    return found


def etags(blobs: BlobServiceClient) -> dict[str, Any]:
    """Equal before and after means that no blob was written."""
    return {each.name: each.etag for each in blobs.get_container_client(CONTAINER).list_blobs()}


def done(reading: Reading) -> Counter[str]:
    return Counter({name: number for name, number in reading.done.items() if number})
