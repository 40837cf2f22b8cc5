"""The worker: what one run of each function does, and the line it logs.

Here alone clients are built, and the parts put together.
"""

import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from azure.cosmos import CosmosClient

from cosmos_views import health as change_feed_health
from cosmos_views import settings
from cosmos_views.intake.batch import Outside, Processor
from cosmos_views.intake.ownership import Layout
from cosmos_views.intake.report import Report
from cosmos_views.ledger import foreign
from cosmos_views.ledger.buckets import bucket_pk
from cosmos_views.ledger.generations import GENERATION_SECONDS, Generation
from cosmos_views.ledger.instants import DAY_SECONDS
from cosmos_views.pack import Pack
from cosmos_views.publish.parked import shown_name
from cosmos_views.publish.publisher import GenerationChanged, Publisher, Stage
from cosmos_views.source import Source
from cosmos_views.store import account, catalogue, metering
from cosmos_views.store import archive as blobs
from cosmos_views.store.archive import ArchiveStore
from cosmos_views.store.change_feed import ChangeFeedStore
from cosmos_views.store.erased import ErasedOwners
from cosmos_views.store.generation import GenerationStore
from cosmos_views.store.leases import LeaseStore
from cosmos_views.store.poison import PoisonStore
from cosmos_views.store.sources import SourceStore
from cosmos_views.store.state import StateStore
from cosmos_views.store.state_feed import StateFeed
from cosmos_views.store.views import ViewStore
from cosmos_views.telemetry import Logger, logger
from cosmos_views.upkeep import audit
from cosmos_views.upkeep.archive import copies as archive
from cosmos_views.upkeep.archive.refused import RefusedCopies
from cosmos_views.upkeep.lag import Gauge, LeaseState
from cosmos_views.upkeep.notes import Note
from cosmos_views.upkeep.redrive import RedriveOutcome, Redriver
from cosmos_views.upkeep.trailing import Handle, Reading, TrailingReader, run_all

ARCHIVE_MARGIN_DAYS = 14
"""Documents are archived so long before they expire, at the latest."""
FUNCTION_SECONDS_MAX = 600
"""`functionTimeout` in host.json: the host ends whatever runs for longer."""
SETTLE_SECONDS = GENERATION_SECONDS + FUNCTION_SECONDS_MAX
"""So long after a state document has changed, nothing runs any more that goes by what it was."""
TRAILING_PAGES_MAX = 1_000
TRAILING_SECONDS_MAX = 240
"""What one run of the trailing readers takes: pages of each, seconds of all; less than their
schedules, and than the platform's ten minutes for a function."""


@dataclass
class Worker:
    """Both stages over one store."""

    pack: Pack
    processors: dict[str, Processor]
    publisher: Publisher
    views: ViewStore
    poison: PoisonStore
    redriver: Redriver
    gauge: Gauge
    log: Logger
    audits: list[TrailingReader] = field(default_factory=list)
    archives: list[TrailingReader] = field(default_factory=list)
    """None without a Blob connection."""

    def process(self, container: str, changes: str, correlation: Mapping[str, str]) -> None:
        """Stage 1 on one batch of one source. Raises where the batch must be delivered again."""
        started = time.perf_counter()
        log = self.log.bind(source=container, **correlation)
        with metering.metered() as meter:
            try:
                report = self.processors[container].process(changes, correlation)
            except Exception as error:
                log.error(
                    "batch failed, will be delivered again",
                    error_type=type(error).__name__,
                    reason=str(error),
                    **_cost(meter, started),
                )
                raise
            self.note_health(report, meter.request_charge)
        log.info(
            "batch applied",
            **report.fields(),
            lag_seconds_max=max(report.lags_seconds, default=None),
            **_cost(meter, started),
        )

    def publish(self) -> None:
        """Stage 2, once. Raises where the next run must try again."""
        started = time.perf_counter()
        with metering.metered() as meter:
            try:
                published = self.publisher.run()
            except GenerationChanged:
                self.log.info("generation changed while publishing, the next run goes on with it")
                return
        if published.idle:
            self.log.debug("nothing to publish", **_cost(meter, started))
            return
        if published.negative and not published.journal_left:
            self.log.error(
                "negative measures, run reconcile",
                keys=[shown_name(one) for one in published.negative[:20]],
            )
        self.log.info(
            "published",
            journals_folded=published.folded,
            documents_written=published.written,
            tombstones=published.tombstones,
            keys_contended=published.contended,
            keys_beyond_horizon=published.kept,
            keys_failed=len(published.failed),
            keys_parked=published.parked,
            documents_damaged=published.damaged,
            state_documents_foreign=published.foreign,
            keys_pending=published.pending,
            **_cost(meter, started),
        )

    def audit(self) -> None:
        """Find and repair what stage 1 never saw. Raises where the next run must try again."""
        self._trail("audit", self.audits)

    def archive(self) -> None:
        """Archive what has aged. Raises where the next run must try again."""
        if not self.archives:
            self.log.warning("nothing is archived: set BLOB__serviceUri to a Blob storage account")
        self._trail("archive", self.archives)

    def _trail(self, name: str, readers: list[TrailingReader]) -> None:
        started = time.perf_counter()
        with self._metered(name) as meter:
            readings = run_all(readers, TRAILING_PAGES_MAX, TRAILING_SECONDS_MAX, time.monotonic)
        for reading in readings:
            _log_reading(self.log.bind(reader=name, source=reading.container), reading)
        documents = sum(one.documents for one in readings)
        (self.log.info if documents else self.log.debug)(
            f"{name} done",
            documents=documents,
            **_cost(meter, started),
        )
        for reading in readings:
            for failure in reading.failures:
                raise failure

    @contextmanager
    def _metered(self, name: str) -> Iterator[metering.Meter]:
        """A meter; foreign documents that were skipped meanwhile are said."""
        with metering.metered() as meter, foreign.skipping() as skipped:
            yield meter
        if skipped.by_container:
            self.log.warning(
                "documents skipped that are not of the worker's form",
                reader=name,
                containers=skipped.by_container,
            )

    def redrive(self, correlation: Mapping[str, str]) -> None:
        """Redrive dead letters whose reason may be gone. Raises where the next run must go on."""
        started = time.perf_counter()
        with self._metered("redrive") as meter:
            run = self.redriver.run(correlation)
            pending = self.poison.count_pending()
        (self.log.warning if pending.by_category else self.log.info)(
            "dead letters redriven",
            letters_looked_at=run.looked_at,
            redriven=run.outcomes[RedriveOutcome.REDRIVEN],
            superseded=run.outcomes[RedriveOutcome.SUPERSEDED],
            still_failing=run.outcomes[RedriveOutcome.STILL_FAILING],
            erased=run.outcomes[RedriveOutcome.ERASED],
            broken=run.broken,
            dead_letters_pending=dict(pending.by_category),
            oldest_dead_letter_age_seconds=pending.age_seconds(_now_ms()),
            **_cost(meter, started),
        )

    def lag(self) -> None:
        """One line per source: how far its leases are behind. Raises where it cannot be read."""
        started = time.perf_counter()
        with self._metered("lag") as meter:
            found = self.gauge.read()
        for source in self.gauge.sources:
            of_source = [(one, state) for one, state in found if one.source == source]
            frozen = [one for one, state in of_source if state is LeaseState.FROZEN]
            (self.log.error if frozen else self.log.info)(
                "lag",
                source=source,
                leases=sum(one.lease is not None for one, _ in of_source),
                changes_behind=sum(one.changes_behind for one, _ in of_source),
                lag_seconds_max=max(one.seconds_behind for one, _ in of_source),
                leases_behind=sum(state is not LeaseState.IDLE for _, state in of_source),
                leases_frozen=len(frozen),
                reasons=sorted({one.reader for one in frozen}),
            )
        self.log.debug("lag read", **_cost(meter, started))

    def note_health(self, report: Report, request_charge: float) -> None:
        """Add what a batch came to to the worker's own health, best effort: what is committed must
        not be delivered again for it."""
        batch = change_feed_health.Batch(
            changes_delivered=report.delivered,
            changes_counted=report.counted,
            duplicates=report.duplicates,
            corrections=report.corrections,
            dead_letters=report.dead.total(),
            request_charge=request_charge,
            lag_seconds_counts=change_feed_health.lag_counts(report.lags_seconds),
        )
        try:
            change_feed_health.add(self.views, self.pack.health, batch, _now_ms())
        except Exception as error:  # whatever it is, the batch is done
            self.log.warning("health could not be written", error_type=type(error).__name__)


def _log_reading(log: Logger, reading: Reading) -> None:
    for failure in reading.failures:
        log.error(
            "a trailing reader failed, will try again",
            error_type=type(failure).__name__,
            reason=str(failure),
        )
    for risk in reading.risks:
        log.error(
            "documents expire before they are read",
            range="-".join(risk.feed_range),
            days_expired=risk.days_expired,
            days_at_risk=risk.days_at_risk,
        )
    refused = {name: reading.done[name] for name in archive.ALARMING if reading.done[name]}
    if refused:
        log.error(
            "copies are refused, `python -m cosmos_views archive --status` names them",
            **refused,
        )
    if not reading.documents:
        return
    repaired = reading.done[audit.REPAIRED]
    (log.warning if repaired else log.info)(
        "changes repaired that stage 1 had not seen" if repaired else "read what has aged",
        documents=reading.documents,
        **reading.done,
        caught_up=reading.caught_up,
        lost_races=reading.lost_races,
        splits=reading.splits,
    )


def _cost(meter: metering.Meter, started: float) -> dict[str, Any]:
    return {
        "request_charge": round(meter.request_charge, 2),
        "operations": sum(meter.operations.values()),
        "duration_ms": round((time.perf_counter() - started) * 1_000),
    }


def from_environment(pack: Pack, environment: Mapping[str, str]) -> Worker:
    """A worker for a pack, on the account that the environment names.

    Raises ConfigurationError or Refused.
    """
    configured = settings.from_environment(environment, pack.sources)
    client = account.connect(configured.cosmos)
    account.check(client)
    return build(pack, client, configured)


def build(pack: Pack, client: CosmosClient, configured: settings.Settings) -> Worker:
    """A worker over an account. Raises Refused where its definition does not fit the store."""
    log = logger(configured.log_level)
    database = client.get_database_client(configured.database)
    state_container = database.get_container_client("state")
    generations = GenerationStore(state_container)
    definition = pack.definition
    state = StateStore(state_container)
    views = ViewStore(database)
    erased = ErasedOwners(state)

    def stage() -> Stage | None:
        published = generations.published(definition)
        return None if published is None else stage_of(published)

    poison = PoisonStore(
        database.get_container_client("poison_messages"),
        on_unacceptable=lambda letter: log.error(
            "a dead letter cannot be written", letter=letter.id, source=letter.source
        ),
    )
    outside = Outside(
        pack=pack,
        state=state,
        sources=SourceStore(database),
        poison=poison,
        layout=_kept(lambda: Layout(*generations.counted(definition))),
        now_ms=_now_ms,
        nonce=lambda: secrets.token_hex(6),
        jitter=random.random,
        wait=time.sleep,
    )
    containers = catalogue.of(pack)
    archive_days = {
        one.container: configured.archive_after_days.get(one.container, one.archive_after_days)
        for one in pack.sources
        if one.archive_after_days is not None
    }
    check_archive_ages(pack, archive_days, containers)
    processors = {
        source.container: Processor(source, containers.named(source.container).default_ttl, outside)
        for source in pack.sources
    }
    feed = ChangeFeedStore(database)
    archived = None if configured.blob is None else ArchiveStore(blobs.connect(configured.blob))

    def audited() -> str:
        # The layout that stage 1 counts by, so that a cursor never moves past what went elsewhere.
        return audit.reader_name(outside.layout().generation)

    def trailing(
        name: Callable[[], str], source: Source[Any], delay: int, handle: Handle
    ) -> TrailingReader:
        ttl = containers.named(source.container).default_ttl
        return TrailingReader(name, source.container, ttl, delay, feed, state, handle, _now_ms)

    def archiver(source: Source[Any], archived: ArchiveStore) -> TrailingReader:
        refused = RefusedCopies(state, outside.sources, source.container)
        archiving = archive.Archiving(source, archived, erased.among, refused)
        delay = archive_days[source.container] * DAY_SECONDS
        reader = trailing(lambda: "archive", source, delay, archiving)
        reader.again = archiving.again
        return reader

    return Worker(
        pack=pack,
        processors=processors,
        publisher=Publisher(
            pack=pack,
            state=state,
            views=views,
            feed=StateFeed(state_container),
            stage=stage,
            now_ms=_now_ms,
            pace_seconds=configured.publish_pace_seconds,
            on_failure=lambda key, error: log.error(
                "a view key could not be published, it is parked",
                key=shown_name(key),
                error_type=type(error).__name__,
            ),
        ),
        views=views,
        poison=poison,
        redriver=Redriver(
            processors,
            poison,
            Note(state, "redrive"),
            on_failure=lambda letter, error: log.error(
                "a dead letter could not be redriven",
                letter=letter.id,
                error_type=type(error).__name__,
            ),
        ),
        gauge=Gauge(
            sources=[source.container for source in pack.sources],
            leases=LeaseStore(database.get_container_client("leases")),
            feed=feed,
            now_seconds=lambda: _now_ms() // 1_000,
            earlier=Note(state, "lag"),
        ),
        log=log,
        audits=[
            trailing(
                audited,
                source,
                configured.audit_delay_seconds,
                audit.auditing(processors[source.container]),
            )
            for source in pack.sources
        ],
        archives=[]
        if archived is None
        else [archiver(one, archived) for one in pack.sources if one.container in archive_days],
    )


def check_archive_ages(
    pack: Pack, days: Mapping[str, int], containers: catalogue.Catalogue
) -> None:
    """Raises ConfigurationError where documents are archived too shortly before they expire."""
    for source, after in days.items():
        ttl_days = containers.named(source).default_ttl // DAY_SECONDS
        if 0 < ttl_days < after + ARCHIVE_MARGIN_DAYS:
            raise settings.ConfigurationError(
                f"{settings.archive_name(pack.source(source))} is {after}, but documents of "
                f"{source} expire after {ttl_days} days: set it to "
                f"{ttl_days - ARCHIVE_MARGIN_DAYS} or less, so that {ARCHIVE_MARGIN_DAYS} days are "
                "left to archive them"
            )


def stage_of(generation: Generation) -> Stage:
    """What is published of a generation in force."""
    number = generation.generation
    pks = tuple(bucket_pk(number, one) for one in range(generation.buckets))
    return Stage(number, pks, generation.horizon_seconds, generation.successor)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _kept(read: Callable[[], Layout]) -> Callable[[], Layout]:
    """Read once in GENERATION_SECONDS."""
    kept: tuple[float, Layout] | None = None

    def layout() -> Layout:
        nonlocal kept
        now = time.monotonic()
        if kept is None or now - kept[0] > GENERATION_SECONDS:
            kept = now, read()
        return kept[1]

    return layout
