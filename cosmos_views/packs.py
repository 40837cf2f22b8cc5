"""Which pack a process serves: the value that the setting PACK names."""

import importlib
from collections.abc import Mapping

from cosmos_views.pack import Pack
from cosmos_views.settings import ConfigurationError

DEFAULT = "pack:PACK"


def load(environment: Mapping[str, str]) -> Pack:
    """The pack named `module:NAME`. Raises ConfigurationError."""
    named = environment.get("PACK") or DEFAULT
    module, colon, name = named.partition(":")
    if not (module and colon and name):
        raise ConfigurationError(f"PACK is {named!r}: write a module and a name, such as {DEFAULT}")
    try:
        found = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as missing:
        if missing.name is None or not f"{module}.".startswith(f"{missing.name}."):
            raise
        raise ConfigurationError(
            f"PACK is {named!r}, but there is no module {missing.name}: run the command where the "
            "function app is, or set PACK"
        ) from None
    except AttributeError:
        raise ConfigurationError(f"PACK is {named!r}, but {module} has no {name}") from None
    if not isinstance(found, Pack):
        raise ConfigurationError(f"PACK is {named!r}, but {name} is not a Pack")
    return found
