"""`replay`: feed files of documents into the source containers, and say what became of them."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cosmos_views.cli import connection
from cosmos_views.cli.connection import Account
from cosmos_views.cli.decisions import Decisions, Tally
from cosmos_views.cli.lines import CannotRead, Line, Problem, read_lines
from cosmos_views.cli.numbers import whole_positive
from cosmos_views.cli.output import cell, console, counts, print_json
from cosmos_views.cli.writing import Writer
from cosmos_views.pack import Pack
from cosmos_views.settings import ConfigurationError

CHUNK_LINES = 2_000
WAITING_MAX = 20_000
"""Versions that may be undecided before writing pauses: it bounds memory, and the worker's lag."""
REMEMBERED_MAX = 100_000
"""Documents whose last content is remembered, to notice a line that repeats it."""
LOOK_SECONDS = 0.25
CONCURRENCY_DEFAULT = 8
PATIENCE_SECONDS_DEFAULT = 60
PROBLEMS_SHOWN_MAX = 20


@dataclass
class Summary:
    """What a replay did."""

    lines: int = 0
    written: int = 0
    duplicates: int = 0
    """Lines that repeat the version just written of their document; they are not written again."""
    tally: Tally = field(default_factory=Tally)
    not_applied: int = 0
    waited: bool = True
    problems: list[Problem] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 when a line was reported, a version never seen applied, or one not shown everywhere."""
        unseen = self.not_applied or self.tally.beyond_horizon.total()
        return 1 if self.problems or unseen else 0


@dataclass
class Replay:
    """One replay of some files; `on_progress` is called with itself as it goes."""

    target: Account
    files: Sequence[Path]
    fallback: str | None = None
    """The source of documents whose kind is absent or unknown."""
    concurrency: int = CONCURRENCY_DEFAULT
    wait: bool = True
    patience_seconds: float = PATIENCE_SECONDS_DEFAULT
    on_progress: Callable[["Replay"], None] = lambda _: None
    summary: Summary = field(default_factory=Summary)
    bytes_read: int = 0

    def run(self) -> Summary:
        """Write everything, wait until the worker has decided it. Raises CannotRead."""
        started = time.monotonic()
        summary = self.summary
        decisions = Decisions(self.target) if self.wait else None
        if decisions is not None:
            summary.tally = decisions.tally
        summary.waited = self.wait
        writer = Writer(self.target.database, self.concurrency)
        try:
            for chunk in self._chunks():
                self._write(writer, chunk, decisions)
                self.on_progress(self)
                if decisions is not None and decisions.waiting > WAITING_MAX:
                    self._await(decisions, WAITING_MAX // 2)
            if decisions is not None:
                self._await(decisions, 0)
                summary.not_applied = decisions.waiting
        finally:
            writer.close()
        summary.seconds = time.monotonic() - started
        return summary

    def _chunks(self) -> Iterator[list[Line]]:
        """Lines worth writing, some at a time."""
        latest: dict[str, bytes] = {}
        chunk: list[Line] = []
        for path in self.files:
            for size, line in read_lines(self.target.pack, path, self.fallback):
                self.bytes_read += size
                self.summary.lines += 1
                if isinstance(line, Problem):
                    self.summary.problems.append(line)
                    continue
                content = blake2b(msgspec.json.encode(line.document), digest_size=16).digest()
                if latest.get(line.change.entry_id) == content:
                    self.summary.duplicates += 1
                    continue
                latest[line.change.entry_id] = content
                if len(latest) > REMEMBERED_MAX:
                    del latest[next(iter(latest))]
                chunk.append(line)
                if len(chunk) >= CHUNK_LINES:
                    yield chunk
                    chunk = []
        if chunk:
            yield chunk

    def _write(self, writer: Writer, chunk: list[Line], decisions: Decisions | None) -> None:
        before = {} if decisions is None else decisions.before(chunk)
        for result in writer.write(chunk):
            if isinstance(result, Problem):
                self.summary.problems.append(result)
                continue
            self.summary.written += 1
            if decisions is not None:
                decisions.expect(result, before)

    def _await(self, decisions: Decisions, at_most: int) -> None:
        """Until no more than so many are undecided, or nothing has moved for too long."""
        moved_at = time.monotonic()
        while decisions.waiting > at_most:
            if decisions.look():
                moved_at = time.monotonic()
                self.on_progress(self)
                continue
            if time.monotonic() - moved_at > self.patience_seconds:
                return
            time.sleep(LOOK_SECONDS)


def add_parser(commands: Any, pack: Pack) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "replay",
        help="feed JSON-lines files of documents to the worker",
        description="Writes each document of the files into its source container, by its"
        " document_type (else type), waits until the running worker has applied them, and says what"
        " became of them. A line that cannot be used is reported with its number, the rest goes on,"
        " and the exit code is 1. Views follow with the next publishing run.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="one document per line")
    parser.add_argument(
        "--source",
        choices=sorted(pack.facts),
        help="the container of documents that name no kind, or one that nobody knows",
    )
    parser.add_argument(
        "--concurrency",
        type=whole_positive,
        default=CONCURRENCY_DEFAULT,
        metavar="N",
        help="requests at a time (default: %(default)s)",
    )
    parser.add_argument(
        "--wait",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="wait until the worker has applied everything (default: yes)",
    )
    parser.add_argument(
        "--patience",
        type=whole_positive,
        default=PATIENCE_SECONDS_DEFAULT,
        metavar="SECONDS",
        help="stop waiting when nothing was applied for so long (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    connection.add_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Replay, with a progress bar on a terminal."""
    for path in options.files:
        if not path.is_file():
            raise ConfigurationError(f"there is no file {path}")
    target = connection.connect(options, writes=True)
    size = sum(path.stat().st_size for path in options.files)
    errors = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    ) as progress:
        reading = progress.add_task("written", total=size, note="")
        deciding = progress.add_task("applied", total=None, note="", visible=options.wait)

        def show(replay: Replay) -> None:
            summary = replay.summary
            progress.update(reading, completed=replay.bytes_read, note=cell(summary.written))
            progress.update(
                deciding,
                completed=summary.tally.applied,
                total=summary.written,
                note=cell(summary.tally.applied),
            )

        replay = Replay(
            target,
            options.files,
            options.source,
            options.concurrency,
            options.wait,
            options.patience,
            show,
        )
        try:
            summary = replay.run()
        except CannotRead as error:
            raise ConfigurationError(str(error)) from None
    report_problems(summary)
    if options.json:
        print_json(as_json(summary))
    else:
        print_summary(summary)
    return summary.exit_code


def as_json(summary: Summary) -> dict[str, Any]:
    """The summary as one JSON object."""
    tally = summary.tally
    return {
        "lines": summary.lines,
        "written": summary.written,
        "duplicates": summary.duplicates,
        "applied": tally.applied,
        "counted": tally.counted,
        "corrections": tally.corrections,
        "unchanged": tally.unchanged,
        **tally.notes,
        "beyond_horizon": dict(tally.beyond_horizon),
        "deleted": tally.deleted,
        "ignored": dict(tally.ignored),
        "dead_letters": dict(tally.dead),
        "superseded": tally.superseded,
        "not_applied": summary.not_applied if summary.waited else None,
        "problems": [{"place": one.place, "reason": one.reason} for one in summary.problems],
        "seconds": round(summary.seconds, 3),
    }


def print_summary(summary: Summary) -> None:
    """The summary for people."""
    tally = summary.tally
    rows: list[tuple[str, int, str]] = [
        ("lines", summary.lines, f"{cell(len(summary.problems))} reported"),
        ("written", summary.written, "documents into the source containers"),
        ("duplicates", summary.duplicates, "the same version twice in the files, written once"),
    ]
    if summary.waited:
        first = tally.counted - tally.unchanged
        rows += [
            ("applied", tally.applied, "decided by the worker, of which"),
            ("  counted", tally.counted, f"{cell(first)} anew, {cell(tally.unchanged)} unchanged"),
            ("  deleted", tally.deleted, ""),
            ("  ignored", tally.ignored.total(), counts(dict(tally.ignored))),
            ("  dead letters", tally.dead.total(), counts(dict(tally.dead))),
            ("  superseded", tally.superseded, "by a later version of the same document"),
            ("corrections", tally.corrections, "what an earlier version counted was taken back"),
            *((name, number, "counted, and of note") for name, number in tally.notes.items()),
        ]
        if tally.beyond_horizon:
            note = f"{counts(dict(tally.beyond_horizon))} keep their documents; see `status`"
            rows.append(("beyond the horizon", tally.beyond_horizon.total(), note))
        if summary.not_applied:
            rows.append(("not applied", summary.not_applied, "see above"))
    out = console()
    for name, number, note in rows:
        out.print(f"{name:<18}{cell(number):>8}  {note}".rstrip())
    until = "until all of it was applied" if summary.waited else "to write it"
    out.print(f"{'time':<16}{summary.seconds:>10.1f}  s {until}")


def report_problems(summary: Summary) -> None:
    """What was wrong with which line, on standard error."""
    for problem in summary.problems[:PROBLEMS_SHOWN_MAX]:
        print(f"{problem.place}: {problem.reason}", file=sys.stderr)
    more = len(summary.problems) - PROBLEMS_SHOWN_MAX
    if more > 0:
        print(f"{cell(more)} more lines were reported; --json lists them all", file=sys.stderr)
    if summary.not_applied:
        print(
            f"{cell(summary.not_applied)} documents were written, but not applied while nothing "
            "moved for the time given by --patience: is the worker running on this account?",
            file=sys.stderr,
        )
