"""The parts of host.json this host acts on.

Guarantee: a missing file means the platform's defaults; a broken one is refused.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from emulators.functions.errors import HostError


@dataclass(frozen=True, slots=True)
class HostJson:
    route_prefix: str = "api"


def read_host_json(script_root: Path) -> HostJson:
    path = script_root / "host.json"
    if not path.exists():
        return HostJson()
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise HostError(f"{path} is not JSON: {error}.") from None
    if document.get("version", "2.0") != "2.0":
        raise HostError(f"{path} has to say version 2.0.")
    http = document.get("extensions", {}).get("http", {})
    return HostJson(route_prefix=str(http.get("routePrefix", "api")).strip("/"))
