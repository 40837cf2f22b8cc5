"""A Cosmos DB trigger: one function, its leases, and the readers that work on them.

Guarantee: every physical range has exactly one lease document, children of a split begin where
their parent stopped, and this host never has two readers on one lease.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from azure.cosmos import ContainerProxy

from emulators.functions.balancing import is_free
from emulators.functions.connections import Connections, account_of, read_properties
from emulators.functions.counters import Counters
from emulators.functions.delivery import Delivery
from emulators.functions.errors import HostError
from emulators.functions.feed import Feed, FeedRange, RangeSplit
from emulators.functions.indexing import IndexedFunction
from emulators.functions.lease_reader import LeaseReader, Step
from emulators.functions.leases import Lease, LeaseStore
from emulators.functions.timing import LeaseTiming
from emulators.functions.triggers import CosmosTrigger

LOG = logging.getLogger("local.functions")


class CosmosListener:
    def __init__(
        self,
        function: IndexedFunction,
        delivery: Delivery,
        counters: Counters,
        connections: Connections,
        timing: LeaseTiming,
        host_name: str,
        rewrites_dates: bool,
    ) -> None:
        assert isinstance(function.trigger, CosmosTrigger)
        self.function = function
        self.timing = timing
        self._trigger = function.trigger
        self._delivery = delivery
        self._counters = counters
        self._connections = connections
        self._host_name = host_name
        self._rewrites_dates = rewrites_dates
        self._readers_lock = threading.Lock()
        self._readers: dict[str, LeaseReader] = {}

    def open(self) -> None:
        """Finds both containers and creates the leases that are missing."""
        trigger, name = self._trigger, self.function.name
        source = self._connections.container(
            trigger.connection, trigger.database, trigger.container
        )
        properties = read_properties(source, name)
        self.feed = Feed(source, str(properties["_rid"]))
        self.store = LeaseStore(
            self._lease_container(), self._lease_prefix(properties), self._host_name
        )
        known = [lease.range for lease in self.store.all()]
        for feed_range in self.feed.ranges(refresh=True):
            # A lease of a parent that was split while no host ran is split by its reader.
            if not any(feed_range.overlaps(other) for other in known):
                self.store.create(feed_range, None, None)

    def readers(self) -> list[LeaseReader]:
        with self._readers_lock:
            return list(self._readers.values())

    def adopt(self, lease: Lease) -> LeaseReader:
        """A reader on a lease this host has just acquired."""
        reader = LeaseReader(
            self.function,
            self.feed,
            self.store,
            self._delivery,
            self._counters,
            lease,
            self._rewrites_dates,
        )
        with self._readers_lock:
            assert lease.token not in self._readers, "two readers on one lease"
            self._readers[lease.token] = reader
        LOG.info(
            "%s reads range %s from %s",
            self.function.name,
            lease.token,
            lease.continuation or self._trigger.start,
        )
        return reader

    def drop(self, reader: LeaseReader) -> None:
        with self._readers_lock:
            if self._readers.get(reader.lease.token) is reader:
                del self._readers[reader.lease.token]

    def is_read_here(self, lease: Lease) -> bool:
        """Also a lease that was lost while its batch still runs here: not to be taken back yet."""
        with self._readers_lock:
            return lease.token in self._readers

    def take_all(self, steal: bool) -> list[Lease]:
        """Acquires every lease that may be had, without regard to balance; returns the others."""
        others = []
        now = datetime.now(UTC)
        for lease in self.store.all():
            if self.is_read_here(lease):
                continue
            mine = lease.owner == self._host_name
            may_take = steal or mine or is_free(lease, now, self.timing.expiration_seconds)
            acquired = self.store.acquire(lease) if may_take else None
            if acquired is None:
                others.append(lease)
            else:
                self.adopt(acquired)
        return others

    def step(
        self, reader: LeaseReader, stop: threading.Event, may_deliver: Callable[[], bool]
    ) -> tuple[Step, list[LeaseReader]]:
        """One step of a reader, and the readers of its children if its range was split."""
        try:
            return reader.step(stop, may_deliver), []
        except RangeSplit as split:
            return Step.LOST, self._split(reader, split.children)

    def _split(self, parent: LeaseReader, children: list[FeedRange]) -> list[LeaseReader]:
        LOG.info(
            "%s: range %s was split into %s",
            self.function.name,
            parent.lease.token,
            ", ".join(child.token for child in children),
        )
        # Children first: a crash in between leaves both, and children only repeat what the parent
        # has not checkpointed.
        created = [self.store.create(child, parent.position, self._host_name) for child in children]
        parent.delete()
        self.drop(parent)
        return [self.adopt(lease) for lease in created if lease is not None]

    def _lease_container(self) -> ContainerProxy:
        trigger, name = self._trigger, self.function.name
        place = (trigger.lease_connection, trigger.lease_database, trigger.lease_container)
        if trigger.create_lease_container:
            self._connections.create_lease_container(*place)
        container = self._connections.container(*place)
        properties = read_properties(container, name)
        partition_key = properties["partitionKey"]
        assert isinstance(partition_key, dict)
        if partition_key["paths"] != ["/id"]:
            raise HostError(
                f"The lease container {trigger.lease_container} of {name} has to have the "
                f"partition key /id, not {', '.join(partition_key['paths'])}."
            )
        return container

    def _lease_prefix(self, properties: dict[str, object]) -> str:
        """As the platform composes it: two functions on one container need two prefixes."""
        endpoint, _ = account_of(self._trigger.connection)
        host = endpoint.partition("//")[2].partition("/")[0].partition(":")[0]
        # Resource ids are base64 with "-" for "/", which no document id may hold.
        database_rid = str(properties["_self"]).split("/")[1]
        prefix = f"{self._trigger.lease_prefix}{host}_{database_rid}_{properties['_rid']}"
        return prefix.replace("/", "-")
