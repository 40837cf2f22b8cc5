"""The endpoint without HTTP: one call in, one reply out, in one thread.

Guarantee: every refusal becomes an answer with a sentence; the reply's charge and status are what
the totals count.
"""

from emulators.cosmos import charges
from emulators.cosmos.auth import AccountKey
from emulators.cosmos.catalogue import Catalogue
from emulators.cosmos.catalogue_routes import Account, CatalogueRoutes
from emulators.cosmos.clock import Clock
from emulators.cosmos.errors import Refused, unsupported
from emulators.cosmos.history import History
from emulators.cosmos.item_routes import ItemRoutes
from emulators.cosmos.protocol import QUERY_PLAN, Call, Reply, refusal
from emulators.cosmos.storage import Storage

_INTENDED_RID = "x-ms-cosmos-intended-collection-rid"


class Service:
    """Serves calls. Not thread-safe: one event loop owns it."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        history: History,
        key: AccountKey,
        account: Account,
        partitions: int,
    ) -> None:
        self.catalogue = Catalogue(storage, clock, partitions)
        self._key = key
        self._catalogue_routes = CatalogueRoutes(self.catalogue, account)
        self._item_routes = ItemRoutes(storage, clock, history)

    def authorize(self, call: Call) -> None:
        self._key.verify(call.verb, call.segments, call.headers)

    def serve(self, operation: str, call: Call) -> Reply:
        try:
            if operation == "metadata":
                return self._catalogue_routes.serve(call)
            container = self.catalogue.container(
                call.segments[1], call.segments[3], call.headers.get(_INTENDED_RID)
            )
            return self._item_routes.serve(operation, call, container)
        except Refused as refused:
            return refusal(refused, charges.FAILED)


def classify(call: Call) -> tuple[str, str, str]:
    """(operation, database, container) of a call; Refused(501) for what is not served."""
    parts = call.segments
    database = parts[1] if len(parts) > 1 and parts[0] == "dbs" else ""
    container = parts[3] if len(parts) > 3 and parts[2] == "colls" else ""
    if parts[4:5] not in ((), ("docs",), ("pkranges",)):
        raise unsupported("/".join(parts[4:]))
    if parts[4:5] != ("docs",):
        return "metadata", database, container
    return _item_operation(call), database, container


def _item_operation(call: Call) -> str:
    match call.verb, len(call.segments):
        case "GET", 5:
            return "change_feed" if "a-im" in call.headers else "read_feed"
        case "POST", 5:
            return _posted(call)
        case "GET", 6:
            return "read"
        case "PUT", 6:
            return "replace"
        case "DELETE", 6:
            return "delete"
        case "PATCH", 6:
            raise unsupported("patch; replace the document under its ETag instead")
        case "GET" | "PUT" | "DELETE", _:
            # An id with a slash, which the SDK does not encode.
            raise Refused(
                404, "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found"
            )
        case verb, _:
            raise unsupported(f"{verb} on {'/'.join(call.segments[4:])}")


def _posted(call: Call) -> str:
    if call.flag("x-ms-documentdb-isquery") or call.flag(QUERY_PLAN):
        return "query"
    if call.flag("x-ms-cosmos-is-batch-request"):
        return "batch"
    return "upsert" if call.flag("x-ms-documentdb-is-upsert") else "create"
