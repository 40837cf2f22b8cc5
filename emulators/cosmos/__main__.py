"""`python -m emulators.cosmos`: the endpoint as a process of its own.

Prints one line when it is ready; ends with exit code 0 on SIGINT or SIGTERM.
"""

import argparse
import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

from emulators.cosmos.auth import DEFAULT_KEY
from emulators.cosmos.errors import Refused
from emulators.cosmos.running import running
from emulators.cosmos.settings import CONSISTENCY_LEVELS, Settings
from emulators.terminal import in_any_encoding, port

READY = "Cosmos DB endpoint ready at "


def main() -> int:
    in_any_encoding()
    arguments = _parser().parse_args()
    try:
        settings = Settings(
            host=arguments.host,
            port=arguments.port,
            file=arguments.file,
            partitions=arguments.partitions,
            seed=arguments.seed,
            key=arguments.key,
            consistency=arguments.consistency,
            multi_region_writes=arguments.multi_region_writes,
        )
        asyncio.run(_serve(settings, until_stdin_closes=arguments.until_stdin_closes))
    except (ValueError, Refused) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        where = f"{arguments.host}:{arguments.port}"
        print(f"Cannot listen on {where}: {os.strerror(error.errno or 0)}.", file=sys.stderr)
        return 1
    return 0


async def _serve(settings: Settings, *, until_stdin_closes: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()
    async with running(settings) as url:
        where = "memory" if settings.file is None else str(settings.file)
        print(f"{READY}{url} ({where}, {settings.partitions} partitions)", flush=True)
        await stop.wait()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Ends the endpoint with the process that started it, also if that one is killed."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    loop.call_soon_threadsafe(stop.set)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m emulators.cosmos",
        description="A Cosmos DB endpoint for development and tests: the real azure-cosmos SDK"
        " talks to it over HTTP; it keeps its data in memory or in one SQLite file."
        " Faults, clock, splits and totals are switched at run time under /_local/ (loopback"
        " only, without authentication). What it does not support answers 501 with a sentence.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=port, default=8081, help="0 takes a free one (default: %(default)s)")
    add("--file", type=Path, help="SQLite file that survives restarts (default: memory)")
    add(
        "--partitions",
        type=int,
        default=1,
        help="physical partitions of a new container (default: %(default)s)",
    )
    add("--seed", type=int, default=0, help="seed of fault decisions (default: %(default)s)")
    add("--key", default=DEFAULT_KEY, help="account key, base64 (default: the emulator's)")
    add(
        "--consistency",
        choices=CONSISTENCY_LEVELS,
        default="Session",
        help="consistency the account claims (default: %(default)s)",
    )
    add(
        "--multi-region-writes",
        action="store_true",
        help="claim several write regions, to test what refuses them",
    )
    add(
        "--until-stdin-closes",
        action="store_true",
        help="also end when standard input closes, so that no parent leaves it behind",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
