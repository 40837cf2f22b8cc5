"""The worker: calls user functions as the Python worker does.

Sync functions run in a thread pool, async ones on one event loop, so a blocking call inside
`async def` holds up every other async function, as on the platform. The host's own threads
(leases, timers) go on meanwhile, as they live in another process there.

Guarantee: `invoke` returns the function's value or raises what it raised; a function whose value
is not None, and that has no HTTP response to give, has failed.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

from emulators.functions.app_settings import find_setting
from emulators.functions.context import (
    THREAD_LOCAL_STORAGE,
    Attempt,
    Context,
    RetryContext,
    TraceContext,
    new_trace_parent,
)
from emulators.functions.indexing import IndexedFunction

_HERE = os.path.dirname(__file__)
_FUTURES = os.path.dirname(futures.__file__)


class InvocationError(Exception):
    """The function ended in a way that Python cannot hand on, or gave back what it may not."""


class Worker:
    """One worker process of the platform, as threads of this one."""

    def __init__(self) -> None:
        # The worker's own default; one thread is the documented setting for ordered sync
        # functions.
        default = min(32, (os.cpu_count() or 1) + 4)
        threads = int(find_setting("PYTHON_THREADPOOL_THREAD_COUNT") or default)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="function")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="function-loop", daemon=True
        )
        self._thread.start()

    def invoke(
        self,
        function: IndexedFunction,
        argument: object,
        attempt: Attempt = Attempt(),  # noqa: B008  # frozen: nobody can change the shared default
        trace_parent: str | None = None,
    ) -> object:
        """Calls the function once and waits; blocking, from any thread but the worker's own."""
        return self.submit(function, argument, attempt, trace_parent).result()

    def submit(
        self,
        function: IndexedFunction,
        argument: object,
        attempt: Attempt = Attempt(),  # noqa: B008  # frozen: nobody can change the shared default
        trace_parent: str | None = None,
    ) -> "Future[object]":
        context = Context(
            function.name,
            function.directory,
            TraceContext(trace_parent or new_trace_parent()),
            RetryContext(attempt.retry_count, attempt.max_retry_count),
        )
        arguments: dict[str, object] = {function.trigger.parameter: argument}
        if function.wants_context:
            arguments["context"] = context
        if function.is_async:
            return asyncio.run_coroutine_threadsafe(
                _call_async(function, arguments, context), self._loop
            )
        # No copy of the caller's contextvars: the real worker does not carry them over either.
        return self._pool.submit(_call_sync, function, arguments, context)

    def close(self, wait: bool = True) -> None:
        """Waits for running functions unless told not to; then nothing runs any more."""
        self._pool.shutdown(wait=wait, cancel_futures=True)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=None if wait else 1.0)
        if not self._thread.is_alive():
            _close_loop(self._loop)


def _call_sync(function: IndexedFunction, arguments: dict[str, object], context: Context) -> object:
    THREAD_LOCAL_STORAGE.invocation_id = context.invocation_id
    return _checked(function, _contained(function, arguments))


async def _call_async(
    function: IndexedFunction, arguments: dict[str, object], context: Context
) -> object:
    THREAD_LOCAL_STORAGE.invocation_id = context.invocation_id
    try:
        returned = await cast("Awaitable[object]", function.call(**arguments))
    except (SystemExit, KeyboardInterrupt) as error:
        # Out of a task these would end the event loop for every other function.
        raise InvocationError(f"{function.name} raised {error!r}.") from error
    return _checked(function, returned)


def _contained(function: IndexedFunction, arguments: dict[str, object]) -> object:
    try:
        return function.call(**arguments)
    except (SystemExit, KeyboardInterrupt) as error:
        raise InvocationError(f"{function.name} raised {error!r}.") from error


def _checked(function: IndexedFunction, returned: object) -> object:
    if returned is not None and not function.returns_value:
        raise InvocationError(
            f"function {function.name!r} without a $return binding returned a non-None value"
        )
    return returned


def without_host_frames(error: BaseException) -> BaseException:
    """The error with a traceback that begins in the app's own code, where it has any."""
    frame = error.__traceback__
    while frame is not None:
        path = frame.tb_frame.f_code.co_filename
        if not path.startswith((_HERE, _FUTURES)):
            return error.with_traceback(frame)
        frame = frame.tb_next
    return error


def _close_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Ends what async functions left behind (open generators, background tasks)."""
    leftovers: set[asyncio.Task[Any]] = asyncio.all_tasks(loop)
    for task in leftovers:
        task.cancel()
    if leftovers:
        loop.run_until_complete(asyncio.gather(*leftovers, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
