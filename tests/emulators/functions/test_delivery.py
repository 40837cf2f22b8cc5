"""What a Cosmos DB function receives, and when."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulators.functions import Host, HostError
from tests.emulators.functions.apps import recorded, write_app
from tests.emulators.functions.conftest import Ground

DATES = {"at": "2026-11-21T09:30:00.500+02:00", "day": "2026-11-21", "ä": "„ü“"}


def delivered(ground: Ground, root: Path, body: str, **options: Any) -> list[Any]:
    """What the function records for one document."""
    write_app(root, body)
    ground.write("one", **DATES)
    with Host(root, ground.settings, **options) as host:
        host.run_until_idle()
    return recorded(root)


def test_a_str_argument_is_the_compact_json_array_with_system_properties_and_rewritten_dates(
    ground: Ground, root: Path
) -> None:
    [[text]] = delivered(ground, root, "TRIGGER\ndef f(changes: str) -> None: record(changes)")

    stored = ground.source.read_item("one", "ada")
    [change] = json.loads(text)
    assert json.dumps([change], ensure_ascii=False, separators=(",", ":")) == text
    assert change.pop("_lsn") > 0
    assert change == stored | {"at": "2026-11-21T07:30:00.5+00:00"}
    assert {"_rid", "_self", "_etag", "_attachments", "_ts"} <= change.keys()


def test_dates_arrive_as_stored_where_rewriting_is_switched_off(ground: Ground, root: Path) -> None:
    body = "TRIGGER\ndef f(changes: str) -> None: record(json.loads(changes)[0]['at'])"

    assert delivered(ground, root, body, rewrites_dates=False) == [[DATES["at"]]]


def test_a_bytes_argument_is_the_same_json_as_utf_8(ground: Ground, root: Path) -> None:
    body = "TRIGGER\ndef f(changes: bytes) -> None: record(json.loads(changes.decode())[0]['ä'])"

    assert delivered(ground, root, body) == [["„ü“"]]


@pytest.mark.parametrize("annotation", ["", ": func.DocumentList"])
def test_an_argument_without_annotation_or_as_document_list_is_a_list_of_documents(
    ground: Ground, root: Path, annotation: str
) -> None:
    body = f"""
    TRIGGER
    def f(changes{annotation}) -> None:
        record(type(changes).__name__, type(changes[0]).__name__, changes[0]["id"])
    """

    assert delivered(ground, root, body) == [["DocumentList", "Document", "one"]]


def test_the_context_has_what_the_real_worker_gives(ground: Ground, root: Path) -> None:
    body = """
    TRIGGER
    def f(changes: str, context: func.Context) -> None:
        try:
            context.retry_context.exception
        except AttributeError as error:
            missing = str(error)
        record(context.function_name, context.function_directory == str(ROOT),
               context.thread_local_storage.invocation_id == context.invocation_id,
               len(context.trace_context.trace_parent.split("-")), missing)
    """

    [seen] = delivered(ground, root, body)
    assert seen == ["f", True, True, 4, "'RetryContext' object has no attribute 'exception'"]


def test_sync_functions_run_in_a_thread_pool_and_async_ones_on_the_event_loop(
    ground: Ground, root: Path
) -> None:
    write_app(
        root,
        """
        TRIGGER
        def f(changes: str) -> None: record("sync", threading.current_thread().name)
        @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
        async def g(timer) -> None: record("async", threading.current_thread().name)
        """,
    )

    with Host(root, ground.settings) as host:
        host.fire("f", "[]")
        host.fire("g")

    assert recorded(root) == [["sync", "function_0"], ["async", "function-loop"]]


def test_the_batch_size_is_a_hint_that_never_splits_a_transaction(
    ground: Ground, root: Path
) -> None:
    write_app(root, "TRIGGER\ndef f(changes: str) -> None: record(ids(changes))")
    ground.write("a", "b", "c")
    creations = [("create", ({"id": one, "user": "ada"},)) for one in "defg"]
    ground.source.execute_item_batch(creations, "ada")

    with Host(root, ground.settings | {"MAX_ITEMS": "2"}) as host:
        host.run_until_idle()

    batches = [ids for [ids] in recorded(root)]
    assert batches[0] == ["a", "b"]
    assert next(batch for batch in batches if "d" in batch)[-4:] == ["d", "e", "f", "g"]
    assert [one for batch in batches for one in batch] == list("abcdefg")


def test_a_trigger_that_starts_from_now_sees_later_changes_only(ground: Ground, root: Path) -> None:
    write_app(root, "TRIGGER\ndef f(changes: str) -> None: record(ids(changes))")
    app = root / "function_app.py"
    text = app.read_text().replace("start_from_beginning=True", "start_from_beginning=False")
    app.write_text(text)
    ground.write("earlier")

    with Host(root, ground.settings) as host:
        host.run_until_idle()
        ground.write("later")
        host.run_until_idle()

    assert recorded(root) == [[["later"]]]


def test_a_trigger_may_start_from_a_time_given_as_a_setting(ground: Ground, root: Path) -> None:
    write_app(root, "TRIGGER\ndef f(changes: str) -> None: record(ids(changes))")
    app = root / "function_app.py"
    app.write_text(
        app.read_text().replace("start_from_beginning=True", "start_from_time='%SINCE%'")
    )
    ground.write("one")

    with Host(root, ground.settings | {"SINCE": "2020-01-01T00:00:00Z"}) as host:
        host.run_until_idle()
        ground.write("two")
        host.run_until_idle()

    assert recorded(root) == [[["one"]], [["two"]]]


def test_driving_may_end_after_a_number_of_batches(ground: Ground, root: Path) -> None:
    write_app(root, "TRIGGER\ndef f(changes: str) -> None: record(ids(changes))")
    ground.write("a", "b", "c")

    with Host(root, ground.settings | {"MAX_ITEMS": "1"}) as host:
        assert host.run_until_idle(max_batches=2).batches == 2
        assert recorded(root) == [[["a"]], [["b"]]]
        assert host.lags() == {"f": {"-FF": 1}}
        assert host.run_until_idle().batches == 1
        assert host.lags() == {"f": {"-FF": 0}}
        [lease] = host.counts()["f"].leases.values()

    assert lease.lag == 0
    assert ground.lease_documents()[0]["ContinuationToken"] == lease.continuation


def test_a_connection_may_be_an_endpoint_and_a_key(ground: Ground, root: Path) -> None:
    write_app(root, "TRIGGER\ndef f(changes: str) -> None: record(ids(changes))")
    ground.write("one")
    settings = {
        "MAX_ITEMS": "1",
        "COSMOS__accountEndpoint": ground.endpoint.url,
        "COSMOS__AccountKey": ground.endpoint.key,
    }

    with Host(root, settings) as host:
        host.run_until_idle()

    assert recorded(root) == [[["one"]]]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("leases", "elsewhere"), "does not exist"),
        (("leases", "source"), "has to have the partition key /id, not /user"),
        (('connection="COSMOS"', 'connection="OTHER"'), "There is no connection OTHER"),
    ],
)
def test_containers_and_connections_that_are_missing_are_named(
    ground: Ground, root: Path, change: tuple[str, str], sentence: str
) -> None:
    write_app(root, "TRIGGER\ndef f(changes: str) -> None: ...")
    app = root / "function_app.py"
    app.write_text(app.read_text().replace(*change))

    with Host(root, ground.settings) as host, pytest.raises(HostError, match=sentence):
        host.run_until_idle()


def test_a_missing_lease_container_is_created_where_the_trigger_asks_for_it(
    ground: Ground, root: Path
) -> None:
    write_app(root, "TRIGGER\ndef f(changes: str) -> None: record(ids(changes))")
    app = root / "function_app.py"
    asking = '"new", create_lease_container_if_not_exists=True'
    app.write_text(app.read_text().replace('"leases"', asking))
    ground.write("one")

    with Host(root, ground.settings) as host:
        host.run_until_idle()

    assert recorded(root) == [[["one"]]]


def test_a_document_nested_deeper_than_64_levels_stops_its_range(
    ground: Ground, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ground.write("deep", x=json.loads("[" * 64 + "]" * 64))

    assert delivered(ground, root, "TRIGGER\ndef f(changes: str) -> None: record(changes)") == []
    assert "deeper than 64 levels" in caplog.text
