"""The azure-functions library's converters, behind typed functions.

Guarantee: what a trigger argument may be annotated with, and what object arrives, is decided by
the library itself, as in the real worker.
"""

import azure.functions as func
from azure.functions import meta

# The library has no annotations here; the return type is its metaclass, which finds converters.
_REGISTRY = func.get_binding_registry()  # type: ignore[no-untyped-call]


def accepts_input(binding_type: str, annotation: type) -> bool:
    converter = _REGISTRY.get(binding_type)
    return converter is not None and bool(converter.check_input_type_annotation(annotation))


def accepts_output(binding_type: str, annotation: type) -> bool:
    converter = _REGISTRY.get(binding_type)
    return converter is not None and bool(converter.check_output_type_annotation(annotation))


def decode(binding_type: str, value: object, datum_type: str) -> object:
    """The object a function receives for a payload of that datum type."""
    decoded: object = _REGISTRY.get(binding_type).decode(
        meta.Datum(value=value, type=datum_type), trigger_metadata={}
    )
    return decoded


def encode_response(returned: object) -> meta.Datum:
    """What an HTTP function returned, as the worker sends it; NotImplementedError if it cannot."""
    datum: meta.Datum = _REGISTRY.get("http").encode(returned, expected_type=None)
    return datum
