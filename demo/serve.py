"""`python -m demo`: the ground, until Ctrl-C."""

import argparse
import os
import signal
import threading
from pathlib import Path
from types import FrameType

from cosmos_views.cli.connection import LOCAL_CONNECTION, LOCAL_PORT
from cosmos_views.cli.provision import buckets
from demo.bad_days import PRESETS, faults
from demo.ground import Ground, Plan
from emulators.functions import Host, console
from emulators.terminal import port

FUNCTIONS_PORT = 7071
BLOB_PORT = 10_000
"""What `UseDevelopmentStorage=true` means."""


def add_arguments(
    parser: argparse.ArgumentParser, cosmos_port: int, functions_port: int, blob_port: int
) -> None:
    """The arguments of a ground."""
    add = parser.add_argument
    add("--partitions", type=int, default=1, metavar="N", help="physical partitions of a container")
    add("--file", type=Path, help="keep the data in this SQLite file (default: in memory)")
    shown = "a free one" if cosmos_port == 0 else "%(default)s"
    add("--cosmos-port", type=port, default=cosmos_port, metavar="PORT", help=f"default: {shown}")
    shown = "a free one" if functions_port == 0 else "%(default)s"
    add(
        "--functions-port",
        type=port,
        default=functions_port,
        metavar="PORT",
        help=f"default: {shown}",
    )
    shown = "a free one" if blob_port == 0 else "%(default)s"
    add("--blob-port", type=port, default=blob_port, metavar="PORT", help=f"default: {shown}")
    add("--buckets", type=buckets, metavar="N", help="parts of the state (default: 1)")
    add("--seed", type=int, default=0, metavar="N", help="of faults and traffic (default: 0)")
    add(
        "--faults",
        type=str,
        metavar="NAME|FILE",
        help=f"strike with faults: {', '.join(map(repr, PRESETS))}, or a JSON list of rules",
    )


def plan_of(options: argparse.Namespace, publish_seconds: int) -> Plan:
    """The ground that was asked for. Raises ConfigurationError."""
    return Plan(
        cosmos_port=options.cosmos_port,
        functions_port=options.functions_port,
        partitions=options.partitions,
        file=options.file,
        buckets=options.buckets,
        seed=options.seed,
        faults=faults(options.faults) if options.faults else (),
        publish_seconds=publish_seconds,
        blob_port=options.blob_port,
    )


def serve(options: argparse.Namespace) -> int:
    """Start everything, say where it is, run until asked to stop."""
    plan = plan_of(options, publish_seconds=2)
    stop = stop_on_signals()
    console.configure("local", verbose=False)
    with Ground(plan) as ground:
        for line in describe(ground, plan):
            print(line)
        stop.wait()
        print("Stopping: batches in flight end first.")
    return 0


def describe(ground: Ground, plan: Plan) -> list[str]:
    """Where things are, and what to do with them."""
    endpoint = ground.endpoint
    where = f"file {plan.file}" if plan.file else "in memory"
    buckets_word = "bucket" if ground.generation.buckets == 1 else "buckets"
    lines = [
        f"Cosmos DB   {endpoint.url}  {where}, database {ground.account.database.id}, "
        f"{ground.generation.buckets} {buckets_word}",
        f"Functions   {_status(ground.host)}",
        f"Blob        {_blob(ground)}",
        f"Publish     curl -X POST {ground.host.url}/admin/functions/publish",
        f"Faults      curl {endpoint.url}/_local/faults",
    ]
    if f"{endpoint.connection_string}" != LOCAL_CONNECTION:
        lines.append(f"Use it      export COSMOS='{endpoint.connection_string}'")
    else:
        lines.append(
            f"Key         the emulator's; `python -m cosmos_views` finds port {LOCAL_PORT} itself"
        )
    return [
        *lines,
        "Feed it     python -m cosmos_views replay tests/fixtures/batches/10_worked_example.jsonl",
        "See views   python -m cosmos_views show daily_metrics",
        "Stop        Ctrl-C",
    ]


def stop_on_signals() -> threading.Event:
    """Set by SIGINT and SIGTERM; a second one ends the process at once."""
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop


def _blob(ground: Ground) -> str:
    if ground.azurite is None:
        return f"none, nothing is archived: {ground.no_azurite}"
    return f"http://127.0.0.1:{ground.azurite.port}/devstoreaccount1  Azurite"


def _status(host: Host) -> str:
    return f"{host.url}/admin/host/status  {', '.join(one.name for one in host.functions)}"
