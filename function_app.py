"""The triggers. Each body is one call; everything else is wired in `cosmos_views/app.py`.

Every Cosmos trigger has an unlimited retry policy, because without one the platform checkpoints a
batch whose function failed, and its changes are lost. Leases are provisioned, never created here:
a managed identity cannot create containers.
"""

import os
from typing import Any

import azure.functions as func

from cosmos_views.app import worker
from cosmos_views.settings import (
    CONNECTION,
    archive_schedule,
    audit_schedule,
    feed_poll_milliseconds,
    lag_schedule,
    publish_schedule,
    redrive_schedule,
)
from pack import PACK

app = func.FunctionApp()

SOURCE_TRIGGER: dict[str, Any] = {
    "arg_name": "changes",
    "connection": CONNECTION,
    "database_name": "%COSMOS_DATABASE%",
    "lease_container_name": "leases",
    "create_lease_container_if_not_exists": False,
    "start_from_beginning": True,
    "feed_poll_delay": feed_poll_milliseconds(os.environ),
    "max_items_per_invocation": 1000,
}
FOREVER: dict[str, Any] = {
    "strategy": "exponential_backoff",
    "max_retry_count": "-1",
    "minimum_interval": "00:00:01",
    "maximum_interval": "00:01:00",
}


@app.cosmos_db_trigger(
    container_name="user_interactions", lease_container_prefix="interactions", **SOURCE_TRIGGER
)
@app.retry(**FOREVER)
def interactions(changes: str, context: func.Context) -> None:
    """Changes of `user_interactions`."""
    worker(PACK).process("user_interactions", changes, _correlation(context))


@app.cosmos_db_trigger(
    container_name="user_sessions", lease_container_prefix="sessions", **SOURCE_TRIGGER
)
@app.retry(**FOREVER)
def sessions(changes: str, context: func.Context) -> None:
    """Changes of `user_sessions`."""
    worker(PACK).process("user_sessions", changes, _correlation(context))


@app.cosmos_db_trigger(
    container_name="abuse_incidents", lease_container_prefix="incidents", **SOURCE_TRIGGER
)
@app.retry(**FOREVER)
def incidents(changes: str, context: func.Context) -> None:
    """Changes of `abuse_incidents`."""
    worker(PACK).process("abuse_incidents", changes, _correlation(context))


@app.timer_trigger(arg_name="timer", schedule=publish_schedule(os.environ), use_monitor=False)
def publish(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the platform hands it over
    """Fold the journal and publish the views that are due."""
    worker(PACK).publish()


@app.timer_trigger(arg_name="timer", schedule=audit_schedule(os.environ), use_monitor=False)
def audit(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the platform hands it over
    """Find and repair changes that the platform checkpointed away."""
    worker(PACK).audit()


@app.timer_trigger(arg_name="timer", schedule=archive_schedule(os.environ), use_monitor=False)
def archive(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the platform hands it over
    """Copy aged documents to Blob storage before they expire."""
    worker(PACK).archive()


@app.timer_trigger(arg_name="timer", schedule=redrive_schedule(os.environ), use_monitor=False)
def redrive(timer: func.TimerRequest, context: func.Context) -> None:  # noqa: ARG001 - as above
    """Send dead letters whose reason may be gone through stage 1 again."""
    worker(PACK).redrive(_correlation(context))


@app.timer_trigger(arg_name="timer", schedule=lag_schedule(os.environ), use_monitor=False)
def lag(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the platform hands it over
    """Log how far each source's leases are behind, and whether they move."""
    worker(PACK).lag()


def _correlation(context: func.Context) -> dict[str, str]:
    trace = context.trace_context
    return {
        "invocation_id": context.invocation_id,
        "trace_parent": (trace.trace_parent or "") if trace else "",
    }
