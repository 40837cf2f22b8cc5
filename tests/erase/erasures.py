"""A user with everything a user can have, the command, and what must hold afterwards."""

import json
import os
import time
from dataclasses import dataclass
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from cosmos_views.cli.main import main
from cosmos_views.ledger.owners import hot_id, owner_key
from cosmos_views.upkeep.trailing import run_all
from cosmos_views.worker import Worker
from tests.archive.copies import archived
from tests.audit.readers import at_endpoint_time
from tests.oracle import Prices, SourceDocument, compute_views
from tests.worker.ground import (
    INCIDENTS,
    INTERACTIONS,
    SESSIONS,
    SOURCES,
    UNBOUNDED,
    Document,
    Ground,
    Views,
    deliver_all,
    kept_views,
    publish_until_done,
)
from tests.worker.stories import incident, interaction, on, session

USER = "ada.lovelace@example.org/№1"
KEY = owner_key(USER)
OTHERS = ("bob", "cyd")
REMOVED = {
    "facts_of_user_interactions": 4,
    "facts_of_user_sessions": 3,
    "facts_of_abuse_incidents": 3,
    "entries": 12,
    "user_documents": 3,
    "dead_letters": 1,
    "user_analytics_documents": 3,
}
"""What is removed of the user, by place."""


@dataclass
class Ran:
    """How the command ended."""

    code: int
    receipt: dict[str, Any]
    errors: str


def erase(
    ground: Ground, capsys: pytest.CaptureFixture[str], *options: str, user: str = USER
) -> Ran:
    capsys.readouterr()
    arguments = ["--user", user, "--settle-seconds", "0", *connection(ground), *options]
    if "BLOB" not in os.environ:
        arguments.append("--no-archive")
    code = main(["erase", "--json", *UNBOUNDED, *arguments])
    printed = capsys.readouterr()
    return Ran(code, json.loads(printed.out) if printed.out else {}, printed.err)


def connection(ground: Ground) -> list[str]:
    return ["--connection", ground.endpoint.connection_string, "--database", ground.database]


def lives(user: str) -> dict[str, list[Document]]:
    """Interactions, sessions and joined incidents of a user in three months, one of them broken."""
    name = owner_key(user)[:6]
    months = ("2026-01", "2026-02", "2026-03")
    return {
        INTERACTIONS: [
            *(
                interaction(f"i-{name}-{month}", user_id=user, timestamp=f"{month}-07T08:00:00Z")
                for month in months
            ),
            interaction(f"late-{name}", user_id=user, timestamp=on(9)),
            interaction(f"broken-{name}", user_id=user, response_time_ms="soon"),
            interaction(f"weather-{name}", user_id=user, document_type="weather_report"),
        ],
        SESSIONS: [
            session(f"s-{name}-{month}", user_id=user, start_time=f"{month}-07T08:00:00Z")
            for month in months
        ],
        INCIDENTS: [
            incident(f"x-{name}-{number}", user_id=user, interaction_id=f"late-{name}")
            for number in range(3)
        ],
    }


def populate(ground: Ground) -> None:
    """The user and two others, counted and published."""
    for user in (USER, *OTHERS):
        for source, bodies in lives(user).items():
            ground.write_all(SourceDocument(source, body) for body in bodies)
    worker = ground.worker()
    deliver_all(worker, {source: ground.feed(source) for source in SOURCES})
    publish_until_done(ground, worker)


def archive_all(ground: Ground, worker: Worker) -> None:
    """Everything written by now is archived."""
    ground.later(2)
    for reader in worker.archives:
        reader.delay_seconds = 0
    at_endpoint_time(ground, worker.archives)
    for reading in run_all(worker.archives, 1_000, 1e9, time.monotonic):
        assert not reading.failures
        assert reading.caught_up


def without_user(ground: Ground) -> Views:
    """What the oracle says of all other users' documents."""
    return compute_views(
        [one for one in ground.written() if one.body.get("user_id") != USER],
        now_seconds=int(time.time()),
        views=kept_views(),
        prices=Prices(),
    )


def assert_forgotten(ground: Ground, blobs: BlobServiceClient | None = None) -> None:
    """Nothing of the user anywhere but in the sources, and the views show all others, once."""
    worker = ground.worker()
    publish_until_done(ground, worker)
    assert without_user(ground) == ground.views()
    for container in ("state", "poison_messages", "leases", *kept_views()):
        for document in ground.documents(container):
            assert USER not in json.dumps(document, ensure_ascii=False), document
            assert container == "state" or KEY not in json.dumps(document), document
    left = [one for one in ground.documents("state") if KEY in json.dumps(one)]
    bare = [(one["pk"], one["id"]) for one in left if one["pk"] != "erased"]
    assert {hot_id(KEY)} == {name for _, name in bare}, bare
    assert all("user" not in one for one in left)
    for partial in ground.state("p:"):
        assert all(min(row) >= 0 for row in partial["cells"].values()), partial["id"]
    if blobs is not None:
        assert not [path for path in archived(blobs) if "lovelace" in path]
