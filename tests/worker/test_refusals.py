"""A worker that does not fit its account or its store refuses to run, and says what to do."""

from collections.abc import Callable

import pytest
from azure.cosmos import CosmosClient

from cosmos_views.settings import ConfigurationError, CosmosConnection
from cosmos_views.store import account
from cosmos_views.store.failures import Refused
from emulators.cosmos import Endpoint
from emulators.functions import Timing
from pack import PACK
from tests.emulators.cosmos.support import settle
from tests.emulators.functions.waiting import wait_until
from tests.worker.ground import INTERACTIONS, Ground, deliver, text_of
from tests.worker.stories import interaction

BATCH = text_of([interaction("a") | {"_etag": "1", "_ts": 1_780_000_000, "_lsn": 1}])


@pytest.mark.parametrize("level", ["Eventual", "ConsistentPrefix"])
def test_an_account_weaker_than_session_is_refused(
    level: str, grounds: Callable[..., Ground]
) -> None:
    with Endpoint(consistency=level) as weak:
        ground = grounds(weak)
        with ground.host() as host:
            for function in ("interactions", "publish"):
                with pytest.raises(Refused, match=f"consistency is {level}: set it to Session"):
                    host.fire(function, BATCH)
        ground.close()


@pytest.mark.parametrize("level", ["Session", "BoundedStaleness", "Strong"])
def test_an_account_of_session_or_stronger_is_taken(level: str) -> None:
    with Endpoint(consistency=level) as strong:
        client = account.connect(CosmosConnection(strong.url, strong.key))
        account.check(client)
        settle(client)
        client.close()


def test_an_account_written_in_several_regions_is_refused(grounds: Callable[..., Ground]) -> None:
    with Endpoint(multi_region_writes=True) as everywhere:
        ground = grounds(everywhere)
        with ground.host() as host, pytest.raises(Refused, match="turn multi-region writes off"):
            host.fire("interactions", BATCH)
        ground.close()


def test_a_store_that_nobody_provisioned_is_refused(ground: Ground) -> None:
    ground.container("state").delete_item("generation", "generation")

    with ground.host() as host:
        for function in ("interactions", "publish"):
            with pytest.raises(Refused, match="run `python -m cosmos_views provision`"):
                host.fire(function, BATCH)


def test_state_of_another_definition_is_refused(ground: Ground) -> None:
    state = ground.container("state")
    document = state.read_item("generation", "generation")
    state.upsert_item({**document, "definition_version": "0-older"})
    mine = PACK.definition

    with ground.host() as host:
        for function in ("interactions", "publish"):
            with pytest.raises(Refused, match="python -m cosmos_views rebuild") as refused:
                host.fire(function, BATCH)
            assert "0-older" in str(refused.value)
            assert mine in str(refused.value)


def test_a_refused_batch_is_not_lost(ground: Ground) -> None:
    state = ground.container("state")
    document = state.read_item("generation", "generation")
    state.upsert_item({**document, "definition_version": "0-older"})
    ground.container(INTERACTIONS).upsert_item(interaction("a"))
    timing = Timing(poll_delay_seconds=0.05, acquire_seconds=0.05, retry_delay_scale=0.01)
    with ground.host(timing=timing, runs_timers=False) as host:
        host.start()
        wait_until(lambda: host.counts()["interactions"].retries > 0)

    state.upsert_item(document)
    with ground.host() as host:
        host.run_until_idle()

    assert [entry["outcome"] for entry in ground.state("e:")] == ["counted"]


def test_a_worker_without_a_connection_says_what_to_set(ground: Ground) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ground, "app_settings", lambda: {"COSMOS_DATABASE": "platform", "COSMOS": ""})
        with ground.host() as host, pytest.raises(ConfigurationError, match="accountEndpoint"):
            host.fire("interactions", BATCH)


def test_a_store_that_is_pinned_to_buckets_keeps_them(ground: Ground) -> None:
    state = ground.container("state")
    document = state.read_item("generation", "generation")
    state.upsert_item({**document, "buckets": 3})
    worker = ground.worker()

    deliver(
        worker,
        INTERACTIONS,
        ground.write(INTERACTIONS, *(interaction(f"{n}", user_id=f"u{n}") for n in range(20))),
    )

    assert {"1:0", "1:1", "1:2", "generation"} == {one["pk"] for one in ground.documents("state")}


def test_a_wrong_key_is_refused_by_the_account(endpoint: Endpoint) -> None:
    with pytest.raises(Exception, match=r"[Uu]nauthorized"):
        CosmosClient(endpoint.url, "d3Jvbmc=")
