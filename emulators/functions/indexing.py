"""Loads function_app.py and lists its functions, through the library's own indexing.

Guarantee: the module is imported fresh, indexed once (the library allows no second time), and
`unload` leaves `sys.modules` and `sys.path` as they were before, so hosts may be used one after
the other in one process.
"""

import importlib
import importlib.util
import inspect
import json
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import azure.functions as func

from emulators.functions.app_settings import find_setting
from emulators.functions.errors import HostError
from emulators.functions.retries import RetryPolicy, parse_retry_policy
from emulators.functions.signatures import check_signature
from emulators.functions.triggers import Trigger, parse_trigger

_MODULE = "function_app"


@dataclass(frozen=True, slots=True)
class IndexedFunction:
    """One function as the host runs it."""

    name: str
    call: Callable[..., object]
    directory: str
    trigger: Trigger
    annotation: type | None
    is_async: bool
    wants_context: bool
    returns_value: bool
    retry_policy: RetryPolicy | None
    disabled: bool


class LoadedApp:
    """The imported function_app.py of one script root.

    Modules of the script root that the app imports are shared with whoever imported them before,
    except those named in `fresh_modules`; the ones first imported here are forgotten on `unload`.
    """

    def __init__(self, script_root: Path, fresh_modules: Iterable[str] = ()) -> None:
        self._root = script_root.resolve()
        path = self._root / f"{_MODULE}.py"
        if not path.is_file():
            raise HostError(f"There is no {_MODULE}.py in {self._root}.")
        fresh = {_MODULE, *fresh_modules}
        self._set_aside = {
            name: module for name, module in sys.modules.items() if name.split(".")[0] in fresh
        }
        for name in self._set_aside:
            del sys.modules[name]
        self._known = set(sys.modules)
        sys.path.insert(0, str(self._root))
        # A module written since the last import is otherwise invisible within the same second.
        importlib.invalidate_caches()
        try:
            self.module = _import(path)
            self.functions = _index(self.module)
        except BaseException:
            self.unload()
            raise

    def unload(self) -> None:
        for name in set(sys.modules) - self._known:
            origin = getattr(sys.modules[name], "__file__", None)
            if name == _MODULE or (origin and self._is_ours(Path(origin))):
                del sys.modules[name]
        sys.modules.update(self._set_aside)
        self._set_aside = {}
        if str(self._root) in sys.path:
            sys.path.remove(str(self._root))

    def _is_ours(self, origin: Path) -> bool:
        path = origin.resolve()
        # A virtual environment may live below the script root; its packages stay imported.
        return path.is_relative_to(self._root) and "site-packages" not in path.parts


def _import(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    spec.loader.exec_module(module)
    return module


def _index(module: ModuleType) -> tuple[IndexedFunction, ...]:
    apps = {
        id(value): value
        for value in vars(module).values()
        if isinstance(value, func.FunctionRegister)
    }
    if not apps:
        raise HostError(f"Could not find a top-level function app in {_MODULE}.py.")
    if len(apps) > 1:
        raise HostError(f"{_MODULE}.py has more than one top-level function app.")
    [app] = apps.values()
    # The library warns through the root logger, which would get a handler for good if it had none.
    placeholder = logging.NullHandler()
    logging.getLogger().addHandler(placeholder)
    try:
        functions: Sequence[func.Function] = app.get_functions()
    except ValueError as error:
        raise HostError(f"Cannot index {_MODULE}.py: {error}") from None
    finally:
        logging.getLogger().removeHandler(placeholder)
    return tuple(_indexed(function) for function in functions)


def _indexed(function: func.Function) -> IndexedFunction:
    name = str(function.get_function_name())
    call = function.get_user_function()
    # The JSON the real worker sends to its host, so what JSON cannot say cannot pass here either.
    bindings = [json.loads(text) for text in function.get_raw_bindings()]
    [trigger] = [binding for binding in bindings if _is_trigger(binding)]
    parsed = parse_trigger(name, trigger)
    signature = check_signature(name, call, bindings)
    retry = function.get_settings_dict("retry_policy")
    return IndexedFunction(
        name=name,
        call=call,
        directory=str(Path(inspect.getfile(call)).parent),
        trigger=parsed,
        annotation=signature.annotation,
        is_async=inspect.iscoroutinefunction(call),
        wants_context=signature.wants_context,
        returns_value=signature.returns_value,
        retry_policy=parse_retry_policy(name, retry) if retry else None,
        disabled=(find_setting(f"AzureWebJobs.{name}.Disabled") or "").lower() in ("true", "1"),
    )


def _is_trigger(binding: dict[str, object]) -> bool:
    return str(binding.get("type")).lower().endswith("trigger")
