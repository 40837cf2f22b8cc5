"""A shop: orders by day with distinct customers, and products with what came back of them.

Two sources with keys and names of their own, one of them without an owner; a join at render time;
a distinct count; a view without a period.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from cosmos_views.ledger.instants import DAY_SECONDS, SECOND_US, day_label, day_of_label
from cosmos_views.ledger.labels import bounded_id, digest, in_id
from cosmos_views.owners import Bare
from cosmos_views.pack import Pack
from cosmos_views.publish.cells import cell_name
from cosmos_views.publish.measures import Contribution
from cosmos_views.publish.rendering import iso_day, labelled, ratio
from cosmos_views.publish.view import DAYS, Inputs, Reads, View
from cosmos_views.source import Kinds, Source, SourceDocument, event_time_us
from cosmos_views.texts import Label, Time


class Order(SourceDocument, kw_only=True):
    customer: Label | None = msgspec.field(name="customerId", default=None)
    kind: Label | None = None
    cancelled: bool | None = None
    product: Label
    cents: int
    placed_at: Time | None = msgspec.field(name="placedAt", default=None)
    note: str | None = None
    """Free text: decoded, and shown nowhere."""


class OrderFact(msgspec.Struct, frozen=True, array_like=True):
    at_seconds: int
    customer: str
    product: str
    cents: int

    @property
    def day(self) -> int:
        return self.at_seconds // DAY_SECONDS


class Return(SourceDocument, kw_only=True):
    order: Label | msgspec.UnsetType | None = msgspec.field(name="orderId", default=msgspec.UNSET)
    product: Label
    at: Time | None = None


class ReturnFact(msgspec.Struct, frozen=True, array_like=True):
    at_seconds: int
    product: str

    @property
    def day(self) -> int:
        return self.at_seconds // DAY_SECONDS


def order_fact(order: Order) -> OrderFact:
    at_us, _ = event_time_us(order, ("placedAt", order.placed_at))
    return OrderFact(at_us // SECOND_US, digest(order.customer or ""), order.product, order.cents)


def return_fact(returned: Return) -> ReturnFact:
    at_us, _ = event_time_us(returned, ("at", returned.at))
    return ReturnFact(at_us // SECOND_US, returned.product)


def of_fact(fact: OrderFact | ReturnFact) -> Iterable[Contribution]:
    product = f"product:-:{in_id(fact.product).replace(':', '~3A')}"
    if isinstance(fact, ReturnFact):
        yield product, "returns", (1,)
        return
    day = f"day:{day_label(fact.day)}"
    yield day, "orders", (1, fact.cents)
    yield day, cell_name("customer", fact.customer), (1,)
    yield product, "orders", (1, fact.cents)
    yield product, cell_name("name", fact.product), (1,)


def render_day(day: str, inputs: Inputs) -> dict[str, Any] | None:
    cells = inputs.of(f"day:{day}")
    if "orders" not in cells:
        return None
    count, cents = cells["orders"]
    customers = len(list(labelled(cells, "customer")))
    return {
        "orders": count,
        "cents": cents,
        "customers": customers,
        "mean_cents": ratio(cents, count),
    }


def render_product(key: str, inputs: Inputs) -> dict[str, Any] | None:
    cells: Mapping[str, list[int]] = inputs.of(f"product:{key}")
    orders, returns = cells.get("orders", [0, 0]), cells.get("returns", [0])
    if not (orders[0] or returns[0]):
        return None
    return {"orders": orders[0], "cents": sum(orders[1:]), "returns": returns[0]}


DAY_VIEW = View(
    name="order_days",
    partition_key="date",
    pace_seconds=60,
    ttl_seconds=31_536_000,
    calculation_version="1",
    keys_of=lambda state_key: [state_key[4:]] if state_key.startswith("day:") else [],
    starts_at_seconds=lambda day: day_of_label(day) * DAY_SECONDS,
    reads=lambda day: Reads(keys=(f"day:{day}",)),
    document_id=lambda day: f"order_days_{day}",
    partition=iso_day,
    key_of=lambda document: document["id"].rpartition("_")[2],
    render=render_day,
    periods=(DAYS,),
)
PRODUCT_VIEW = View(
    name="products",
    partition_key="product",
    pace_seconds=60,
    ttl_seconds=31_536_000,
    calculation_version="1",
    keys_of=lambda state_key: [state_key[8:]] if state_key.startswith("product:") else [],
    starts_at_seconds=lambda _: None,
    reads=lambda key: Reads(keys=(f"product:{key}",)),
    document_id=lambda key: bounded_id(f"products_{key[2:]}"),
    partition=lambda key: key[2:],
    key_of=lambda document: f"-:{document['product']}",
    render=render_product,
    periods=(),
)

PACK = Pack(
    name="shop",
    version=1,
    containers=Path(__file__).with_name("containers.json"),
    sources=(
        Source(
            container="orders",
            document=Order,
            fact=OrderFact,
            to_fact=order_fact,
            key=("customerId",),
            trigger="orders",
            owner=("customerId",),
            kinds=Kinds(("kind",), ("order",)),
            deleted=("cancelled",),
        ),
        Source(
            container="returns",
            document=Return,
            fact=ReturnFact,
            to_fact=return_fact,
            key=("orderId",),
            trigger="returns",
        ),
    ),
    views={view.name: view for view in (DAY_VIEW, PRODUCT_VIEW)},
    owners=Bare("customer"),
    grains=(of_fact,),
)
