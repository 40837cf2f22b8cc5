"""Settings: everything that is configured, typed, read from the environment in one place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

CONNECTION = "COSMOS"
"""The name of the Cosmos DB connection, as the triggers and app settings use it."""
PUBLISH_SECONDS_DEFAULT = 60
FEED_POLL_SECONDS_DEFAULT = 15
"""Thrice the platform's default: asking in vain costs 1 request unit, larger batches cost less, and
views are a minute behind anyway."""
BLOB = "BLOB"
"""The name of the Blob storage connection."""
AUDIT_DELAY_SECONDS_DEFAULT = 3_600
DEVELOPMENT_BLOB = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlm"
    "EtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
)
"""What `UseDevelopmentStorage=true` stands for: Azurite's public key, no secret."""


class ConfigurationError(Exception):
    """Something in the environment is missing or wrong; the message says what to set."""


@dataclass(frozen=True)
class CosmosConnection:
    """How to reach the account: a key for local work, an identity in Azure."""

    endpoint: str
    key: str | None
    client_id: str | None = None
    """Of a user-assigned managed identity; None for the system-assigned one."""


@dataclass(frozen=True)
class BlobConnection:
    """How to reach Blob storage: a connection string for local work, or an account and identity."""

    connection_string: str | None
    service_uri: str | None = None
    client_id: str | None = None


@dataclass(frozen=True)
class Settings:
    """The worker's settings."""

    cosmos: CosmosConnection
    database: str
    publish_pace_seconds: int | None
    """Overrides every view's own pace; None leaves them."""
    log_level: str
    audit_delay_seconds: int = AUDIT_DELAY_SECONDS_DEFAULT
    archive_after_days: Mapping[str, int] = field(default_factory=dict)
    """Source container → days without a write, where they are other than the pack's own."""
    blob: BlobConnection | None = None
    """None: nothing is archived."""


class Archived(Protocol):
    """What settings ask of a source."""

    @property
    def container(self) -> str:
        """Its name."""

    @property
    def trigger(self) -> str:
        """The name of its function."""


def archive_name(source: Archived) -> str:
    """The setting that says after how many days a source is archived."""
    return f"ARCHIVE_AFTER_DAYS_{source.trigger.upper()}"


def from_environment(environment: Mapping[str, str], sources: Iterable[Archived]) -> Settings:
    """The settings of a worker for these sources. Raises ConfigurationError."""
    pace = environment.get("PUBLISH_PACE_SECONDS", "")
    return Settings(
        cosmos=cosmos_connection(environment),
        database=environment.get("COSMOS_DATABASE", "platform"),
        publish_pace_seconds=_whole("PUBLISH_PACE_SECONDS", pace) if pace else None,
        log_level=environment.get("LOG_LEVEL", "INFO").upper(),
        audit_delay_seconds=_whole(
            "AUDIT_DELAY_SECONDS",
            environment.get("AUDIT_DELAY_SECONDS") or str(AUDIT_DELAY_SECONDS_DEFAULT),
        ),
        archive_after_days={
            source.container: _whole(name, environment[name], "days")
            for source in sources
            if environment.get(name := archive_name(source))
        },
        blob=blob_connection(environment),
    )


def is_configured(environment: Mapping[str, str]) -> bool:
    """Whether an account is named at all."""
    return bool(environment.get(CONNECTION) or environment.get(f"{CONNECTION}__accountEndpoint"))


def cosmos_connection(environment: Mapping[str, str]) -> CosmosConnection:
    """The connection named COSMOS: a connection string, or the identity settings of Functions."""
    text = environment.get(CONNECTION, "")
    if text:
        parts = _connection_string(text)
        for name in ("AccountEndpoint", "AccountKey"):
            if not parts.get(name.lower()):
                raise ConfigurationError(
                    f"{CONNECTION} is not a connection string: {name} is missing; use "
                    "AccountEndpoint=https://…;AccountKey=…; or set COSMOS__accountEndpoint"
                )
        return CosmosConnection(parts["accountendpoint"], parts["accountkey"])
    endpoint = environment.get(f"{CONNECTION}__accountEndpoint", "")
    if not endpoint:
        raise ConfigurationError(
            f"no Cosmos DB account is configured: set {CONNECTION}__accountEndpoint for a managed "
            f"identity, or {CONNECTION} to a connection string for local work"
        )
    return CosmosConnection(endpoint, None, environment.get(f"{CONNECTION}__clientId") or None)


def blob_connection(environment: Mapping[str, str]) -> BlobConnection | None:
    """The connection named BLOB, as Functions write connections; None where there is none."""
    text = environment.get(BLOB, "")
    parts = _connection_string(text)
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        return BlobConnection(DEVELOPMENT_BLOB)
    if text:
        if not parts.keys() & {"accountkey", "sharedaccesssignature"}:
            raise ConfigurationError(
                f"{BLOB} is not a connection string: use one with an AccountKey for local work, or "
                f"set {BLOB}__serviceUri for a managed identity"
            )
        return BlobConnection(";".join(f"{name}={value}" for name, value in parts.items()))
    uri = environment.get(f"{BLOB}__serviceUri", "")
    if not uri:
        return None
    return BlobConnection(None, uri, environment.get(f"{BLOB}__clientId") or None)


def _connection_string(text: str) -> dict[str, str]:
    """Its values by name in lower case, read as the trigger's host does (.NET,
    DbConnectionStringBuilder): names in any case, blanks around names and values, quoted values."""
    parts = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if equals:
            parts[name.strip().lower()] = value
    return parts


def audit_schedule(environment: Mapping[str, str]) -> str:
    """When the audit runs (NCRONTAB); by default every 5 minutes."""
    return environment.get("AUDIT_SCHEDULE") or "0 */5 * * * *"


def archive_schedule(environment: Mapping[str, str]) -> str:
    """When the archive runs (NCRONTAB); by default every hour."""
    return environment.get("ARCHIVE_SCHEDULE") or "0 20 * * * *"


def redrive_schedule(environment: Mapping[str, str]) -> str:
    """When pending dead letters are looked at (NCRONTAB); by default every 10 minutes."""
    return environment.get("REDRIVE_SCHEDULE") or "0 */10 * * * *"


def lag_schedule(environment: Mapping[str, str]) -> str:
    """When the lag is read and logged (NCRONTAB); by default every minute."""
    return environment.get("LAG_SCHEDULE") or "30 * * * * *"


def feed_poll_milliseconds(environment: Mapping[str, str]) -> int:
    """How long a trigger waits before it asks a drained feed again."""
    name = "FEED_POLL_SECONDS"
    seconds = _whole(name, environment.get(name) or str(FEED_POLL_SECONDS_DEFAULT))
    if not seconds:
        raise ConfigurationError(f"{name} is 0: use 1 or more")
    return seconds * 1_000


def publish_schedule(environment: Mapping[str, str]) -> str:
    """The publisher's NCRONTAB schedule from PUBLISH_SECONDS (a divisor or multiple of 60)."""
    seconds = _whole(
        "PUBLISH_SECONDS", environment.get("PUBLISH_SECONDS") or str(PUBLISH_SECONDS_DEFAULT)
    )
    if 0 < seconds < 60 and 60 % seconds == 0:
        return f"*/{seconds} * * * * *"
    minutes, rest = divmod(seconds, 60)
    if rest == 0 and 0 < minutes < 60 and 60 % minutes == 0:
        return f"0 */{minutes} * * * *"
    raise ConfigurationError(
        f"PUBLISH_SECONDS is {seconds}: use a number that divides a minute (2, 15, 30), or a "
        "number of minutes that divides an hour (60, 300)"
    )


def _whole(name: str, text: str, unit: str = "seconds") -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise ConfigurationError(f"{name} is {text!r}: use a whole number of {unit}, 0 or more")
    return value
