"""Erasure in the simulated world: the queries that only it asks, and what must hold afterwards.

An erasure reads what no index serves, so its queries are of other forms than all others; here they
are answered from a plain one and a filter.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from azure.cosmos import DatabaseProxy

from cosmos_views.ledger.owners import hot_id, owner_key
from cosmos_views.store.generation import GenerationStore
from cosmos_views.store.sources import SourceStore
from cosmos_views.store.state import StateStore
from cosmos_views.store.views import ViewStore
from cosmos_views.upkeep.erase.erasing import Erasure, Places
from tests.oracle import SourceDocument
from tests.simulation.auditor import Auditor, Untrue
from tests.simulation.cosmos import Container, Document
from tests.simulation.sdk import Client, Gate, Hook, Paged, Proxy
from tests.simulation.world import World

SETTLE_SECONDS = 630.0


class ErasingProxy(Proxy):
    """A container's client that knows the queries of an erasure as well."""

    def delete_item(
        self,
        item: str,
        partition_key: Any,
        *,
        response_hook: Hook | None = None,
        **conditions: Any,
    ) -> None:
        super().delete_item(item, partition_key, **conditions)
        if response_hook is not None:
            response_hook({}, None)

    def query_items(
        self,
        query: str,
        *,
        parameters: Sequence[Mapping[str, Any]] = (),
        enable_scan_in_query: bool = False,
        **options: Any,
    ) -> Paged:
        values = {one["name"]: one["value"] for one in parameters}
        if "ARRAY_CONTAINS" in query:
            return _filtered(
                super().query_items("SELECT * FROM c", **options),
                lambda one: (
                    one.get("user") == values["@key"] or values["@owner"] in one["partition_key"]
                ),
            )
        if enable_scan_in_query:
            within = [{"name": "@from", "value": "e:"}, {"name": "@to", "value": "e;"}]
            plain = "SELECT * FROM c WHERE c.id >= @from AND c.id < @to"
            return _filtered(
                super().query_items(plain, parameters=within, **options),
                lambda one: one.get("user") == values["@owner"],
            )
        return super().query_items(query, parameters=parameters, **options)


class ErasingClient(Client):
    """An account's client, for a worker that may meet an erasure."""

    def __init__(self, containers: Mapping[str, Container], gate: Gate) -> None:
        self._proxies = {name: ErasingProxy(one, gate) for name, one in containers.items()}


def _filtered(paged: Paged, holds: Callable[[Document], bool]) -> Paged:
    def pages() -> Iterator[list[Document]]:
        for page in paged.by_page():
            yield [one for one in page if holds(one)]

    return Paged(pages)


def erasure(world: World, user: str) -> Erasure:
    """The command, in a process of its own."""
    client = ErasingClient(world.containers, world.gate)
    database = cast("DatabaseProxy", client)
    state: Any = client.get_container_client("state")
    scheduler = world.scheduler
    return Erasure(
        Places(
            worker=world.worker(),
            state=StateStore(state),
            views=ViewStore(database),
            sources=SourceStore(database),
            generations=GenerationStore(state),
            archive=None,
            thorough=False,
        ),
        user,
        pace=lambda: None,
        note=lambda _: None,
        settle_seconds=SETTLE_SECONDS,
        wait=scheduler.sleep,
        now=lambda: scheduler.now,
    )


class ErasureAuditor(Auditor):
    """Everything is as if the erased user had written nothing."""

    def __init__(self, world: World, user: str) -> None:
        super().__init__(world, commits_per_proof=1)
        self._erased = user

    def _standing_documents(self) -> list[SourceDocument]:
        return [
            one for one in super()._standing_documents() if one.body.get("user_id") != self._erased
        ]

    def assert_forgotten(self) -> None:
        """Of the user nothing is left but a tombstone and the entry in the registry."""
        key = owner_key(self._erased)
        for name in ("state", "poison_messages", "user_analytics"):
            for at, one in self._world.containers[name].latest():
                if one["id"] == hot_id(key) and set(one) <= {"id", "pk", "erased", *SYSTEM}:
                    continue
                if at != '"erased"' and (key in str(one) or f"'{self._erased}'" in str(one)):
                    raise Untrue(f"of the erased user is left in {name}: {one}")


SYSTEM = ("_etag", "_ts", "_rid")
