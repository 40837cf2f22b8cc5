"""The triggers and timers of a function app. Each body is one call; the rest is `worker.py`'s.

Every Cosmos DB trigger has an unlimited retry policy, because without one the platform checkpoints
a batch whose function failed, and its changes are lost. Leases are provisioned, never created here:
a managed identity cannot create containers.
"""

import gc
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import azure.functions as func

from cosmos_views import worker
from cosmos_views.pack import Pack
from cosmos_views.settings import (
    CONNECTION,
    archive_schedule,
    audit_schedule,
    feed_poll_milliseconds,
    lag_schedule,
    publish_schedule,
    redrive_schedule,
)
from cosmos_views.source import Source
from cosmos_views.worker import Worker

GARBAGE_THRESHOLDS = (50_000, 10, 10)
"""Python's own (700, 10, 10) take 19 % of stage 1's CPU time in large batches, these none
(docs/decisions/0010-garbage-is-collected-seldom.md). Nothing depends on it."""
FEED: dict[str, Any] = {"start_from_beginning": True, "max_items_per_invocation": 1_000}
FOREVER: dict[str, Any] = {
    "strategy": "exponential_backoff",
    "max_retry_count": "-1",
    "minimum_interval": "00:00:01",
    "maximum_interval": "00:01:00",
}


def attach(app: func.FunctionApp, pack: Pack) -> None:
    """Add the functions of a pack to an app: one trigger for each source, and the timers."""

    @cache
    def working() -> Worker:
        """The worker of this process, built when the first of its functions runs; where that
        fails, the next one tries again."""
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        return worker.from_environment(pack, os.environ)

    for source in pack.sources:
        _attach_source(app, source, working)

    @app.timer_trigger(arg_name="timer", schedule=publish_schedule(os.environ), use_monitor=False)
    def publish(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the platform hands it over
        """Fold the journal and publish the views that are due."""
        working().publish()

    @app.timer_trigger(arg_name="timer", schedule=audit_schedule(os.environ), use_monitor=False)
    def audit(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the platform hands it over
        """Find and repair changes that the platform checkpointed away."""
        working().audit()

    @app.timer_trigger(arg_name="timer", schedule=archive_schedule(os.environ), use_monitor=False)
    def archive(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the platform hands it over
        """Copy aged documents to Blob storage before they expire."""
        working().archive()

    @app.timer_trigger(arg_name="timer", schedule=redrive_schedule(os.environ), use_monitor=False)
    def redrive(timer: func.TimerRequest, context: func.Context) -> None:  # noqa: ARG001 - as above
        """Send dead letters whose reason may be gone through stage 1 again."""
        working().redrive(_correlation(context))

    @app.timer_trigger(arg_name="timer", schedule=lag_schedule(os.environ), use_monitor=False)
    def lag(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the platform hands it over
        """Log how far each source's leases are behind, and whether they move."""
        working().lag()


def _attach_source(
    app: func.FunctionApp, source: Source[Any], working: Callable[[], Worker]
) -> None:
    @app.function_name(source.trigger)
    @app.cosmos_db_trigger(
        arg_name="changes",
        connection=CONNECTION,
        database_name="%COSMOS_DATABASE%",
        container_name=source.container,
        lease_container_name="leases",
        lease_container_prefix=source.trigger,
        create_lease_container_if_not_exists=False,
        **FEED,
        feed_poll_delay=feed_poll_milliseconds(os.environ),
    )
    @app.retry(**FOREVER)
    def process(changes: str, context: func.Context) -> None:
        """Changes of one source."""
        working().process(source.container, changes, _correlation(context))


def _correlation(context: func.Context) -> dict[str, str]:
    trace = context.trace_context
    return {
        "invocation_id": context.invocation_id,
        "trace_parent": (trace.trace_parent or "") if trace else "",
    }
