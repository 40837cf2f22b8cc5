"""A function app of a few lines, with another platform's pack, on the emulators."""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import CosmosClient, DatabaseProxy

from cosmos_views.cli.main import main
from cosmos_views.settings import CosmosConnection
from cosmos_views.store import account, catalogue
from cosmos_views.store.generation import GenerationStore
from emulators.cosmos import Endpoint
from emulators.functions import Host, Timing
from tests.toy.pack import PACK

APP = """
import azure.functions as func

from cosmos_views.app import attach
from tests.toy.pack import PACK

app = func.FunctionApp()
attach(app, PACK)
"""
DATABASE = "shop"
BUCKETS = 2
DAYS = ("2026-03-10", "2026-03-11")

Document = dict[str, Any]


class Shop:
    """An account with the shop's containers, and what is written there."""

    def __init__(self, endpoint: Endpoint, client: CosmosClient, root: Path) -> None:
        self.endpoint = endpoint
        self.database: DatabaseProxy = client.get_database_client(DATABASE)
        (root / "function_app.py").write_text(APP, encoding="utf-8")
        (root / "host.json").write_text('{"version": "2.0"}', encoding="utf-8")
        self._root = root

    def write(self, source: str, *documents: Document) -> None:
        for document in documents:
            self.database.get_container_client(source).upsert_item(document)

    def settle(self) -> None:
        """Everything that was written is counted and published."""
        settings = {
            "COSMOS": self.endpoint.connection_string,
            "COSMOS_DATABASE": DATABASE,
            "PUBLISH_PACE_SECONDS": "0",
        }
        with Host(self._root, settings, seed=1, timing=Timing(retry_delay_scale=0.0)) as host:
            host.run_until_idle()
            host.fire("publish")

    def shown(self, view: str) -> dict[str, Document]:
        """What readers see, by document id."""
        return {
            one["id"]: {name: one.get(name) for name in FIELDS[view]}
            for one in self.latest(view)
            if not one.get("empty")
        }

    def latest(self, container: str) -> list[Document]:
        client = self.database.get_container_client(container)
        return list(client.query_items("SELECT * FROM c", enable_cross_partition_query=True))

    def command(self, *arguments: str) -> int:
        connection = ("--connection", self.endpoint.connection_string, "--database", DATABASE)
        return main([*arguments, *connection], PACK)


FIELDS = {
    "order_days": ("orders", "cents", "customers", "mean_cents"),
    "products": ("product", "orders", "cents", "returns"),
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Endpoint(seed=3) as endpoint:
        client = account.connect(CosmosConnection(endpoint.url, endpoint.key))
        catalogue.provision(PACK, client, throughput=False)
        made = Shop(endpoint, client, tmp_path)
        state = made.database.get_container_client("state")
        GenerationStore(state).create_first(BUCKETS, PACK.definition)
        yield made


def expected(shop: Shop, *, without: str = "") -> dict[str, dict[str, Document]]:
    """Both views from the latest versions alone."""
    days: dict[str, list[Document]] = defaultdict(list)
    products: dict[str, Document] = {}
    for order in shop.latest("orders"):
        counts = order.get("kind") in (None, "order") and not order.get("cancelled")
        if not counts or not isinstance(order["cents"], int) or order["customerId"] == without:
            continue
        days[order["placedAt"][:10]].append(order)
        _product(products, order["product"])["orders"] += 1
        _product(products, order["product"])["cents"] += order["cents"]
    for returned in shop.latest("returns"):
        _product(products, returned["product"])["returns"] += 1
    return {
        "order_days": {
            f"order_days_{day.replace('-', '')}": {
                "orders": len(orders),
                "cents": sum(one["cents"] for one in orders),
                "customers": len({one["customerId"] for one in orders}),
                "mean_cents": round(sum(one["cents"] for one in orders) / len(orders), 4),
            }
            for day, orders in days.items()
        },
        "products": {f"products_{name}": one for name, one in products.items()},
    }


def _product(products: dict[str, Document], name: str) -> Document:
    return products.setdefault(name, {"product": name, "orders": 0, "cents": 0, "returns": 0})


def shown(shop: Shop) -> dict[str, dict[str, Document]]:
    return {view: shop.shown(view) for view in FIELDS}


def order(number: int, customer: str, chance: random.Random, **fields: Any) -> Document:
    return {
        "id": f"o{number}",
        "customerId": customer,
        "product": chance.choice(("bowl", "cup", "jug")),
        "cents": chance.randrange(1, 10) * 100,
        "placedAt": f"{chance.choice(DAYS)}T12:00:00Z",
        "note": "please ring twice",
        **fields,
    }


def history(shop: Shop, seed: int) -> None:
    """Orders that are placed, changed, cancelled and spoiled, and things that come back."""
    chance = random.Random(seed)
    for _ in range(4):
        for _ in range(12):
            number = chance.randrange(15)
            # Whose an order is never changes.
            customer = ("ada", "bob", "eve")[number % 3]
            fields: Document = chance.choice(
                ({}, {}, {}, {"cancelled": True}, {"cents": "much"}, {"kind": "offer"})
            )
            shop.write("orders", order(number, customer, chance, **fields))
            back = {"id": f"r{chance.randrange(6)}", "orderId": f"o{number % 6}", "product": "cup"}
            shop.write("returns", back)
        shop.settle()


@pytest.mark.parametrize("seed", range(3))
def test_any_history_ends_in_true_views_that_a_proof_confirms(shop: Shop, seed: int) -> None:
    history(shop, seed)

    assert expected(shop) == shown(shop)
    assert shop.command("reconcile", "--dry-run", "--in-flight-seconds", "0") == 0


def test_a_rebuild_publishes_the_same_also_without_a_period(shop: Shop) -> None:
    history(shop, 7)
    before = shown(shop)

    assert shop.command("rebuild", "--settle-seconds", "0", "--yes") == 0
    assert before == shown(shop)
    shop.write("returns", {"id": "r9", "orderId": "o1", "product": "jug"})
    shop.settle()
    assert expected(shop) == shown(shop)


def test_an_erased_owner_counts_nowhere(shop: Shop) -> None:
    history(shop, 5)

    erase = ("erase", "--owner", "customer:ada", "--settle-seconds", "0", "--no-archive", "--yes")
    assert shop.command(*erase) == 0
    shop.write("orders", order(0, "ada", random.Random(1)))
    shop.settle()

    assert expected(shop, without="ada") == shown(shop)


def test_a_dead_letter_holds_what_its_types_call_labels_and_no_free_text(shop: Shop) -> None:
    shop.write("orders", order(1, "ada", random.Random(1), cents="much"))
    shop.settle()

    (letter,) = shop.latest("poison_messages")
    assert letter["document"]["product"] in ("bowl", "cup", "jug")
    assert "ring twice" not in json.dumps(letter)
    assert letter["partition_key"] == ["ada"]


def test_an_owner_of_a_kind_that_nobody_knows_is_wrong_usage(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        shop.command("erase", "--owner", "user:ada")

    assert ended.value.code == 2
    assert "write customer:ID; 'user:ada' names no customer" in capsys.readouterr().err
