"""`python -m emulators.functions`: one host as a process of its own.

SIGTERM and SIGINT let batches in flight end, checkpoint them and free the leases; a second signal
ends the process at once. Exit codes: 0 stopped when asked to, 1 the app cannot be run (the last
line says why), 2 wrong arguments, 130 ended by a second signal.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from emulators.functions import console
from emulators.functions.app_settings import read_local_settings
from emulators.functions.errors import HostError
from emulators.functions.host import Host
from emulators.functions.http_keys import HttpKeys
from emulators.functions.timing import Timing
from emulators.terminal import in_any_encoding, port

LOG = logging.getLogger("local.functions")

_PORT = 7071


def main(arguments: Sequence[str] | None = None) -> int:
    in_any_encoding()
    options = _parser().parse_args(arguments)
    console.configure(options.name or str(os.getpid()), options.verbose)
    stop = _stop_on_signals()
    try:
        with _host(options) as host:
            host.start()
            _announce(host)
            stop.wait()
            LOG.info("Stopping: batches in flight end first")
    except HostError as error:
        LOG.error("%s", error)
        return 1
    LOG.info("Stopped")
    return 0


def _host(options: argparse.Namespace) -> Host:
    script_root = Path(options.script_root)
    path = Path(options.settings or script_root / "local.settings.json")
    settings = read_local_settings(path) if options.settings or path.exists() else {}
    for name in [name for name in settings if name in os.environ]:
        LOG.info("Skipping %s from the settings file: the environment has it already", name)
        del settings[name]
    keys = HttpKeys()
    return Host(
        script_root,
        settings,
        timing=Timing(
            options.poll_delay,
            options.lease_acquire,
            options.lease_renew,
            options.lease_expiration,
            options.retry_delay_scale,
        ),
        rewrites_dates=not options.raw_dates,
        runs_timers=not options.no_timers,
        http_port=None if options.no_http else _port(options.port, path),
        keys=HttpKeys(options.function_key or keys.function, options.master_key or keys.master),
    )


def _port(given: int | None, settings: Path) -> int:
    if given is not None:
        return given
    if settings.exists():
        document = json.loads(settings.read_text(encoding="utf-8-sig"))
        return int((document.get("Host") or {}).get("LocalHttpPort", _PORT))
    return _PORT


def _announce(host: Host) -> None:
    for function in host.functions:
        state = " (disabled)" if function.disabled else ""
        LOG.info("Found %s, a %s%s", function.name, type(function.trigger).__name__, state)
    if host.serves_http:
        for line in host.route_lines():
            LOG.info("%s", line)
        LOG.info("Function key: %s  Master key: %s", host.keys.function, host.keys.master)
        LOG.info("Ready at %s", host.url)
    else:
        LOG.info("Ready")


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emulators.functions", description=__doc__)
    add = parser.add_argument
    add("--script-root", default=".", help="the folder of function_app.py (default: here)")
    add("--settings", help="a local.settings.json (default: the script root's, if it has one)")
    add("--port", type=port, help=f"of HTTP functions, 0 for any (default: {_PORT})")
    add("--no-http", action="store_true", help="serve no HTTP functions and no admin endpoint")
    add("--no-timers", action="store_true", help="run timers only through the admin endpoint")
    add("--name", help="label of this host's console lines (default: its process id)")
    add("--function-key", help="a fixed key for the auth level function")
    add("--master-key", help="a fixed key for every auth level")
    add("--raw-dates", action="store_true", help="do not rewrite dates as the platform does")
    add("--poll-delay", type=float, metavar="SECONDS", help="instead of feed_poll_delay")
    add("--lease-acquire", type=float, metavar="SECONDS", help="instead of the trigger's interval")
    add("--lease-renew", type=float, metavar="SECONDS", help="instead of the trigger's interval")
    add("--lease-expiration", type=float, metavar="SECONDS", help="likewise")
    add("--retry-delay-scale", type=float, default=1.0, help="factor on the pauses of retries")
    add("--verbose", action="store_true", help="debug lines too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
