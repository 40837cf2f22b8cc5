"""Archive: how fast documents are copied, at what cost, and whether the worker's memory stays flat.

    python -m benchmarks.archive --documents 200000

Writes so many interactions of a believable size into a local endpoint, lets the archive's reader
copy them to Azurite, and prints for each tenth: documents per second, where the time went, the
CPU seconds of worker and Azurite, the worker's resident memory. At the end every document must have
one copy. The writer is a process of its own; this one is the worker.

Azurite takes the longer for a blob the more blobs it has, as no storage account does. That is why
copies go to a fresh one after every `--azurite-copies`; 0 keeps one, and shows the slowing down.
"""

import argparse
import multiprocessing
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from os import getpid
from typing import Any

from azure.cosmos import CosmosClient

from benchmarks.traffic import DAY, SEED, Document, lengthened
from cosmos_views.ledger.copies import Copy
from cosmos_views.settings import BlobConnection
from cosmos_views.store import catalogue
from cosmos_views.store.archive import ArchiveStore, connect
from cosmos_views.store.change_feed import ChangeFeedStore
from cosmos_views.store.erased import ErasedOwners
from cosmos_views.store.metering import metered
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.archive.copies import Archiving
from cosmos_views.upkeep.trailing import Allowance, TrailingReader
from demo.synthetic import INTERACTIONS, traffic
from emulators.azurite import Azurite
from emulators.cosmos import Endpoint
from pack import PACK

DATABASE = "archive"
A_DAY = 10_000
WRITES_AT_ONCE = 4
BATCH_DOCUMENTS = 50
TENTHS = 10
FEED, ERASED, BLOBS = "feed", "erased users", "blobs"


def main() -> int:
    """Run it; 1 where a document has no copy."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.archive", description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--azurite-copies", type=int, default=10_000, metavar="N")
    options = parser.parse_args()
    with Endpoint.subprocess(seed=SEED) as endpoint:
        writer = multiprocessing.get_context("spawn").Process(
            target=_write, args=(endpoint.url, endpoint.key, options.documents)
        )
        started = time.monotonic()
        writer.start()
        writer.join()
        if writer.exitcode:
            return 1
        print(f"{options.documents} documents written in {time.monotonic() - started:.0f} s")
        with CosmosClient(endpoint.url, endpoint.key) as client:
            return _archive(client, options.documents, options.azurite_copies)


def _archive(client: CosmosClient, documents: int, azurite_copies: int) -> int:
    database = client.get_database_client(DATABASE)
    clock = _Stopwatch()
    state = StateStore(database.get_container_client("state"))
    with _Azurites(azurite_copies) as azurites:
        tenths = _Tenths(documents, clock, azurites)

        def erased_among(keys: Collection[str]) -> Collection[str]:
            with clock.timed(ERASED):
                return ErasedOwners(state).among(keys)

        handle = Archiving(
            PACK.source(INTERACTIONS),
            _Timed(azurites, clock),
            erased_among,
        )

        def handled(page: Sequence[Document]) -> Counter[str]:
            done = handle(page)
            tenths.note(len(page))
            return done

        reader = TrailingReader(
            name=lambda: "archive",
            container=INTERACTIONS,
            ttl_seconds=catalogue.of(PACK).named(INTERACTIONS).default_ttl,
            delay_seconds=0,
            feed=_TimedFeed(database, clock),
            state=state,
            handle=handled,
            now_ms=lambda: time.time_ns() // 1_000_000,
        )
        started = time.monotonic()
        with metered() as meter:
            reading = reader.run(Allowance(10**9, 1e9, time.monotonic))
        seconds = time.monotonic() - started
        for failure in reading.failures:
            print(f"failed: {failure}", file=sys.stderr)
        copies = azurites.count()
    print(
        f"{reading.documents} documents in {seconds:.0f} s, {reading.documents / seconds:.0f}/s,"
        f" {meter.request_charge / max(1, reading.documents):.2f} request units per document;"
        f" {dict(reading.done)}; {copies} copies"
    )
    for operation, units in meter.request_units.items():
        times = meter.operations[operation]
        print(f"  {operation}: {times} times, {units / max(1, reading.documents):.3f} per document")
    return 0 if copies == documents == reading.done["archived"] else 1


class _Stopwatch:
    """Wall-clock seconds by what they went into."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[what] += time.monotonic() - started


class _TimedFeed(ChangeFeedStore):
    """The change feed; what its pages take is noted."""

    def __init__(self, database: Any, clock: _Stopwatch) -> None:
        super().__init__(database)
        self._clock = clock

    def page(self, *args: Any) -> Any:
        with self._clock.timed(FEED):
            return super().page(*args)


class _Azurites:
    """One Azurite after the other; a full one is counted and stopped."""

    def __init__(self, copies_max: int) -> None:
        self._copies_max = copies_max
        self._counted = 0
        self._written = 0
        self.cpu_seconds_before = 0.0
        self._start()

    def _start(self) -> None:
        self.running = Azurite()
        self._service = connect(BlobConnection(self.running.connection_string))
        self.store = ArchiveStore(self._service)

    def write(self, copies: Sequence[Copy]) -> list[str]:
        if self._copies_max and self._written + len(copies) > self._copies_max:
            self._counted = self.count()
            self.cpu_seconds_before = self.cpu_seconds()
            self.__exit__()
            self._written = 0
            self._start()
        self._written += len(copies)
        return self.store.write(copies)

    def delete(self, path: str) -> bool:
        raise AssertionError(f"{path}: nobody is erased here")

    def count(self) -> int:
        """Copies in all of them; a document has its copy in one, because its name is its own."""
        return self._counted + sum(1 for _ in self.store.paths())

    def cpu_seconds(self) -> float:
        return self.cpu_seconds_before + _process(self.running.process.pid)[0]

    def __enter__(self) -> "_Azurites":
        return self

    def __exit__(self, *_: object) -> None:
        self._service.close()
        self.running.close()


class _Timed:
    """The archive; what writing takes is noted."""

    def __init__(self, azurites: _Azurites, clock: _Stopwatch) -> None:
        self._azurites = azurites
        self._clock = clock

    def write(self, copies: Sequence[Copy]) -> list[str]:
        with self._clock.timed(BLOBS):
            return self._azurites.write(copies)

    def delete(self, path: str) -> bool:
        return self._azurites.delete(path)


class _Tenths:
    """Prints a line for each tenth of the documents."""

    def __init__(self, documents: int, clock: _Stopwatch, azurites: _Azurites) -> None:
        self._documents = documents
        self._clock = clock
        self._azurites = azurites
        self._done = self._printed = 0
        self._last = self._now()
        print(f"{'documents':>9} {'/s':>6}  seconds in {FEED}, {ERASED}, {BLOBS}, rest;"
              "  CPU s of worker, Azurite;  worker MB")  # fmt: skip

    def note(self, documents: int) -> None:
        """So many more are done."""
        self._done += documents
        if self._done * TENTHS // self._documents == self._printed * TENTHS // self._documents:
            return
        now = self._now()
        wall, *parts, worker, azurite = (
            new - old for new, old in zip(now, self._last, strict=True)
        )
        rest = wall - sum(parts)
        megabytes = _process(getpid())[1]
        print(
            f"{self._done:>9} {(self._done - self._printed) / wall:>6.0f} "
            f" {' '.join(f'{one:6.1f}' for one in (*parts, rest))};"
            f"  {worker:6.1f} {azurite:6.1f};  {megabytes:6.0f}",
            flush=True,
        )
        self._printed, self._last = self._done, now

    def _now(self) -> tuple[float, ...]:
        parts = (self._clock.seconds[one] for one in (FEED, ERASED, BLOBS))
        azurite = self._azurites.cpu_seconds()
        return time.monotonic(), *parts, time.process_time(), azurite


def _process(pid: int) -> tuple[float, float]:
    """(CPU seconds, resident megabytes) of a process."""
    shown = subprocess.run(  # noqa: S603 - a number is all that varies
        ["ps", "-o", "time=,rss=", "-p", str(pid)],  # noqa: S607 - wherever the system has it
        check=True,
        capture_output=True,
        text=True,
    )
    cpu, resident = shown.stdout.split()
    days, _, clock = cpu.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return int(days or 0) * 86_400 + seconds, int(resident) / 1_024


def _write(url: str, key: str, documents: int) -> None:
    with CosmosClient(url, key) as client:
        catalogue.provision(PACK, client, DATABASE, throughput=False)
        container = client.get_database_client(DATABASE).get_container_client(INTERACTIONS)

        def write(group: tuple[str | None, Sequence[Document]]) -> None:
            user, bodies = group
            container.execute_item_batch([("upsert", (one,)) for one in bodies], user)

        with ThreadPoolExecutor(WRITES_AT_ONCE) as pool:
            for _ in pool.map(write, _groups(documents)):
                pass


def _groups(documents: int) -> Iterator[tuple[str | None, Sequence[Document]]]:
    """All documents, day by day, those of one user in one transaction."""
    left = documents
    for number in range(-(-documents // A_DAY)):
        day = traffic(SEED, DAY + timedelta(days=number), A_DAY)
        first = {body["id"]: body for source, body in reversed(list(day)) if source == INTERACTIONS}
        by_user: dict[str | None, list[Document]] = defaultdict(list)
        for body in islice(first.values(), left):
            by_user[body["user_id"]].append(lengthened(body))
        left -= sum(map(len, by_user.values()))
        for user, bodies in by_user.items():
            for start in range(0, len(bodies), BATCH_DOCUMENTS):
                yield user, bodies[start : start + BATCH_DOCUMENTS]


if __name__ == "__main__":
    sys.exit(main())
