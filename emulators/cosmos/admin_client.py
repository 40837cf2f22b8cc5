"""Python's hand on a running endpoint: faults, clock, lag, totals, splits.

Everything goes through the admin API, so an endpoint in this process and one in another behave the
same.
"""

import http.client
import urllib.parse
from typing import Any, TypeVar

import msgspec

from emulators.cosmos.admin import ROOT, Lag
from emulators.cosmos.faults import FaultRule, Moment, RuleReport
from emulators.cosmos.stats import Total

_TIMEOUT_SECONDS = 120

T = TypeVar("T")


class AdminClient:
    """One HTTP request per call; nothing is kept open."""

    def __init__(self, url: str) -> None:
        parsed = urllib.parse.urlsplit(url)
        self._host = parsed.hostname or "127.0.0.1"
        self._port = parsed.port or 80

    def ask(self, verb: str, path: str, kind: type[T], body: object = None) -> T:
        """Raises ValueError with the endpoint's sentence if it refuses."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            payload = None if body is None else msgspec.json.encode(body)
            connection.request(verb, f"/{ROOT}/{path}", payload)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(msgspec.json.decode(text)["message"])
        return msgspec.json.decode(text, type=kind)


class FaultControl:
    """Adds and removes fault rules; see `faults.FaultRule` for what they mean."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def add(
        self,
        operation: str = "*",
        *,
        container: str = "*",
        probability: float = 1.0,
        times: int | None = None,
        skip: int = 0,
        moment: Moment = "before",
        status: int | None = None,
        substatus: int = 0,
        retry_after_ms: int | None = None,
        drop: bool = False,
        delay_ms: int = 0,
    ) -> int:
        """Arms a rule and returns its number."""
        rule = FaultRule(
            operation=operation,
            container=container,
            probability=probability,
            times=times,
            skip=skip,
            moment=moment,
            status=status,
            substatus=substatus,
            retry_after_ms=retry_after_ms,
            drop=drop,
            delay_ms=delay_ms,
        )
        return self._client.ask("POST", "faults", dict[str, int], rule)["id"]

    def remove(self, number: int) -> None:
        self._client.ask("DELETE", f"faults/{number}", dict[str, Any])

    def clear(self) -> None:
        self._client.ask("DELETE", "faults", dict[str, Any])

    def list(self) -> list[RuleReport]:
        return self._client.ask("GET", "faults", list[RuleReport])


class ClockControl:
    """Reads and advances the endpoint's clock."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def now(self) -> float:
        """Seconds since 1970, as the endpoint sees it."""
        return self._client.ask("GET", "clock", dict[str, float])["now"]

    def advance(self, seconds: float) -> float:
        """Moves the clock forward and returns the new time; expired documents are purged."""
        body = {"advance_seconds": seconds}
        return self._client.ask("POST", "clock", dict[str, float], body)["now"]


class LagControl:
    """Makes reads lag behind writes, as replicas do under Session consistency."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def set(self, lsns: int, probability: float = 1.0) -> None:
        """Point reads, and queries with a partition key, see the state `lsns` writes ago.

        Never older than the session token they carry. 0 ends it.
        """
        self._client.ask("POST", "lag", Lag, Lag(lsns, probability))


class StatsControl:
    """Totals per database, container and operation since the last reset."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def totals(self) -> list[Total]:
        return self._client.ask("GET", "stats", list[Total])

    def total(self, container: str, operation: str) -> Total:
        """One total; all zero if nothing was asked."""
        for found in self.totals():
            if (found.container, found.operation) == (container, operation):
                return found
        return Total(database="", container=container, operation=operation)

    def request_charge(self) -> float:
        """Request units of everything."""
        return sum(total.request_charge for total in self.totals())

    def reset(self) -> None:
        self._client.ask("DELETE", "stats", dict[str, Any])
