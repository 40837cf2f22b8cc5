"""Rebuild: how long it takes, and what it costs, while changes keep coming and readers read.

    python -m tests.rebuild.volume --documents 200000 --changes-per-second 50

Writes documents, counts them (by a first rebuild), and then rebuilds the store while a live worker
counts and publishes so many changes a second and a reader polls documents. At the end the views
must equal the oracle, and no reader may have seen a document go or grow older.
"""

import argparse
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from cosmos_views.ledger.commits import Transient
from cosmos_views.ledger.instants import DAY_SECONDS, iso
from cosmos_views.publish.publisher import GenerationChanged
from cosmos_views.settings import CosmosConnection
from cosmos_views.store import account
from cosmos_views.upkeep.reconcile.proof import differences_of
from cosmos_views.upkeep.trailing import Allowance
from emulators.cosmos import Endpoint
from tests.worker.ground import (
    INTERACTIONS,
    REPOSITORY,
    SESSIONS,
    SOURCES,
    Ground,
    Views,
    deliver,
    publish_until_done,
)

WRITES_AT_ONCE = 8
BATCH_DOCUMENTS = 100
DAYS = 30
DOCUMENTS_PER_USER = 40
TEXTS = ("Bhagavad Gita 2.47", "Dhammapada 1.1", "Tao Te Ching 8", "Meditations 5.20")
POLLED = 20
LATE_SHARE = 0.1
"""Of changes, about any day; the others are about now."""


def main() -> int:
    """Run it; 1 where the views are wrong or a reader saw a gap."""
    parser = argparse.ArgumentParser(prog="python -m tests.rebuild.volume", description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--changes-per-second", type=int, default=50)
    parser.add_argument("--settle-seconds", type=int, default=40)
    parser.add_argument("--buckets", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with Endpoint.subprocess(seed=options.seed) as endpoint:
        client = account.connect(CosmosConnection(endpoint.url, endpoint.key))
        ground = Ground(endpoint, client, "rebuild", options.buckets)
        return _run(ground, options)


def _run(ground: Ground, options: argparse.Namespace) -> int:
    dice = random.Random(options.seed)
    users = max(1, options.documents // DOCUMENTS_PER_USER)
    started = time.monotonic()
    _write(ground, users, options.documents, dice)
    _say(f"{options.documents} documents of {users} users written in {_since(started)}")
    started = time.monotonic()
    first = _rebuild(ground, "0")
    _say(f"rebuilt without traffic in {_since(started)}: {first}")

    live = Live(ground, users, options.changes_per_second, dice)
    live.start()
    started = time.monotonic()
    second = _rebuild(ground, str(options.settle_seconds))
    _say(f"rebuilt with traffic in {_since(started)}: {second}")
    live.stop()
    rate = live.written / max(live.seconds, 1)
    _say(f"{live.written} changes meanwhile, {rate:.0f}/s; {live.polls} documents polled")

    started = time.monotonic()
    ground.generation = second["generation"]
    worker = ground.worker()
    repaired = 0
    for reader in worker.audits:
        reader.delay_seconds = 0
        repaired += reader.run(Allowance(10**9, 1e9, time.monotonic)).done["repaired"]
    _say(f"the audit then counted {repaired} changes that triggers had counted nowhere else")
    # A day later, so that nothing waits for its time.
    later_ms = (int(time.time()) + DAY_SECONDS) * 1_000
    worker.publisher.now_ms = lambda: later_ms
    publish_until_done(ground, worker)
    wrong = _wrong(ground.expected(), ground.views())
    right = not wrong
    _say(f"views equal the oracle: {right} ({_since(started)}); gaps seen: {len(live.gaps)}")
    for one in (*wrong[:10], *live.gaps[:10]):
        _say(f"  {one}")
    for failure in live.failures:
        _say(f"  failed: {failure!r}")
    ground.close()
    return 0 if right and not live.gaps and not live.failures else 1


def _wrong(expected: Views, found: Views) -> list[str]:
    """Each value that is not the oracle's, as a line."""
    return [
        f"{one.where} {one.path}: {one.expected!r}, found {one.found!r}"
        for view, documents in expected.items()
        for name in sorted(documents.keys() | found[view].keys())
        for one in differences_of(f"{view}/{name}", "$", documents.get(name), found[view].get(name))
    ]


def _write(ground: Ground, users: int, documents: int, dice: random.Random) -> None:
    now = int(time.time())
    groups = [(user, dice.randrange(2**32)) for user in range(users)]
    each = -(-documents // users)

    def write(group: tuple[int, int]) -> None:
        user, seed = group
        own = random.Random(seed)
        bodies = [
            _document(f"{user}-{number}", user, now - own.randrange(DAYS * DAY_SECONDS), own)
            for number in range(min(each, documents - user * each))
        ]
        for source in (INTERACTIONS, SESSIONS):
            of_source = [body for name, body in bodies if name == source]
            for start in range(0, len(of_source), BATCH_DOCUMENTS):
                batch = [("upsert", (one,)) for one in of_source[start : start + BATCH_DOCUMENTS]]
                ground.container(source).execute_item_batch(batch, f"user-{user}")

    with ThreadPoolExecutor(WRITES_AT_ONCE) as pool:
        list(pool.map(write, groups))


def _document(
    name: str, user: int, at_seconds: int, dice: random.Random
) -> tuple[str, dict[str, Any]]:
    common = {"user_id": f"user-{user}"}
    at = iso(at_seconds * 1_000_000)
    if dice.random() < 0.2:
        session = {"duration_seconds": dice.randrange(1_200), "status": "completed"}
        return SESSIONS, {**common, "id": f"s-{name}", "start_time": at, **session}
    texts = dice.sample(TEXTS, dice.randrange(3))
    return INTERACTIONS, {
        **common,
        "id": f"i-{name}",
        "timestamp": at,
        "personality": dice.choice(("krishna", "buddha", "lao_tzu")),
        "response_time_ms": dice.randrange(3_000),
        "foundational_texts_used": texts,
    }


def _rebuild(ground: Ground, settle_seconds: str) -> dict[str, Any]:
    """The command, in a process of its own."""
    command = [sys.executable, "-m", "cosmos_views", "rebuild", "--json", "--settle-seconds"]
    command += [settle_seconds, "--request-units-per-second", "1000000"]
    command += ["--connection", ground.endpoint.connection_string, "--database", ground.database]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    if done.returncode:
        raise SystemExit(f"rebuild ended with {done.returncode}: {result}")
    return result


class Live:
    """Writers, a worker and a reader, each in a thread, until stopped."""

    def __init__(self, ground: Ground, users: int, rate: int, dice: random.Random) -> None:
        self.ground = ground
        self.users = users
        self.rate = rate
        self.dice = dice
        self.written = self.polls = 0
        self.seconds = 0.0
        self.gaps: list[str] = []
        self.failures: list[BaseException] = []
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        worker = self.ground.worker()
        worker.publisher.pace_seconds = None
        self._started = time.monotonic()
        for work in (self._write, self._read):
            self._again(work)
        for source in SOURCES[:2]:
            self._again(self._counting(worker, source))
        self._again(lambda: self._publish(worker))

    def stop(self) -> None:
        self._stop.set()
        self.seconds = time.monotonic() - self._started
        for thread in self._threads:
            thread.join()

    def _again(self, work: Callable[[], None]) -> None:
        def loop() -> None:
            try:
                while not self._stop.is_set():
                    work()
            except BaseException as failure:
                self.failures.append(failure)

        thread = threading.Thread(target=loop)
        thread.start()
        self._threads.append(thread)

    def _write(self) -> None:
        """A tenth of a second's changes: new documents, and new versions of old ones."""
        began = time.monotonic()
        for _ in range(max(1, self.rate // 10)):
            user = self.dice.randrange(self.users)
            number = self.dice.randrange(2 * DOCUMENTS_PER_USER)
            late = self.dice.random() < LATE_SHARE
            at = int(time.time()) - self.dice.randrange(DAYS * DAY_SECONDS if late else 60)
            source, body = _document(f"{user}-{number}", user, at, self.dice)
            self.ground.container(source).upsert_item(body)
            self.written += 1
        self._stop.wait(max(0.0, 0.1 - (time.monotonic() - began)))

    def _counting(self, worker: Any, source: str) -> Callable[[], None]:
        container = self.ground.container(source)
        position: str | None = None

        def count() -> None:
            nonlocal position
            asked: dict[str, Any] = {"start_time": "Now"}
            if position is not None:
                asked = {"continuation": position}

            def noted(headers: Any, _: object) -> None:
                nonlocal position
                position = headers["etag"]

            pages = container.query_items_change_feed(
                max_item_count=500, response_hook=noted, **asked
            ).by_page()
            documents = list(next(pages, ()))
            while documents and not self._stop.is_set():
                try:
                    deliver(worker, source, documents)
                    break
                except Transient:
                    continue
            if not documents:
                self._stop.wait(0.2)

        return count

    def _publish(self, worker: Any) -> None:
        with suppress(Transient, GenerationChanged):
            worker.publisher.run()
        self._stop.wait(2)

    def _read(self) -> None:
        """Point reads of documents that every user had from the start."""
        month = iso(int(time.time()) * 1_000_000)[:7].replace("-", "")
        container = self.ground.container("user_analytics")
        newest: dict[str, list[int]] = getattr(self, "_newest", {})
        self._newest = newest
        for _ in range(POLLED):
            user = f"user-{self.dice.randrange(self.users)}"
            name = f"user_analytics_{user}_{month}"
            found = list(
                container.query_items(
                    "SELECT * FROM c WHERE c.id = @id",
                    parameters=[{"name": "@id", "value": name}],
                    partition_key=user,
                )
            )
            self.polls += 1
            stamp = found[0]["stamp"] if found and not found[0].get("empty") else []
            if stamp < newest.get(name, []):
                self.gaps.append(f"{name}: {newest[name]} and then {stamp}")
            newest[name] = max(stamp, newest.get(name, []))
        self._stop.wait(0.2)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
