"""A worker on a local account in memory, driven step by step and metered.

Traffic is that of `demo.synthetic`, as the feeds would hand it over: written into the source
containers, read back from their change feeds. Request units are modelled by the local endpoint
from published figures; they are no bill.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
from azure.cosmos import ContainerProxy, DatabaseProxy

from cosmos_views import worker as wiring
from cosmos_views.cli.lines import Problem, as_line
from cosmos_views.cli.writing import Writer
from cosmos_views.ledger.instants import DAY_SECONDS
from cosmos_views.settings import CosmosConnection, Settings
from cosmos_views.store import account, catalogue
from cosmos_views.store.generation import GenerationStore
from cosmos_views.store.metering import Meter, metered
from demo.synthetic import Write, timed_traffic, traffic
from emulators.cosmos import Endpoint
from pack import PACK

CHANGES_PER_INTERACTION = 1.86
"""What the traffic of `demo.synthetic` comes to."""
WARM_DAYS = 2
WARM_CHANGES_A_DAY_MAX = 12_000
WARM_INTERACTIONS_MAX = round(WARM_CHANGES_A_DAY_MAX / CHANGES_PER_INTERACTION)
WARM_BATCH = 200
STREAM_STARTS_SECONDS = 7 * 3_600
"""An hour of the day that is neither quiet nor busy."""
POISON = "poison_messages."

Document = dict[str, Any]


@dataclass
class Spent:
    """What some changes cost."""

    changes: int = 0
    batches: int = 0
    dead_letters: int = 0
    stage_1: Meter = field(default_factory=Meter)
    poison: Meter = field(default_factory=Meter)
    stage_2: Meter = field(default_factory=Meter)
    publishing_runs: int = 0
    feed_request_units: float = 0.0
    """Of reading the changes from the source feeds, as the triggers do."""

    def per_change(self, amount: float) -> float:
        """An amount divided among the changes."""
        return amount / self.changes if self.changes else 0.0


def provisioned(
    endpoint: Endpoint, buckets: int, name: str = catalogue.of(PACK).database
) -> tuple[DatabaseProxy, wiring.Worker]:
    """A new database at an endpoint, and a worker over it that logs nothing."""
    client = account.connect(CosmosConnection(endpoint.url, endpoint.key))
    catalogue.provision(PACK, client, name)
    database = client.get_database_client(name)
    GenerationStore(database.get_container_client("state")).create_first(buckets, PACK.definition)
    connection = CosmosConnection(endpoint.url, endpoint.key)
    return database, wiring.build(PACK, client, Settings(connection, name, None, "CRITICAL"))


class Bench:
    """Both stages over an account of their own, at a clock of their own."""

    def __init__(
        self,
        endpoint: Endpoint,
        buckets: int,
        seed: int,
        poison_every: int,
        changes_per_day: int,
        days: int,
    ) -> None:
        """`days` is how many days are measured; they lie behind the warm ones and end yesterday."""
        self.database, self._worker = provisioned(endpoint, buckets)
        self._writer = Writer(self.database, 2)
        self._feeds = {
            source: _Feed(self.database.get_container_client(source)) for source in PACK.facts
        }
        self._seed = seed
        self._poison_every = poison_every
        self._interactions = round(changes_per_day / CHANGES_PER_INTERACTION)
        self._day = datetime.now(UTC).date() - timedelta(days=days + WARM_DAYS)
        self._written = 0

    def close(self) -> None:
        """End the threads that write."""
        self._writer.close()

    def set_clock(self, seconds: float, pace_seconds: int | None = 0) -> None:
        """So many seconds into the measured day; each touched key is due every `pace_seconds`,
        or, with None, as its view says."""
        start = datetime(self._day.year, self._day.month, self._day.day, tzinfo=UTC)
        now_ms = int((start.timestamp() + seconds) * 1_000)
        self._worker.publisher.now_ms = lambda: now_ms
        self._worker.publisher.pace_seconds = pace_seconds

    def warm(self) -> None:
        """Earlier days of the same users, so that what is measured changes existing state."""
        for _ in range(WARM_DAYS):
            by_source: dict[str, list[Document]] = defaultdict(list)
            for source, document in traffic(
                self._seed, self._day, min(self._interactions, WARM_INTERACTIONS_MAX)
            ):
                by_source[source].append(document)
            self._apply_and_publish(by_source)
            self.next_day()

    def acquaint(self, changes: int) -> None:
        """Let the users of the next arrivals be known from the day before, where the warm days
        were too busy to be applied whole: otherwise most would be counted for the first time,
        and a new document costs less than a changed one."""
        if self._interactions <= WARM_INTERACTIONS_MAX:
            return
        users = {document.get("user_id") for _, _, document in islice(self.arrivals(), changes)}
        left = dict.fromkeys(users - {None}, max(1, WARM_CHANGES_A_DAY_MAX // len(users)))
        by_source: dict[str, list[Document]] = defaultdict(list)
        for source, document in traffic(
            self._seed, self._day - timedelta(days=1), self._interactions
        ):
            user = document.get("user_id")
            if left.get(user, 0):
                left[user] -= 1
                by_source[source].append(document)
        self._apply_and_publish(by_source)

    def next_day(self) -> None:
        """What follows is measured on another day."""
        self._day += timedelta(days=1)

    def batches(self, size: int) -> Iterator[tuple[str, list[Document]]]:
        """The day's traffic, gathered per source into batches of one size."""
        waiting: dict[str, list[Document]] = defaultdict(list)
        for source, document in self._broken(traffic(self._seed, self._day, self._interactions)):
            waiting[source].append(document)
            if len(waiting[source]) == size:
                yield source, waiting.pop(source)

    def arrivals(self) -> Iterator[tuple[float, str, Document]]:
        """The traffic from STREAM_STARTS_SECONDS on: (second of the day, source, document)."""
        start = datetime(self._day.year, self._day.month, self._day.day, tzinfo=UTC)
        for at, write in timed_traffic(self._seed, self._day, self._interactions):
            seconds = (at - start).total_seconds()
            if seconds >= STREAM_STARTS_SECONDS:
                for source, document in self._broken([write]):
                    yield seconds, source, document

    def apply(self, source: str, documents: list[Document], spent: Spent) -> None:
        """Write documents, and put what the feed then holds through stage 1."""
        lines = [as_line("", document, PACK.source(source)) for document in documents]
        for result in self._writer.write(lines):
            assert not isinstance(result, Problem), result.reason
        changes = self._feeds[source].read(spent)
        with metered() as meter:
            report = self._worker.processors[source].process(
                msgspec.json.encode(changes).decode(), {}
            )
            self._worker.note_health(report, meter.request_charge)
        spent.changes += report.delivered
        spent.batches += 1
        spent.dead_letters += report.dead.total()
        _add(spent.poison, meter, lambda name: name.startswith(POISON))
        _add(spent.stage_1, meter, lambda name: not name.startswith(POISON))

    def publish(self, spent: Spent) -> None:
        """One publishing run."""
        with metered() as meter:
            self._worker.publisher.run()
        spent.publishing_runs += 1
        _add(spent.stage_2, meter, lambda _: True)

    def _apply_and_publish(self, by_source: Mapping[str, list[Document]]) -> None:
        self.set_clock(DAY_SECONDS - 1)
        for source, documents in by_source.items():
            for start in range(0, len(documents), WARM_BATCH):
                self.apply(source, documents[start : start + WARM_BATCH], Spent())
        self.publish(Spent())

    def _broken(self, writes: Iterable[Write]) -> Iterator[Write]:
        """The writes, and now and then a document that cannot be counted."""
        for source, document in writes:
            self._written += 1
            yield source, document
            if self._poison_every and self._written % self._poison_every == 0:
                yield (
                    source,
                    {**document, "id": f"{document['id']}-broken", "created_at": "never"},
                )


class _Feed:
    """Reads one source's feed from where it stopped, as its trigger would."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container
        self._position: str | None = None

    def read(self, spent: Spent) -> list[Document]:
        charge = 0.0

        def noted(headers: Mapping[str, str], _: object) -> None:
            nonlocal charge
            charge += float(headers["x-ms-request-charge"])
            self._position = headers["etag"]

        changes = list(
            self._container.query_items_change_feed(
                start_time="Beginning", response_hook=noted, max_item_count=1_000
            )
            if self._position is None
            else self._container.query_items_change_feed(
                continuation=self._position, response_hook=noted, max_item_count=1_000
            )
        )
        # Without the last look, which finds nothing: those are counted as idle polling.
        spent.feed_request_units += charge - 1.0
        return changes


def _add(total: Meter, meter: Meter, wanted: Callable[[str], bool]) -> None:
    for name, number in meter.operations.items():
        if wanted(name):
            total.operations[name] += number
            charge = meter.request_units.get(name, 0.0)
            total.request_units[name] = total.request_units.get(name, 0.0) + charge
