"""The admin API under `/_local/`: faults, clock, splits, lag, totals, while the endpoint runs.

Unauthenticated, so that a shell can use it; therefore it answers loopback clients only.

    GET, POST, DELETE /_local/faults       DELETE /_local/faults/{id}
    GET, POST         /_local/clock        {"advance_seconds": 3600}
    POST              /_local/split        {"database", "container", "range_id": optional}
    GET, POST         /_local/lag          {"lsns": 5, "probability": optional}
    GET, DELETE       /_local/stats
"""

import ipaddress
from dataclasses import dataclass

import msgspec

from emulators.cosmos.catalogue import Catalogue
from emulators.cosmos.clock import Clock
from emulators.cosmos.errors import Refused, unsupported
from emulators.cosmos.faults import FaultRule, Faults
from emulators.cosmos.history import History
from emulators.cosmos.protocol import Call, Reply
from emulators.cosmos.stats import Stats
from emulators.cosmos.storage import Storage

ROOT = "_local"


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    advance_seconds: float


class Split(msgspec.Struct, forbid_unknown_fields=True):
    """`range_id` None splits the widest range."""

    database: str
    container: str
    range_id: str | None = None


class Lag(msgspec.Struct, forbid_unknown_fields=True):
    """Reads see the state `lsns` writes ago with this probability; see `history`."""

    lsns: int
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Admin:
    """Serves the admin API."""

    faults: Faults
    stats: Stats
    clock: Clock
    catalogue: Catalogue
    storage: Storage
    history: History

    def serve(self, call: Call, remote: str | None) -> Reply:
        if remote is None or not ipaddress.ip_address(remote.split("%")[0]).is_loopback:
            raise Refused(403, "The admin API answers loopback clients only.")
        try:
            return _reply(self._do(call))
        except (ValueError, msgspec.MsgspecError) as error:
            raise Refused(400, f"{error}") from None

    def _do(self, call: Call) -> object:
        match call.verb, call.segments[1:]:
            case "GET", ("faults",):
                return self.faults.report()
            case "POST", ("faults",):
                return {"id": self.faults.add(msgspec.json.decode(call.body, type=FaultRule))}
            case "DELETE", ("faults",):
                self.faults.clear()
            case "DELETE", ("faults", number):
                if not number.isdigit() or not self.faults.remove(int(number)):
                    raise Refused(404, f"There is no fault rule {number}.")
            case "GET", ("clock",):
                return self._time()
            case "POST", ("clock",):
                self.clock.advance(msgspec.json.decode(call.body, type=Advance).advance_seconds)
                self.storage.purge(self.clock.now())
                return self._time()
            case "POST", ("split",):
                wanted = msgspec.json.decode(call.body, type=Split)
                container = self.catalogue.container(wanted.database, wanted.container)
                children = self.catalogue.split(container, wanted.range_id)
                self.history.restart(self.catalogue)
                return {"children": children}
            case "GET", ("lag",):
                return Lag(self.history.lsns, self.history.probability)
            case "POST", ("lag",):
                lag = msgspec.json.decode(call.body, type=Lag)
                self.history.set(lag.lsns, lag.probability, self.catalogue)
                return lag
            case "GET", ("stats",):
                return self.stats.report()
            case "DELETE", ("stats",):
                self.stats.reset()
            case _:
                raise unsupported(f"{call.verb} /{'/'.join(call.segments)}")
        return {}

    def _time(self) -> dict[str, float]:
        return {"now": self.clock.now(), "advanced_seconds": self.clock.advanced_seconds}


def _reply(body: object) -> Reply:
    return Reply(200, msgspec.json.encode(body))
