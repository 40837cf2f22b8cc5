"""App settings: local.settings.json, the environment, and references to both.

Guarantee: while an `Environment` is open every setting is an environment variable, as under the
real host; after `restore` the environment is exactly what it was before.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from emulators.functions.errors import HostError

REFERENCE = re.compile(r"%([^%]+)%")


def read_local_settings(path: Path) -> dict[str, str]:
    """`Values` and `ConnectionStrings` of a local.settings.json, as app settings."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise HostError(f"There is no settings file {path}.") from None
    except ValueError as error:
        raise HostError(f"The settings file {path} is not JSON: {error}.") from None
    if document.get("IsEncrypted"):
        raise HostError(f"The settings file {path} is encrypted, which only Core Tools can read.")
    settings = {}
    for name, value in (document.get("Values") or {}).items():
        if not isinstance(value, str):
            raise HostError(f"The value of {name} in {path} has to be a string.")
        settings[name] = value
    for name, value in (document.get("ConnectionStrings") or {}).items():
        settings[f"ConnectionStrings__{name}"] = value
    return settings


class Environment:
    """The process environment with the app settings laid over it."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._before: dict[str, str | None] = {}
        # Core Tools sets it, and Azure SDK and app code branch on it.
        overlay = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development", **settings}
        for name, value in overlay.items():
            self._before[name] = os.environ.get(name)
            os.environ[name] = value

    def restore(self) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before.clear()


def find_setting(name: str) -> str | None:
    """The setting of that name, whatever its case: the host's configuration ignores case."""
    if (exact := os.environ.get(name)) is not None:
        return exact
    wanted = name.lower()
    return next((value for key, value in os.environ.items() if key.lower() == wanted), None)


def resolve_references(value: str) -> str:
    """`value` with every `%NAME%` replaced by the app setting NAME."""

    def replacement(match: re.Match[str]) -> str:
        setting = find_setting(match.group(1))
        if setting is None:
            raise HostError(
                f"'%{match.group(1)}%' does not resolve to a value: no such app setting."
            )
        return setting

    return REFERENCE.sub(replacement, value)
