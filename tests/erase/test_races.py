"""Erase beside everything that may run at the same moment: nothing of the user comes back."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from cosmos_views.ledger.copies import Copy
from cosmos_views.store.archive import ArchiveStore
from cosmos_views.store.erased import ErasedOwners
from cosmos_views.store.state import StateStore
from cosmos_views.upkeep.archive.copies import Archiving
from emulators.azurite import Azurite
from tests.archive.copies import archived, wired
from tests.erase.erasures import KEY, USER, archive_all, assert_forgotten, erase, populate
from tests.worker.ground import (
    INTERACTIONS,
    SOURCES,
    Ground,
    deliver,
    deliver_until_done,
)
from tests.worker.stories import interaction, on


class Beside:
    """A port; just before, or just after, its first call of one method something else happens."""

    def __init__(self, port: Any, method: str, meanwhile: Callable[[], object], when: str) -> None:
        self._port, self._method, self._when = port, method, when
        self._meanwhile: Callable[[], object] | None = meanwhile

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        if name != self._method or self._meanwhile is None:
            return call

        def crossed(*arguments: Any, **named: Any) -> Any:
            meanwhile, self._meanwhile = self._meanwhile, None
            if self._when == "before" and meanwhile is not None:
                meanwhile()
            answer = call(*arguments, **named)
            if self._when == "after" and meanwhile is not None:
                meanwhile()
            return answer

        return crossed


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["state.commit", "poison.write"])
def test_a_batch_that_was_under_way(
    ground: Ground, capsys: pytest.CaptureFixture[str], call: str, when: str
) -> None:
    populate(ground)
    fresh = ground.write(
        INTERACTIONS,
        interaction("fresh", user_id=USER, timestamp=on(11)),
        interaction("unreadable", user_id=USER, response_time_ms="soon"),
    )
    fresh = [one for one in fresh if one["id"] in ("fresh", "unreadable")]
    worker = ground.worker()
    outside = worker.processors[INTERACTIONS].outside
    port, method = call.split(".")
    beside: Any = Beside(getattr(outside, port), method, lambda: erase(ground, capsys), when)
    ports: dict[str, Any] = {port: beside}
    worker.processors[INTERACTIONS].outside = replace(outside, **ports)

    deliver(worker, INTERACTIONS, fresh)

    assert_forgotten(ground)


def test_two_workers_that_go_on_counting_the_user(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    workers = [ground.worker() for _ in range(2)]
    erased = threading.Event()

    def live(number: int) -> None:
        round_ = 0
        while not erased.is_set():
            round_ += 1
            ground.container(INTERACTIONS).upsert_item(
                interaction(f"live-{number}-{round_}", user_id=USER, timestamp=on(round_ % 28 + 1))
            )
            for source in SOURCES:
                deliver_until_done(workers[number], source, ground.feed(source))

    threads = [threading.Thread(target=live, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert erase(ground, capsys, "--settle-seconds", "1").code == 0
    finally:
        erased.set()
        for thread in threads:
            thread.join()

    assert_forgotten(ground)


def test_a_page_that_is_being_archived(
    ground: Ground, blobs: BlobServiceClient, azurite: Azurite, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)
    worker = wired(ground, azurite.connection_string)
    store = ArchiveStore(blobs)
    erased = ErasedOwners(StateStore(ground.container("state")))

    class ErasedBefore:
        """The user is erased after the page has looked, before its copies are written; once, for
        another erasure would remove what this one leaves."""

        is_erased = False

        def write(self, copies: Sequence[Copy]) -> list[str]:
            if not self.is_erased:
                self.is_erased = True
                erase(ground, capsys)
            return store.write(copies)

        def delete(self, path: str) -> bool:
            return store.delete(path)

    copies = ErasedBefore()
    for reader in worker.archives:
        source = worker.processors[reader.container].source
        reader.handle = Archiving(source, copies, erased.among)
    archive_all(ground, worker)

    assert archived(blobs)
    assert_forgotten(ground, blobs)
    assert KEY in erased.among([KEY])
