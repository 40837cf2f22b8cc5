"""What the host hands to the worker: change-feed documents and other payloads as trigger arguments.

Guarantee: with a `str` annotation the host's compact JSON array arrives untouched; `bytes` is its
UTF-8; anything else is what the azure-functions library decodes it into.
"""

import json
from collections.abc import Mapping, Sequence

from emulators.functions.dates import rewrite_dates
from emulators.functions.indexing import IndexedFunction
from emulators.functions.library import decode
from emulators.functions.triggers import CosmosTrigger

DEPTH_MAX = 64
"""Levels that the host's JSON reader takes (Newtonsoft.Json's default)."""


def documents_json(documents: Sequence[Mapping[str, object]], rewrites_dates: bool) -> str:
    """A batch as the real host writes it: compact, not ASCII-escaped, dates rewritten."""
    text = json.dumps(documents, ensure_ascii=False, separators=(",", ":"))
    if not text.isascii():
        # A lone surrogate cannot leave a .NET host: UTF-8 has the replacement character instead.
        raw = text.encode("utf-16-le", "surrogatepass")
        text = raw.decode("utf-16-le", "replace")
    return rewrite_dates(text) if rewrites_dates else text


def nested_too_deep(value: object) -> bool:
    """Whether a document is nested so deep that the real trigger stops at it."""
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return any(isinstance(one, dict | list) for one in level)


def cosmos_argument(function: IndexedFunction, text: str) -> object:
    """The trigger argument for one batch. Decoded anew for every try: functions may change it."""
    assert isinstance(function.trigger, CosmosTrigger)
    if function.annotation is bytes:
        return text.encode()
    if function.annotation is str:
        return text
    if function.trigger.binary:
        return decode("cosmosDBTrigger", text.encode(), "bytes")
    return decode("cosmosDBTrigger", text, "json")


def timer_argument(function: IndexedFunction, past_due: bool) -> object:
    text = json.dumps(
        {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": past_due}
    )
    if function.annotation is bytes:
        return text.encode()
    return text if function.annotation is str else decode("timerTrigger", text, "json")


def manual_argument(function: IndexedFunction, text: str) -> object:
    return text.encode() if function.annotation is bytes else text
