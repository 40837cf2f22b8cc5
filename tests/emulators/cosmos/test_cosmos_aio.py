"""The asynchronous SDK sees the same endpoint."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from emulators.cosmos import Endpoint
from tests.emulators.cosmos.support import DATABASE, things


def run(endpoint: Endpoint, story: Callable[[ContainerProxy], Awaitable[None]]) -> None:
    async def told() -> None:
        async with CosmosClient(endpoint.url, endpoint.key) as client:
            database = await client.create_database(DATABASE)
            await story(await database.create_container("things", PartitionKey("/pk")))

    asyncio.run(told())


def test_documents_are_written_and_found(endpoint: Endpoint) -> None:
    async def story(container: ContainerProxy) -> None:
        await asyncio.gather(*(container.create_item(document) for document in things()))
        found = [d["id"] async for d in container.query_items("SELECT c.id FROM c")]
        assert sorted(d["id"] for d in things()) == sorted(found)
        counts: list[Any] = [n async for n in container.query_items("SELECT VALUE COUNT(1) FROM c")]
        assert counts == [60]
        read = await container.read_items([(d["id"], d["pk"]) for d in things()[:20]])
        assert len(read) == 20
        changes = container.query_items_change_feed(start_time="Beginning")
        assert len([change async for change in changes]) == 60

    run(endpoint, story)


def test_concurrent_batches_on_one_document_let_one_win(endpoint: Endpoint) -> None:
    async def story(container: ContainerProxy) -> None:
        etag = (await container.create_item({"id": "a", "pk": "A", "v": 0}))["_etag"]

        async def attempt(number: int) -> bool:
            changed = {"id": "a", "pk": "A", "v": number}
            operation = ("replace", ("a", changed), {"if_match_etag": etag})
            try:
                await container.execute_item_batch([operation], "A")
            except CosmosBatchOperationError as stale:
                return stale.status_code != 412
            return True

        assert sum(await asyncio.gather(*(attempt(n) for n in range(8)))) == 1

    run(endpoint, story)


def test_a_write_re_sent_after_a_lost_answer_finds_itself(endpoint: Endpoint) -> None:
    """The asynchronous SDK re-sends writes after a disconnect; the worker has to know."""

    async def story(container: ContainerProxy) -> None:
        endpoint.faults.add("create", drop=True, moment="after", times=1)
        with pytest.raises(CosmosResourceExistsError):
            await container.create_item({"id": "a", "pk": "A"})
        assert (await container.read_item("a", "A"))["id"] == "a"
        with pytest.raises(CosmosResourceNotFoundError):
            await container.read_item("b", "A")

    run(endpoint, story)
