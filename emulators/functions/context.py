"""The invocation context a function receives, with the members and the gaps of the real worker's.

Guarantee: one context per invocation, a new invocation id for every try.
"""

import secrets
import threading
import uuid
from dataclasses import dataclass
from typing import NoReturn

import azure.functions as func
from azure.functions import _abc

# One per process, as in the worker: log handlers read the invocation id of their thread from it.
THREAD_LOCAL_STORAGE = threading.local()


class TraceContext(_abc.TraceContext):
    def __init__(self, trace_parent: str, trace_state: str = "") -> None:
        self._trace_parent = trace_parent
        self._trace_state = trace_state

    @property
    def trace_parent(self) -> str:
        return self._trace_parent

    @property
    def trace_state(self) -> str:
        return self._trace_state

    @property
    def attributes(self) -> dict[str, str]:
        return {}


class RetryContext(_abc.RetryContext):
    """`max_retry_count` is 0 without a retry policy and -1 for an unlimited one."""

    def __init__(self, retry_count: int, max_retry_count: int) -> None:
        self._retry_count = retry_count
        self._max_retry_count = max_retry_count

    @property
    def retry_count(self) -> int:
        return self._retry_count

    @property
    def max_retry_count(self) -> int:
        return self._max_retry_count

    @property
    def exception(self) -> NoReturn:
        # The real worker's object does not have it either: code that reads it has to fail here
        # too.
        raise AttributeError("'RetryContext' object has no attribute 'exception'")


class Context(func.Context):
    def __init__(self, name: str, directory: str, trace: TraceContext, retry: RetryContext) -> None:
        self._invocation_id = str(uuid.uuid4())
        self._name = name
        self._directory = directory
        self._trace = trace
        self._retry = retry

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def function_name(self) -> str:
        return self._name

    @property
    def function_directory(self) -> str:
        return self._directory

    @property
    def thread_local_storage(self) -> threading.local:  # type: ignore[override]  # it is an object there too, whatever the library's annotation says
        return THREAD_LOCAL_STORAGE

    @property
    def trace_context(self) -> TraceContext:
        return self._trace

    @property
    def retry_context(self) -> RetryContext:
        return self._retry


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which try of one delivery this is: 0 is the first."""

    retry_count: int = 0
    max_retry_count: int = 0


def new_trace_parent() -> str:
    """A W3C trace parent, not sampled, as the host hands one over without a collector."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
