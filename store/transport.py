"""The HTTP transport of the SDKs, without what it would look up anew for every request."""

import os
from urllib.request import getproxies

from azure.core.pipeline.transport import RequestsTransport

_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def environment_matters() -> bool:
    """Whether the environment names a proxy or certificates: what `use_env_settings` is about.

    `requests` goes through the whole environment, and through a `.netrc`, at every request. What
    the environment says of a process does not change while it runs, so it is asked once; where it
    says nothing, nothing is looked for again. A `.netrc` is not how an account is authorized.
    """
    return bool(getproxies()) or any(map(os.environ.get, _CERTIFICATES))


def transport() -> RequestsTransport:
    """As azure-cosmos would make its own."""
    return RequestsTransport(use_env_settings=environment_matters())
