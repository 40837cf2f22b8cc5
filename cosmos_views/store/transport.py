"""The HTTP transport of the SDKs, without what it would look up anew for every request.

`requests` goes through the whole environment for proxies and certificates, and through a `.netrc`
for passwords, at every request: with a hundred variables, as a Function App has, a quarter of a
request's CPU time. What the environment says does not change while a process runs, so it is asked
once. A `.netrc` is not how an account is authorized.
"""

import os
from typing import Any
from urllib.request import getproxies

from azure.core.pipeline.transport import RequestsTransport


def transport_settings() -> dict[str, Any]:
    """Settings of a transport by which it heeds the environment as it is now. Where a proxy is
    named, it is asked again and again: which hosts that one is for, only `requests` knows."""
    certificates = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return {"use_env_settings": bool(getproxies()), "connection_verify": certificates or True}


class CosmosTransport(RequestsTransport):  # type: ignore[misc]  # the SDK shows mypy no type of it
    """As azure-cosmos makes its own, which asks at each request for the certificates of
    `requests` (azure-cosmos 4.17.1, `_synchronized_request._Request`)."""

    def __init__(self) -> None:
        super().__init__(**transport_settings())

    def send(self, request: Any, **options: Any) -> Any:
        if options.get("connection_verify") is True:
            options["connection_verify"] = self.connection_config.verify
        return super().send(request, **options)
