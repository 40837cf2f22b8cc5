"""`python -m demo run`: the fixture batches through the real triggers, and the views they make."""

import argparse
import logging
import sys
import threading
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from cosmos_views.cli import views
from cosmos_views.cli.lines import CannotRead
from cosmos_views.cli.output import console, print_json
from cosmos_views.cli.replay import Replay, Summary, report_problems
from cosmos_views.cli.status import read as read_status
from cosmos_views.settings import ConfigurationError
from demo.ground import REPOSITORY, Ground
from demo.live_traffic import LiveTraffic
from demo.progress import Progress
from demo.results import as_json, latest, print_results
from demo.serve import add_arguments, plan_of, stop_on_signals
from demo.worker_log import WorkerLog
from pack import PACK

BATCHES = REPOSITORY / "tests" / "fixtures" / "batches"
LOG = REPOSITORY / ".local" / "run.log"
FALLBACK_SOURCE = "user_interactions"
"""Where fixture documents of a kind that nobody knows go: they are there to be ignored."""
LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 120.0
WATCHED_DOCUMENTS = 5
WATCHED_VIEW = next(iter(PACK.views))


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "run",
        help="replay the fixture batches, show progress and the views they make, then end",
        description="Starts the ground on free ports, writes the documents of the files into their"
        " source containers, waits until everything is drained and published, and prints the views,"
        " what became of the changes, and what it cost. The worker's log is in .local/run.log.",
    )
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="default: tests/fixtures/batches"
    )
    parser.add_argument(
        "--watch", action="store_true", help="keep running, with live traffic, until Ctrl-C"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    add_arguments(parser, cosmos_port=0, functions_port=0, blob_port=0)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run, print, and return the exit code."""
    files = options.files or sorted(BATCHES.glob("*.jsonl"))
    for path in files:
        if not path.is_file():
            raise ConfigurationError(f"there is no file {path}")
    out = console(stderr=options.json)
    plan = plan_of(options, publish_seconds=1)
    stop = stop_on_signals()
    _log_to_file()
    out.print("Starting a Cosmos DB endpoint and a Functions host with function_app.py …")
    with WorkerLog() as log, Ground(plan) as ground:
        out.print(f"Replaying {len(files)} files through the change feed triggers.")
        with Progress(ground, log, out) as progress:
            replay = _Replaying(Replay(ground.account, files, FALLBACK_SOURCE))
            drained = _until_drained(ground, replay, progress, stop)
            moment = progress.moment(replay.summary.written)
            progress.end(moment)
        if stop.is_set():
            return 130
        report_problems(replay.summary)
        if options.json:
            print_json(as_json(ground, replay.summary, moment))
        else:
            print_results(out, ground, replay.summary, moment)
        if options.watch:
            _watch(ground, log, out, options.seed, stop)
    if not drained:
        print(
            f"Not everything was published within {PATIENCE_SECONDS:.0f} s without progress; "
            f"{LOG.relative_to(REPOSITORY)} says what the worker did.",
            file=sys.stderr,
        )
        return 1
    return replay.summary.exit_code


class _Replaying:
    """A replay in a thread of its own, so that this one can show progress."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)
        self._thread.start()

    @property
    def summary(self) -> Summary:
        return self._replay.summary

    @property
    def running(self) -> bool:
        """Whether it goes on; raises what ended it."""
        if self._error is not None:
            raise self._error
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._replay.run()
        except CannotRead as error:
            self._error = ConfigurationError(str(error))
        except BaseException as error:  # raised again in the thread that shows progress
            self._error = error


def _until_drained(
    ground: Ground, replay: _Replaying, progress: Progress, stop: threading.Event
) -> bool:
    """Until all is applied and published, or the user stops it, or nothing moves any more."""
    seen: object = None
    moved_at = time.monotonic()
    while not stop.is_set():
        moment = progress.moment(replay.summary.written)
        progress.show(moment)
        if not replay.running and _drained(ground):
            return True
        now_seen = (moment.written, moment.delivered, moment.published)
        if now_seen != seen:
            seen, moved_at = now_seen, time.monotonic()
        elif time.monotonic() - moved_at > PATIENCE_SECONDS:
            return False
        stop.wait(LOOK_SECONDS)
    return True


def _drained(ground: Ground) -> bool:
    """Everything due is published, and whoever published it has ended and written its log line."""
    return read_status(ground.account).drained(time.time()) and not any(
        one.in_flight for one in ground.host.counts().values()
    )


def _watch(ground: Ground, log: WorkerLog, out: Console, seed: int, stop: threading.Event) -> None:
    """Live traffic until Ctrl-C."""
    out.print(
        f"Live traffic until Ctrl-C. `python -m cosmos_views show {WATCHED_VIEW}` shows more in "
        f"another terminal, after export COSMOS='{ground.endpoint.connection_string}'",
        soft_wrap=True,
    )
    traffic = LiveTraffic(ground.account, seed)
    with Progress(ground, log, out) as progress:
        traffic.start()
        while not stop.wait(LOOK_SECONDS if out.is_terminal else 1.0):
            days = latest(views.read_all(ground.account, WATCHED_VIEW), WATCHED_DOCUMENTS)
            progress.show(
                progress.moment(traffic.written),
                views.as_table(PACK.views[WATCHED_VIEW], days, WATCHED_VIEW),
            )
        traffic.stop()
    out.print(f"Stopped after {traffic.written} live documents.")


def _log_to_file() -> None:
    """Everything the worker and the host log, out of the way of the display."""
    LOG.parent.mkdir(exist_ok=True)
    handler = logging.FileHandler(LOG, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("azure").setLevel(logging.WARNING)
