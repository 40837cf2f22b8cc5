"""Between aiohttp's requests and responses and those of the azure-functions library.

Guarantee: both directions go through the library's own converters.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from azure.functions import meta
from multidict import CIMultiDict

from emulators.functions.library import decode, encode_response


async def function_request(request: web.Request, route_params: Mapping[str, str]) -> object:
    """The `func.HttpRequest` the function receives."""

    def texts(values: Mapping[str, str]) -> dict[str, meta.Datum]:
        return {name: meta.Datum(value=value, type="string") for name, value in values.items()}

    http: dict[str, Any] = {
        "method": meta.Datum(value=request.method, type="string"),
        "url": meta.Datum(value=str(request.url), type="string"),
        "headers": texts(request.headers),
        "query": texts(request.query),
        "params": texts(route_params),
        "body": meta.Datum(value=await request.read(), type="bytes"),
    }
    return decode("httpTrigger", http, "http")


def web_response(returned: object) -> web.Response:
    """The answer for what a function returned; NotImplementedError if it is no HTTP response."""
    if returned is None:
        return web.Response(status=204)
    datum = encode_response(returned)
    if datum.type == "string":
        return web.Response(text=datum.value)
    headers = CIMultiDict[str]()
    for name, value in datum.value["headers"].items():
        headers.add(name, value.value)
    for cookie in datum.value["cookies"] or ():
        for morsel in cookie.values():
            headers.add("Set-Cookie", morsel.OutputString())
    return web.Response(
        status=int(datum.value["status_code"].value),
        headers=headers,
        body=datum.value["body"].value,
    )
