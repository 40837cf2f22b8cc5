"""What the environment says of the way to an account: it is heeded, and asked for only once."""

import os
from collections.abc import Callable
from typing import Any

import pytest
import requests
import requests.sessions
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, ServiceRequestError
from azure.core.pipeline.transport import HttpRequest

from cosmos_views.settings import BlobConnection, CosmosConnection
from cosmos_views.store import account, archive
from cosmos_views.store.transport import CosmosTransport
from emulators.cosmos import Endpoint

CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
COMPANY = "/etc/ssl/company.pem"
BLOB = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix=invalid"


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    proxies = [name for name in os.environ if name.lower().endswith("_proxy")]
    for name in (*proxies, *CERTIFICATES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, object]]:
    """Of each request: whether `requests` looks into the environment, and the certificates."""
    found: list[tuple[bool, object]] = []

    def noted(session: requests.Session, _: Any, **options: Any) -> requests.Response:
        found.append((session.trust_env, options["verify"]))
        raise requests.ConnectionError("noted")

    monkeypatch.setattr(requests.Session, "send", noted)
    return found


class Credential:
    """Stands for an identity: its token is asked for by a way of its own."""

    def __init__(self, **_: object) -> None:
        pass

    def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken("token", 4_000_000_000)


def cosmos() -> None:
    account.connect(CosmosConnection("https://account.invalid", None))


def blob() -> None:
    service = archive.connect(BlobConnection(BLOB), retries=0)
    service.get_container_client("archive").get_blob_client("a").get_blob_properties()


def blob_by_identity() -> None:
    service = archive.connect(BlobConnection(None, "https://a.invalid"), retries=0)
    next(iter(service.get_container_client("archive").list_blob_names()))


@pytest.mark.parametrize("connect", [cosmos, blob, blob_by_identity])
@pytest.mark.parametrize("name", CERTIFICATES)
def test_certificates_are_heeded_without_asking_again(
    asked: list[tuple[bool, object]],
    monkeypatch: pytest.MonkeyPatch,
    connect: Callable[[], None],
    name: str,
) -> None:
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", Credential)
    monkeypatch.setenv(name, COMPANY)

    with pytest.raises(AzureError):
        connect()

    assert set(asked) == {(False, COMPANY)}


def test_a_local_endpoint_has_no_certificate(
    asked: list[tuple[bool, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", COMPANY)

    with CosmosTransport() as transport, pytest.raises(AzureError):
        transport.send(HttpRequest("GET", "http://127.0.0.1:1"), connection_verify=False)

    assert asked == [(False, False)]


def test_a_proxy_is_gone_through(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    with pytest.raises(ServiceRequestError):
        account.connect(CosmosConnection(endpoint.url, endpoint.key))


def test_a_host_without_proxy_is_reached(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    with account.connect(CosmosConnection(endpoint.url, endpoint.key)) as client:
        assert client.get_database_account()


def test_where_nothing_is_named_nothing_is_looked_for_at_every_request(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unexpected(*_: object, **__: object) -> None:
        raise AssertionError("requests looked into the environment")

    for name in ("get_environ_proxies", "get_netrc_auth"):
        monkeypatch.setattr(requests.sessions, name, unexpected)

    with account.connect(CosmosConnection(endpoint.url, endpoint.key)) as client:
        assert client.get_database_account()
