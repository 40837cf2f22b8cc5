"""However much there is to archive, a run holds a page of it at a time."""

import tracemalloc
from collections.abc import Callable, Sequence

from cosmos_views.ledger.copies import Copy
from cosmos_views.settings import CosmosConnection
from cosmos_views.store import account
from cosmos_views.upkeep.archive.copies import Archiving
from cosmos_views.upkeep.trailing import PAGE_DOCUMENTS
from emulators.cosmos import Endpoint
from pack import PACK
from tests.audit.readers import Met
from tests.worker.ground import INTERACTIONS, Ground

PAGES = 12
TEXT = "x" * 20_000
PAGE_BYTES = PAGE_DOCUMENTS * len(TEXT)


class Forgetful:
    """An archive that keeps nothing."""

    def write(self, copies: Sequence[Copy]) -> list[str]:
        return ["archived" for copy in copies if copy.compressed]

    def delete(self, path: str) -> bool:
        raise AssertionError(path)


def test_memory_does_not_grow_with_what_there_is(grounds: Callable[..., Ground]) -> None:
    with Endpoint.subprocess() as endpoint:
        ground = Ground(
            endpoint, account.connect(CosmosConnection(endpoint.url, endpoint.key)), "memory"
        )
        for page in range(PAGES):
            ground.container(INTERACTIONS).execute_item_batch(
                [
                    ("create", ({"id": f"{page}-{number}", "user_id": "ada", "text": TEXT},))
                    for number in range(PAGE_DOCUMENTS // 2)
                ],
                "ada",
            )
        met = Met(ground, delay_seconds=0)
        ground.later()
        met.reader.handle = Archiving(PACK.source(INTERACTIONS), Forgetful())
        met.run(pages=1)

        tracemalloc.start()
        reading = met.run()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert reading.documents == PAGES * PAGE_DOCUMENTS // 2 - PAGE_DOCUMENTS
        assert reading.done["archived"] == reading.documents
        assert peak < 8 * PAGE_BYTES < PAGES * PAGE_BYTES
        ground.close()
        ground.client.close()
