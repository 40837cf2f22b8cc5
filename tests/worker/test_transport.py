"""What the environment says of the way to the account: it is heeded, and asked for only once."""

from collections.abc import Callable
from typing import Any
from urllib.request import getproxies

import pytest
import requests
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import HttpRequest

from local.cosmos import Endpoint
from settings import CosmosConnection
from store import account
from store.transport import CosmosTransport

NAMED = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMED, *map(str.upper, NAMED), *CERTIFICATES):
        monkeypatch.delenv(name, raising=False)


def test_a_proxy_is_gone_through(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    with pytest.raises(ServiceRequestError):
        account.connect(CosmosConnection(endpoint.url, endpoint.key))


@pytest.mark.parametrize("name", CERTIFICATES)
def test_certificates_are_heeded(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "/etc/ssl/company.pem")
    asked: list[object] = []
    send = requests.Session.send

    def noted(session: requests.Session, request: Any, **options: Any) -> requests.Response:
        asked.append(options["verify"])
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", noted)

    with CosmosTransport() as transport:
        for verify in (True, False):  # as the SDK asks for an account, and for a local endpoint
            transport.send(HttpRequest("GET", endpoint.url), connection_verify=verify)

    assert asked == ["/etc/ssl/company.pem", False]


def test_where_nothing_is_named_nothing_is_looked_for_at_every_request(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unexpected(*_: object, **__: object) -> Callable[..., object]:
        raise AssertionError("requests looked into the environment")

    for name in ("get_environ_proxies", "get_netrc_auth"):
        monkeypatch.setattr(requests.sessions, name, unexpected)
    assert not getproxies()

    with account.connect(CosmosConnection(endpoint.url, endpoint.key)) as client:
        assert client.get_database_account()
