"""Checks a function's signature against its bindings, as the Python worker does when it loads it.

Guarantee: what passes here passes the real worker, for the triggers this host runs; what fails
gives one sentence that names the function.
"""

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from emulators.functions.errors import HostError
from emulators.functions.library import accepts_input, accepts_output


@dataclass(frozen=True, slots=True)
class Signature:
    """`annotation` is the trigger argument's, None where there is none."""

    annotation: type | None
    wants_context: bool
    returns_value: bool


def check_signature(
    name: str, call: Callable[..., object], bindings: Sequence[Mapping[str, object]]
) -> Signature:
    """The checked signature of a function with exactly one trigger among its bindings."""
    bound: dict[str, Mapping[str, object]] = {}
    returned: Mapping[str, object] | None = None
    for binding in bindings:
        if binding.get("direction") == "INOUT":
            raise _refusal(name, '"inout" bindings are not supported')
        if binding["name"] == "$return":
            returned = binding
        else:
            bound[str(binding["name"])] = binding
    _refuse_other_bindings(name, bound, returned)

    parameters = set(inspect.signature(call).parameters)
    hints = typing.get_type_hints(call)
    wants_context = "context" in parameters and "context" not in bound
    if wants_context:
        parameters.remove("context")
        hint = hints.get("context")
        if hint is not None and getattr(hint, "__name__", "") != "Context":
            raise _refusal(
                name, f'the "context" parameter has to be azure.functions.Context, not {hint!r}'
            )
    if parameters - bound.keys():
        names = ", ".join(sorted(parameters - bound.keys()))
        raise _refusal(name, f"parameters declared in Python but not by a decorator: {names}")
    if bound.keys() - parameters:
        names = ", ".join(sorted(bound.keys() - parameters))
        raise _refusal(name, f"parameters declared by a decorator but not in Python: {names}")

    [(parameter, trigger)] = bound.items()
    _check_return(name, hints, returned)
    return Signature(
        annotation=_check_annotation(name, parameter, str(trigger["type"]), hints),
        wants_context=wants_context,
        returns_value=returned is not None,
    )


def _refuse_other_bindings(
    name: str, bound: Mapping[str, Mapping[str, object]], returned: Mapping[str, object] | None
) -> None:
    others = [binding for binding in bound.values() if not _is_trigger(binding)]
    if returned is not None and returned.get("type") != "http":
        others.append(returned)
    for binding in others:
        raise HostError(
            f"{name} has a {binding.get('type')} binding {binding.get('name')!r}, which this host "
            "does not run: it runs triggers and the HTTP response only."
        )


def _is_trigger(binding: Mapping[str, object]) -> bool:
    return str(binding.get("type")).lower().endswith("trigger")


def _check_annotation(
    name: str, parameter: str, binding_type: str, hints: Mapping[str, object]
) -> type | None:
    hint = hints.get(parameter)
    if hint is None:
        return None
    if not isinstance(hint, type):
        raise _refusal(name, f"binding {parameter} has the invalid non-type annotation {hint!r}")
    # As in the worker: str and bytes take the payload as it is, of which HTTP has none.
    as_it_is = hint in (str, bytes) and binding_type != "httpTrigger"
    if not as_it_is and not accepts_input(binding_type, hint):
        raise _refusal(
            name,
            f"the {binding_type} binding {parameter} does not match its "
            f'annotation "{hint.__name__}"',
        )
    return hint


def _check_return(
    name: str, hints: Mapping[str, object], returned: Mapping[str, object] | None
) -> None:
    hint = hints.get("return")
    if returned is None or hint is None:
        return
    if not isinstance(hint, type):
        raise _refusal(name, f"it has the invalid non-type return annotation {hint!r}")
    if not accepts_output(str(returned["type"]), hint):
        raise _refusal(
            name, f'its return annotation "{hint.__name__}" does not match the HTTP response'
        )


def _refusal(name: str, message: str) -> HostError:
    return HostError(f"Cannot load the {name} function: {message}.")
