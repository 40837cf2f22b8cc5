"""What the supported triggers declare, read from the bindings the worker sends to its host.

Guarantee: defaults are the platform's, `%NAME%` references are resolved, durations are seconds,
and whatever this host does not support is refused with a sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from emulators.functions.app_settings import resolve_references
from emulators.functions.cron import Schedule, parse_schedule
from emulators.functions.errors import HostError

AuthLevel = Literal["anonymous", "function", "admin"]
Start = Literal["beginning", "now"] | datetime


@dataclass(frozen=True, slots=True)
class CosmosTrigger:
    """`max_items` None lets the endpoint choose the size of a batch."""

    parameter: str
    binary: bool
    connection: str
    database: str
    container: str
    lease_connection: str
    lease_database: str
    lease_container: str
    lease_prefix: str
    create_lease_container: bool
    poll_delay_seconds: float
    acquire_seconds: float
    renew_seconds: float
    expiration_seconds: float
    max_items: int | None
    start: Start


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    parameter: str
    schedule: Schedule
    run_on_startup: bool


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """`methods` empty means every method."""

    parameter: str
    route: str
    methods: frozenset[str]
    auth_level: AuthLevel


@dataclass(frozen=True, slots=True)
class ManualTrigger:
    """Runs only when it is asked to, through the admin endpoint or `Host.fire`."""

    parameter: str


Trigger = CosmosTrigger | TimerTrigger | HttpTrigger | ManualTrigger


def parse_trigger(function_name: str, binding: Mapping[str, object]) -> Trigger:
    """One trigger binding as the worker's JSON declares it."""
    fields = _Fields(function_name, binding)
    kind = str(binding.get("type")).lower()
    if kind == "cosmosdbtrigger":
        return _cosmos(fields)
    if kind == "timertrigger":
        return TimerTrigger(
            parameter=fields.text("name"),
            schedule=parse_schedule(fields.text("schedule")),
            run_on_startup=fields.flag("runOnStartup"),
        )
    if kind == "httptrigger":
        return _http(fields)
    if kind == "manualtrigger":
        return ManualTrigger(parameter=fields.text("name"))
    raise HostError(
        f"{function_name} has a {binding.get('type')}, which this host does not run: "
        "it runs cosmosDBTrigger, timerTrigger, httpTrigger and manualTrigger."
    )


def _cosmos(fields: "_Fields") -> CosmosTrigger:
    if fields.has("collectionName") or fields.has("connectionStringSetting"):
        raise HostError(
            f"{fields.function_name} uses cosmos_db_trigger_v3, which belongs to extension bundles "
            "before 4: use cosmos_db_trigger."
        )
    connection, database = fields.text("connection"), fields.text("databaseName")
    return CosmosTrigger(
        parameter=fields.text("name"),
        binary=fields.text("dataType", "").upper() == "BINARY",
        connection=connection,
        database=database,
        container=fields.text("containerName"),
        lease_connection=fields.text("leaseConnection", connection),
        lease_database=fields.text("leaseDatabaseName", database),
        lease_container=fields.text("leaseContainerName", "leases"),
        lease_prefix=fields.text("leaseContainerPrefix", ""),
        create_lease_container=fields.flag("createLeaseContainerIfNotExists"),
        # Declared in milliseconds; the defaults are those of the change feed processor.
        poll_delay_seconds=fields.number("feedPollDelay", 5_000) / 1_000,
        acquire_seconds=fields.number("leaseAcquireInterval", 13_000) / 1_000,
        renew_seconds=fields.number("leaseRenewInterval", 17_000) / 1_000,
        expiration_seconds=fields.number("leaseExpirationInterval", 60_000) / 1_000,
        max_items=fields.number("maxItemsPerInvocation", 0) or None,
        start=_start(fields),
    )


def _start(fields: "_Fields") -> Start:
    beginning = fields.flag("startFromBeginning")
    text = fields.text("startFromTime", "")
    if beginning and text:
        raise HostError(
            f"{fields.function_name} may use startFromBeginning or startFromTime, not both."
        )
    if not text:
        return "beginning" if beginning else "now"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise HostError(
            f"The startFromTime of {fields.function_name} has to be ISO 8601, "
            "for example 2021-02-16T14:19:29Z."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _http(fields: "_Fields") -> HttpTrigger:
    levels: dict[str, AuthLevel] = {
        "anonymous": "anonymous",
        "function": "function",
        "admin": "admin",
    }
    level = fields.text("authLevel", "function").lower()
    if level not in levels:
        raise HostError(f"{fields.function_name} has the unknown auth level {level!r}.")
    methods = fields.binding.get("methods") or []
    assert isinstance(methods, list)
    return HttpTrigger(
        parameter=fields.text("name"),
        route=fields.text("route", fields.function_name).strip("/"),
        methods=frozenset(str(method).upper() for method in methods),
        auth_level=levels[level],
    )


@dataclass(frozen=True, slots=True)
class _Fields:
    """Typed access to a binding whose values may be literals or `%NAME%` references."""

    function_name: str
    binding: Mapping[str, object]

    def has(self, field: str) -> bool:
        return self.binding.get(field) is not None

    def text(self, field: str, default: str | None = None) -> str:
        value = self.binding.get(field)
        if value is None:
            if default is None:
                raise HostError(f"The trigger of {self.function_name} has no {field}.")
            return default
        return resolve_references(str(value))

    def number(self, field: str, default: int) -> int:
        text = self.text(field, str(default))
        try:
            return int(text)
        except ValueError:
            raise HostError(
                f"The {field} of {self.function_name} has to be a whole number, not {text!r}."
            ) from None

    def flag(self, field: str) -> bool:
        text = self.text(field, "false").lower()
        if text not in ("true", "false"):
            raise HostError(
                f"The {field} of {self.function_name} has to be true or false, not {text!r}."
            )
        return text == "true"
