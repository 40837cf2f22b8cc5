"""Sizes are those of the bytes that are sent, whatever a document is written with."""

from typing import Any

import msgspec
import pytest

from cosmos_views.ledger.commits import Delete, Operation, Write, commit_bytes, encoded_bytes
from cosmos_views.settings import CosmosConnection
from cosmos_views.store import account
from cosmos_views.store.state import StateStore
from cosmos_views.store.transport import CosmosTransport
from cosmos_views.store.views import ViewStore
from emulators.cosmos import Endpoint
from tests.worker.ground import Ground

TEXT = 'Бхагавад-гита भगवद्गीता ünï "quoted" \\ \t \x07 \x7f   😀'


class Body(msgspec.Struct):
    """A state document with every kind of value that one may hold."""

    id: str
    pk: str
    cells: dict[str, list[int]]
    days: dict[int, int]
    share: float = 0.1
    nothing: None = None


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each request had that wrote."""
    sizes: list[int] = []
    send = CosmosTransport.send

    def noted(self: CosmosTransport, request: Any, **options: Any) -> Any:
        # The bytes themselves; a text would be what the SDK sends without compact UTF-8.
        if request.method in ("POST", "PUT") and isinstance(request.data, bytes):
            sizes.append(len(request.data))
        return send(self, request, **options)

    monkeypatch.setattr(CosmosTransport, "send", noted)
    return sizes


def body(name: str) -> Body:
    return Body(name, "1:0", {f"{TEXT}/{n}": [n, -n, 10**n] for n in range(18)}, {7: 1})


def test_a_commit_is_as_large_as_it_is_said_to_be(ground: Ground, sent: list[int]) -> None:
    state = StateStore(ground.container("state"))
    created: list[Operation] = [Write(body(f"x:{n}"), f"x:{n}", None) for n in range(3)]
    etags = state.commit("1:0", created).etags
    replaced: list[Operation] = [Write(body("x:0"), "x:0", etags["x:0"]), Delete("x:1")]
    state.commit("1:0", replaced)

    assert [commit_bytes(created), commit_bytes(replaced)] == sent


def test_a_view_document_is_as_large_as_it_is_said_to_be(
    endpoint: Endpoint, ground: Ground, sent: list[int]
) -> None:
    client = account.connect(CosmosConnection(endpoint.url, endpoint.key))
    views = ViewStore(client.get_database_client(ground.database))
    document = {"id": "a", "date": "2026-03-10", "texts": [TEXT, None, 0.1, 10**12]}
    views.write("daily_metrics", document, None)
    found = views.read("daily_metrics", "a", "2026-03-10")
    assert found is not None
    views.write("daily_metrics", document, found["_etag"])
    client.close()

    assert [encoded_bytes(document)] * 2 == sent
    assert found["texts"] == document["texts"]
