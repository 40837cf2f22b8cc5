"""One client serves all functions of a process, each in a thread of the platform's."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cosmos_views.settings import CosmosConnection
from cosmos_views.store import account
from tests.worker.ground import INTERACTIONS, Ground
from tests.worker.stories import interaction


def test_no_thread_writes_into_what_another_is_answered(ground: Ground) -> None:
    """The SDK notes its retries in whatever answer came last: `OrderedDict mutated during
    iteration`, found by a rebuild beside live traffic."""
    ground.write(INTERACTIONS, interaction("a"))
    endpoint = ground.endpoint
    with account.connect(CosmosConnection(endpoint.url, endpoint.key)) as client:
        container = client.get_database_client(ground.database).get_container_client(INTERACTIONS)

        def answered() -> tuple[Any, dict[str, Any]]:
            container.read_item("a", interaction("a")["user_id"])
            headers: Any = client.client_connection.last_response_headers
            return headers, dict(headers)

        mine, before = answered()
        with ThreadPoolExecutor(1) as another:
            theirs, _ = another.submit(answered).result()

        assert theirs is not mine
        still: Any = client.client_connection.last_response_headers
        assert still is mine
        assert dict(still) == before
